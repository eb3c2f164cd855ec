"""The names of gr-uhd's Python module over the host library of the software twin (semcom_ota/twin).

Behaviour, tags and messages are those of gr-uhd 3.10's usrp_source and usrp_sink, as read in their source, for one
channel. What is here is what we call; tests/blocks/test_uhd_calls.py holds it against gr-uhd's own signatures. Left
out: `tx_freq`, `tx_command` and `tx_sob`/`tx_eob` tags, and the `command` port, which nothing of ours uses.
"""

import sys
import threading
import time
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks.burst_protocol import ASYNC_PORT, async_message
from semcom_flowgraphs.radio.twin_calls import UsrpCalls
from semcom_flowgraphs.radio.twin_types import device_addr, stream_args, time_spec, tune_request, tune_result

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client import TwinError

__all__ = ["SIMULATED", "device_addr", "stream_args", "time_spec", "tune_request", "usrp_sink", "usrp_source"]

SIMULATED = True
"""What is measured over it is no measurement on the air. gr-uhd's module has no such name."""

RECV_TIMEOUT_S = 0.1
SEND_TIMEOUT_S = 1.0
ASYNC_TIMEOUT_S = 0.1
EVENT_CODES = ("burst_ack", "underflow", "underflow_in_packet", "seq_error", "seq_error_in_burst", "time_error")


class usrp_source(UsrpCalls):
    """As gr-uhd's: tags `rx_time`, `rx_rate`, `rx_freq` on the first sample, after each overflow, and after tuning."""

    direction = "rx"

    def __init__(self, device_addr: str, stream_args: stream_args):
        """Open the receiver of this device.

        Raises:
            TwinError: no such device, taken, or it fails.
        """
        gr.sync_block.__init__(self, "twin usrp_source", None, [np.complex64])
        self._open(device_addr, stream_args)
        self._source_id = pmt.intern(f"usrp_source{self.unique_id()}")
        self._tag_now = False
        self.set_recv_timeout(RECV_TIMEOUT_S)

    def set_recv_timeout(self, timeout: float, one_packet: bool = True) -> None:
        """How long `work` waits, for one packet or for as many samples as there is room for."""
        self._timeout, self._one_packet = timeout, one_packet

    def set_center_freq(self, freq: tune_request, chan: int = 0) -> tune_result:
        """Tune; the next sample is tagged."""
        self._tag_now = True
        return super().set_center_freq(freq, chan)

    def start(self) -> bool:
        """Start streaming."""
        self._device.start_rx()
        self._tag_now = True
        return True

    def stop(self) -> bool:
        """Stop streaming."""
        try:
            self._device.stop_rx()
        except TwinError as error:
            gr.logger(self.name()).error(str(error))
        return True

    def work(self, _: Any, outputs: list[np.ndarray]) -> int:
        """Hand over what the device has sent; 0 after a timeout."""
        out = outputs[0]
        try:
            packet = self._device.recv(len(out), self._timeout, self._one_packet)
            while packet.error == "overflow":
                self._tag_now = True
                packet = self._device.recv(len(out), self._timeout, self._one_packet)
            count = len(packet.samples)
            if count and self._tag_now:
                self._tag(packet.time)
        except TwinError:
            time.sleep(self._timeout)
            return 0
        out[:count] = packet.samples
        return count

    def _tag(self, at: TimeSpec) -> None:
        self._tag_now = False
        time_tuple = pmt.make_tuple(pmt.from_uint64(at.seconds), pmt.from_double(at.fraction))
        rate, frequency = pmt.from_double(self.get_samp_rate()), pmt.from_double(self.get_center_freq())
        for key, value in (("rx_time", time_tuple), ("rx_rate", rate), ("rx_freq", frequency)):
            self.add_item_tag(0, self.nitems_written(0), pmt.intern(key), value, self._source_id)


class usrp_sink(UsrpCalls):
    """As gr-uhd's with a length tag: bursts, timed by `tx_time`; `async_msgs` says what became of them."""

    direction = "tx"

    def __init__(self, device_addr: str, stream_args: stream_args, tsb_tag_name: str):
        """Open the transmitter of this device.

        Raises:
            TwinError: no such device, taken, or it fails.
        """
        gr.sync_block.__init__(self, "twin usrp_sink", [np.complex64], None)
        self._open(device_addr, stream_args)
        self._length_key = tsb_tag_name
        self._rate = self.get_samp_rate()
        self._to_send = 0  # samples of the burst under way
        self._time: TimeSpec | None = None  # of the next sample, once a tag has said a time
        self._async_port = pmt.intern(ASYNC_PORT)
        self.message_port_register_out(self._async_port)
        self._stopping = threading.Event()
        self._events = threading.Thread(target=self._tell_events, name="twin async_msgs", daemon=True)

    def start(self) -> bool:
        """Start listening to what the device says."""
        self._events.start()
        return True

    def stop(self) -> bool:
        """End the burst under way, so that the device does not wait for the rest of it."""
        self._stopping.set()
        try:
            self._device.send(np.zeros(0, np.complex64), start=False, end=True, at=None, timeout=SEND_TIMEOUT_S)
        except TwinError as error:
            gr.logger(self.name()).error(str(error))
        self._events.join()
        return True

    def work(self, inputs: list[np.ndarray], _: Any) -> int:
        """Send what belongs to one burst; drop what belongs to none."""
        samples = inputs[0]
        count, start = self._read_tags(len(samples))
        if not self._to_send:
            print("tG", end="", file=sys.stderr, flush=True)
            self._pass(count)
            return count
        count = min(count, self._to_send)
        try:
            sent = self._device.send(
                samples[:count],
                start=start,
                end=count == self._to_send,
                at=self._time if start else None,
                timeout=SEND_TIMEOUT_S,
            )
        except TwinError:
            time.sleep(ASYNC_TIMEOUT_S)
            return 0
        self._to_send -= sent
        self._pass(sent)
        return sent

    def set_samp_rate(self, rate: float) -> None:
        """Ask for a sample rate."""
        super().set_samp_rate(rate)
        self._rate = self.get_samp_rate()

    def _pass(self, samples: int) -> None:
        if self._time is not None:
            self._time = self._time.after(samples / self._rate)

    def _read_tags(self, count: int) -> tuple[int, bool]:
        """How many samples are to be looked at, up to the next tag, and whether a burst starts with the first."""
        start = False
        first = self.nitems_read(0)
        for tag in sorted(self.get_tags_in_window(0, 0, count), key=lambda tag: tag.offset):
            key = pmt.symbol_to_string(tag.key)
            if key not in ("tx_time", self._length_key):
                continue
            if tag.offset != first:
                return tag.offset - first, start
            if key == "tx_time":
                seconds, fraction = pmt.tuple_ref(tag.value, 0), pmt.tuple_ref(tag.value, 1)
                self._time = TimeSpec(pmt.to_uint64(seconds), pmt.to_double(fraction))
                continue
            if self._to_send:
                print("tP", end="", file=sys.stderr, flush=True)
            self._to_send, start = pmt.to_long(tag.value), True
        return count, start

    def _tell_events(self) -> None:
        while not self._stopping.is_set():
            try:
                event = self._device.recv_async_msg(ASYNC_TIMEOUT_S)
            except TwinError:
                return
            if event is not None and event.codes:
                codes = [code for code in EVENT_CODES if code in event.codes]
                self.message_port_pub(self._async_port, async_message(codes, event.time, event.channel))
