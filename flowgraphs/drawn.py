"""A radio for flowgraphs drawn in GNU Radio Companion, which nobody looks after while they run."""

from typing import Any

import pmt
import yaml
from gnuradio import blocks, gr
from semcom_blocks import BurstScheduler, read_link
from semcom_blocks.failure import end_process, ends_process
from semcom_flowgraphs.radio import ASYNC_PORT, Radio, open_radio

from semcom_ota.config import ConfigError
from semcom_ota.radio.caution import CAUTION
from semcom_ota.radio.time_spec import TimeSpec

LOOK_MS = 300


class DrawnRadio(gr.hier_block2):
    """A radio (radio/interface.py) that says what it is set to, and ends the process with a sentence when it is gone.

    Ports: those of the radio.
    """

    total_samples: int | None

    def __init__(
        self,
        link: str,
        *,
        transmit: bool,
        receive: bool,
        may_transmit: bool = False,
        rx_gain_db: float | None = None,
    ):
        """Open the radio. If it cannot be opened, that is the end of the process, with exit status 2 and a sentence.

        Args:
            link: name of a link that ships, or YAML file.
            transmit: whether it gets an input.
            receive: whether it gets an output.
            may_transmit: whether it may if it has a device, which puts power into an antenna or a cable.
            rx_gain_db: gain of the receiver; None: what the link says.
        """
        self._radio = _opened(link, transmit, receive, may_transmit)
        samples, none = gr.io_signature(1, 1, gr.sizeof_gr_complex), gr.io_signature(0, 0, 0)
        gr.hier_block2.__init__(self, "semcom radio", samples if transmit else none, samples if receive else none)
        self.settings, self.total_samples = self._radio.settings, self._radio.total_samples
        if rx_gain_db is not None:
            self.set_rx_gain(rx_gain_db)
        print(yaml.safe_dump(self.settings.model_dump(exclude_none=True), sort_keys=False), end="", flush=True)
        self.message_port_register_hier_out(ASYNC_PORT)
        if transmit:
            self.connect(self, self._radio)
            self.msg_connect(self._radio, ASYNC_PORT, self, ASYNC_PORT)
        if receive:
            self.connect(self._radio, self)
        self._clock, self._guard = blocks.message_strobe(pmt.PMT_NIL, LOOK_MS), _Guard(self._radio)
        self.msg_connect(self._clock, "strobe", self._guard, "look")

    def time_now(self) -> TimeSpec:
        """The transmitter's clock."""
        return self._radio.time_now()

    @ends_process
    def set_rx_gain(self, gain_db: float) -> float:
        """Ask for a gain of the receiver; the one that it has now."""
        return self._radio.set_rx_gain(gain_db)

    def watch(self) -> None:
        """It watches itself."""


class _Guard(gr.basic_block):
    """Looks whether the radio is still there."""

    def __init__(self, radio: Radio):
        gr.basic_block.__init__(self, "semcom radio_guard", None, None)
        self._radio = radio
        self.message_port_register_in(pmt.intern("look"))
        self.set_msg_handler(pmt.intern("look"), self.handle_look)

    @ends_process
    def handle_look(self, _: Any) -> None:
        """Look."""
        self._radio.watch()


def burst_scheduler(link: str, radio: Radio) -> BurstScheduler:
    """The burst scheduler of a link, for its radio."""
    told, port = read_link(link), radio.settings.transmitter
    rate = told.phy.sample_rate if port is None else port.sample_rate
    return BurstScheduler(told.phy, told.radio.bursts, radio.time_now, rate)


def _opened(name_or_file: str, transmit: bool, receive: bool, may_transmit: bool) -> Radio:
    try:
        link = read_link(name_or_file)
        if transmit and link.radio.radiates and not may_transmit:
            raise ConfigError(
                "nothing was sent: a device transmits only when it may. Before you set 'May transmit' (the parameter"
                f" may_transmit), {CAUTION}"
            )
        return open_radio(link, transmit=transmit, receive=receive)
    except ConfigError as error:
        end_process(error)
