"""What every radio is to the flowgraphs that use it. None of them asks which one it has."""

from typing import Any, Protocol

from semcom_blocks.burst_protocol import ASYNC_PORT, LENGTH_TAG

from semcom_ota.radio.settings import RadioSettings
from semcom_ota.radio.time_spec import TimeSpec

__all__ = ["ASYNC_PORT", "LENGTH_TAG", "Radio"]


class Radio(Protocol):
    """A `gr.hier_block2`: an input if it transmits, an output if it receives, complex64 at `phy.sample_rate`.

    Ports:
        in: bursts, each with the tags `packet_len` (an integer) and `tx_time` (a tuple of uint64 seconds and double
            fraction) on its first sample, and handed over whole.
        out: samples. The tags `rx_time` (as `tx_time`) and `rx_rate` are on the first sample, and on the first one
            after each gap. A radio whose time is the count of samples, from 0 and without gaps, has none.
        async_msgs: what the device says of bursts, as gr-uhd's sink does: `cons("uhd_async_msg", {event_code: list of
            symbols such as burst_ack, underflow, time_error; time_spec; channel})`. A backend without such messages
            has the port and says nothing.
    """

    settings: RadioSettings
    total_samples: int | None
    """How many samples `out` has in all, when what is received has an end, as a recording has: who has consumed as many
    is done. It goes on without a sample after them, because a stream that says it is over takes the blocks behind it
    down with messages still in their queues. None: it goes on for ever, or there is no receiver."""

    def time_now(self) -> TimeSpec:
        """The transmitter's clock: that of `tx_time`. Cheap enough for one call a burst."""
        ...

    def set_rx_gain(self, gain_db: float) -> float:
        """Ask for a gain of the receiver; the one that it has now. A backend without gain answers 0.0."""
        ...

    def watch(self) -> None:
        """To be called a few times a second while the flowgraph runs: GNU Radio goes on without a device that is gone.

        Raises:
            ConfigError: the device has stopped delivering or taking samples; one sentence names it. The process is to
                end (blocks/failure.py); what was received before is written down already.
        """
        ...

    def to_basic_block(self) -> Any:
        """For GNU Radio's `connect`."""
        ...
