"""The receive side of a flowgraph: from a radio's samples to results, with an account of what went wrong."""

from pathlib import Path
from typing import TextIO

from gnuradio import gr
from semcom_flowgraphs.radio import Radio

from semcom_ota.config import LinkConfig
from semcom_ota.radio.health import Health


class ReceiveSide:
    """radio -> frame_rx -> lam_decoder -> result log, with signal_watch beside it. For rx.py and trx.py."""

    def __init__(
        self,
        top: gr.top_block,
        radio: Radio,
        link: LinkConfig,
        frames_file: Path,
        results_file: TextIO,
        decoder: str = "",
        record: Path | None = None,
    ):
        """Connect the blocks within `top`.

        Args:
            top: the flowgraph, not started.
            radio: opened with `receive=True`; its settings are written down as the line `radio`.
            link: the whole link, of which the blocks are told the receiver's part.
            frames_file: for the frames found, one JSON line each.
            results_file: for all the rest, one JSON line each; opened for appending.
            decoder: endpoint of the decoder worker; '' lets the block start its own.
            record: file to which the received samples are appended, complex64.

        Raises:
            ConfigError: the air interface cannot work, or a file cannot be written.
        """
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Whether the decoder worker has been heard: its models are loaded."""
        raise NotImplementedError

    @property
    def over(self) -> bool:
        """Whether the radio's samples have an end, and all of them have been taken."""
        raise NotImplementedError

    @property
    def health(self) -> Health:
        """The receiver's counters so far."""
        raise NotImplementedError

    def watch(self) -> None:
        """To be called several times a second while the flowgraph runs: counters, level and gain.

        Raises:
            ConfigError: the device is gone.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """Take no more samples, decode what is incomplete, wait for all results. Before the flowgraph is stopped."""
        raise NotImplementedError
