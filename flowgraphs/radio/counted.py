"""What the radios have in common that have no device: time is the count of samples, and there is no gain."""

from typing import Any

from gnuradio import gr
from semcom_blocks.burst_filler import BurstFiller
from semcom_flowgraphs.radio.interface import ASYNC_PORT

from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.radio.time_spec import TimeSpec

SAMPLE_BYTES = gr.sizeof_gr_complex


class CountedRadio(gr.hier_block2):
    """A radio (interface.py) without a device. Its received samples have no tags: their time begins at 0, without gaps.

    A backend connects what is its own: `transmit` and `receive`.
    """

    total_samples: int | None = None

    def __init__(self, kind: str, level: str, transmitter: PortSettings | None, receiver: PortSettings | None):
        """With an input if there is a transmitter, and an output if there is a receiver; nothing is connected."""
        none, one = gr.io_signature(0, 0, 0), gr.io_signature(1, 1, SAMPLE_BYTES)
        inputs, outputs = (one if port else none for port in (transmitter, receiver))
        gr.hier_block2.__init__(self, f"semcom {kind} radio", inputs, outputs)
        self.settings = RadioSettings(kind=kind, level=level, waits=True, transmitter=transmitter, receiver=receiver)
        self.message_port_register_hier_out(ASYNC_PORT)
        self._filler: BurstFiller | None = None
        self._kept: list[Any] = []  # Python blocks must not be garbage while the flowgraph runs

    def transmit(self, filler: BurstFiller, *following: Any) -> None:
        """Connect the input: bursts through the filler to the block that takes the samples."""
        self._filler = filler
        self._kept += following
        self.connect(self, filler, *following)
        self.msg_connect(filler, ASYNC_PORT, self, ASYNC_PORT)

    def receive(self, *blocks: Any) -> None:
        """Connect the output: from the block that has the samples."""
        self._kept += blocks
        self.connect(*blocks, self)

    def time_now(self) -> TimeSpec:
        """By the samples that were put out."""
        return self._filler.time_now() if self._filler is not None else TimeSpec()

    def set_rx_gain(self, gain_db: float) -> float:
        """There is none."""
        return 0.0

    def watch(self) -> None:
        """Nothing can vanish."""
