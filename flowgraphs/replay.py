"""The radio process without a radio and without a transmitter: a recording goes through the receive blocks once more.

`python -m semcom_flowgraphs.replay --samples FILE --datatype cf32_le --missing FILE.json --config RECEIVER.json
--results FILE --frames FILE`: as fast as the decoder follows. The frames found go to one file of JSON lines
(semcom_ota.recording.frame_log). The other one begins anew with `{"begun": true}` whenever the process is started, and
holds what `ResultLog` writes, `{"position": samples}` now and then, and at last `{"done": true}`. Then the process
waits for its end.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from gnuradio import gr
from semcom_blocks import FrameRx, LamDecoder, RecordingSource
from semcom_blocks.failure import process_of_its_own
from semcom_flowgraphs.result_log import ResultLog

from semcom_ota.config import ReceiverConfig
from semcom_ota.recording.frame_log import FrameLog
from semcom_ota.recording.samples import SampleFile, SampleReader
from semcom_ota.recording.writing import Missing
from semcom_ota.services.worker import end_with_parent, load_config

BACKLOG = 64
"""Frames and messages between receiver and decoder, above which no samples are handed over."""
LOOK_S = 0.05


class Replay(gr.top_block):
    """From samples to text."""

    def __init__(
        self,
        reader: SampleReader,
        receiver: ReceiverConfig,
        frames: Path,
        results: TextIO,
        decoder: str = "",
        missing: Sequence[Missing] = (),
    ):
        """Draw the flowgraph.

        Args:
            reader: of the recording.
            receiver: the receiving side.
            frames: file for the frames found.
            results: file for all the rest.
            decoder: endpoint of the decoder worker; '' lets the block start its own.
            missing: where the recorder lost samples.

        Raises:
            ConfigError: the air interface cannot work.
        """
        gr.top_block.__init__(self, "semcom replay")
        self.frame_rx = FrameRx(receiver.phy, FrameLog(frames))
        lookahead, rate = self.frame_rx.lookahead_samples, receiver.phy.sample_rate
        self.recording_source = RecordingSource(reader, lookahead, self._keeps_up, missing, rate)
        self.lam_decoder = LamDecoder(receiver, decoder)
        self.result_log = ResultLog(results)

        self.connect(self.recording_source, self.frame_rx)
        self.msg_connect(self.frame_rx, "out", self.lam_decoder, "in")
        self.msg_connect(self.lam_decoder, "out", self.result_log, "in")

    def replay(self) -> None:
        """Run until the last message is written down."""
        self.start()
        rx, decoder, log = self.frame_rx, self.lam_decoder, self.result_log
        while rx.consumed < self.recording_source.total:
            time.sleep(LOOK_S)
            log.write({"position": rx.consumed})
        while decoder.frames < rx.frames:
            time.sleep(LOOK_S)
        decoder.finish()
        while decoder.decoding or log.results < decoder.results:
            time.sleep(LOOK_S)
        self.stop()
        self.wait()
        log.write({"done": True})

    def _keeps_up(self) -> bool:
        return self.frame_rx.frames - self.lam_decoder.frames + self.lam_decoder.decoding < BACKLOG


def main() -> None:
    """Run as a process of its own, until SIGTERM, SIGINT or the end of standard input."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="semcom_flowgraphs.replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", required=True, type=Path, help="a file of bare samples")
    parser.add_argument("--datatype", required=True, help="how they are stored, in SigMF's words")
    parser.add_argument("--config", required=True, type=Path, help="a ReceiverConfig as JSON")
    parser.add_argument("--decoder", default="", help="the decoder worker's endpoint; one is started if not given")
    parser.add_argument("--results", required=True, type=Path, help="file for what became of each message")
    parser.add_argument("--frames", required=True, type=Path, help="file for the frames found")
    parser.add_argument("--missing", required=True, type=Path, help="where samples are missing: pairs as JSON")
    arguments = parser.parse_args()
    with process_of_its_own():
        arguments.frames.unlink(missing_ok=True)  # of a process that was killed
        with arguments.results.open("a", encoding="utf-8") as results:
            results.write('\n{"begun": true}\n')
            receiver = load_config(ReceiverConfig, arguments.config)
            reader = SampleReader(SampleFile(arguments.samples, arguments.datatype))
            missing = [Missing(*pair) for pair in json.loads(arguments.missing.read_bytes())]
            Replay(reader, receiver, arguments.frames, results, arguments.decoder, missing).replay()
            while True:
                time.sleep(60)


if __name__ == "__main__":
    main()
