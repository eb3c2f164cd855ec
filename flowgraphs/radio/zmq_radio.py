"""Samples over ZMQ by srsRAN's convention: who transmits binds REP, who receives asks with REQ, answers are raw cf32.

Any program that keeps to it can be on the other side: srsRAN, or a GNU Radio flowgraph with `zeromq.req_source` or
`zeromq.rep_sink` (timeout of a few milliseconds, no tags). Samples move when somebody asks for them. A request for more
than there is gets what there is, and that may be an empty message: then the other side is to ask again, as they do.
"""

import errno
import os
import re
import time
from typing import Any

from gnuradio import blocks, zeromq
from semcom_blocks.burst_filler import BurstFiller
from semcom_blocks.frame_tx import BUFFER_ITEMS
from semcom_flowgraphs.radio.counted import SAMPLE_BYTES, CountedRadio

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.radio.settings import PortSettings
from semcom_ota.radio_config import ZmqRadio as ZmqConfig
from semcom_ota.transport.endpoint import MAX_IPC_PATH_BYTES, EndpointLock, in_use

SILENCE_S = 30.0
"""A transmitter that answered before and has not for so long is gone: it would answer with zeros at least."""


class ZmqRadio(CountedRadio):
    """GNU Radio's own ZMQ blocks; on the transmitting side, time runs on with zeros where there is no burst."""

    def __init__(self, link: LinkConfig, radio: ZmqConfig, transmit: bool, receive: bool):
        """Bind, connect, or both.

        Raises:
            ConfigError: an endpoint is in use, or is none.
        """
        rate = link.phy.sample_rate
        transmitter = PortSettings(device=radio.transmit, sample_rate=rate) if transmit else None
        receiver = PortSettings(device=radio.receive, sample_rate=rate) if receive else None
        super().__init__("zmq", "flowgraph", transmitter, receiver)
        self._asked = radio.receive
        self._received, self._received_at = 0, 0.0
        if transmit:
            sink = self._open(zeromq.rep_sink, "transmit", radio.transmit, radio.timeout_ms)
            lead_s = 1e-3 * radio.bursts.lead_ms
            self.transmit(BurstFiller(rate, idle_zeros=True, lead_s=lead_s, follower=sink), sink)
        if receive:
            self._source = self._open(zeromq.req_source, "receive", radio.receive, radio.timeout_ms)
            self._source.set_min_output_buffer(BUFFER_ITEMS)
            self._taker = blocks.copy(SAMPLE_BYTES)
            self.receive(self._source, self._taker)

    def watch(self) -> None:
        """Whether the transmitter still answers. While samples wait for us, it has not been asked.

        Raises:
            ConfigError: it has stopped.
        """
        if self.settings.receiver is None:
            return
        taken, received, now = self._taker.nitems_read(0), self._source.nitems_written(0), time.monotonic()
        if received != self._received or not taken or taken < received:
            self._received, self._received_at = received, now
        elif now - self._received_at > SILENCE_S:
            raise ConfigError(
                f"the transmitter at '{self._asked}' has not answered for {SILENCE_S:g} s: when it runs again, start"
                " this receiver again, too"
            )

    def _open(self, block: type, role: str, endpoint: str, timeout_ms: int) -> Any:
        what = f"radio.{role} '{endpoint}'"
        scheme, _, address = endpoint.partition("://")
        if scheme == "ipc" and (not address.startswith("/") or len(os.fsencode(address)) > MAX_IPC_PATH_BYTES):
            raise ConfigError(f"{what} needs an absolute path of at most {MAX_IPC_PATH_BYTES} bytes")
        port = re.fullmatch(r".+:([0-9]{1,5})", address)
        if scheme == "tcp" and not (port and 1 <= int(port[1]) <= 65535):  # libzmq takes 65537 for 1
            raise ConfigError(f"{what} has no port from 1 to 65535: write it as tcp://127.0.0.1:2000")
        if scheme == "ipc" and role == "transmit":
            self._kept.append(EndpointLock(endpoint))  # libzmq would take a socket file away from a living process
        try:
            return block(SAMPLE_BYTES, 1, endpoint, timeout_ms, False)
        except RuntimeError as error:
            if str(error) == os.strerror(errno.EADDRINUSE):
                raise ConfigError(in_use(endpoint)) from error
            raise ConfigError(
                f"{what} cannot be used ({error}): give an address of this machine, such as tcp://127.0.0.1:2000"
            ) from error


def open_radio(link: LinkConfig, *, transmit: bool, receive: bool) -> ZmqRadio:
    """See `semcom_flowgraphs.radio.open_radio`."""
    assert isinstance(link.radio, ZmqConfig)
    return ZmqRadio(link, link.radio, transmit, receive)
