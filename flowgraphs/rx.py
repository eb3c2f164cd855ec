"""The radio process that receives.

`python -m semcom_flowgraphs.rx --config LINK.json --results FILE --frames FILE`: what it finds goes to two files of
JSON lines, as `ReceiveSide` says. The one of results gets `{"begun": true}` whenever the process is started, and at
last `{"done": true}`: at the end of a recording, or when the file `RESULTS.finish` is there. Then the process waits for
its end.
"""

import argparse
import time
from pathlib import Path
from typing import TextIO

from gnuradio import gr
from semcom_blocks.failure import process_of_its_own
from semcom_flowgraphs.priority import go_first
from semcom_flowgraphs.radio import open_radio
from semcom_flowgraphs.receive_side import ReceiveSide
from semcom_flowgraphs.serve import warm_up_receiver

from semcom_ota.config import LinkConfig
from semcom_ota.services.worker import end_with_parent, load_config

LOOK_S = 0.05


class Rx(gr.top_block):
    """From samples to text."""

    def __init__(self, link: LinkConfig, frames: Path, results: TextIO, decoder: str = "", record: Path | None = None):
        """Open the radio and draw the flowgraph.

        Args:
            link: the whole link.
            frames: file for the frames found.
            results: file for all the rest.
            decoder: endpoint of the decoder worker; '' lets the block start its own.
            record: file to which the received samples are appended.

        Raises:
            ConfigError: the radio cannot be opened, or the air interface cannot work.
        """
        gr.top_block.__init__(self, "semcom rx")
        self._phy = link.phy
        self.radio = open_radio(link, receive=True)
        self.side = ReceiveSide(self, self.radio, link, frames, results, decoder, record)

    def receive(self, finish: Path) -> None:
        """Run to the end of the radio's samples, or until the file `finish` is there, and then to the last result.

        Raises:
            ConfigError: the device is gone.
        """
        warm_up_receiver(self._phy)  # what is slow the first time would cost samples
        go_first(self.radio)
        self.start()
        while not (self.side.over or finish.exists()):
            time.sleep(LOOK_S)
            self.side.watch()
        self.side.finish()
        self.stop()
        self.wait()
        self.side.result_log.write({"done": True})


def main() -> None:
    """Run as a process of its own, until SIGTERM, SIGINT or the end of standard input."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="semcom_flowgraphs.rx", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", required=True, type=Path, help="a LinkConfig as JSON")
    parser.add_argument("--decoder", default="", help="the decoder worker's endpoint; one is started if not given")
    parser.add_argument("--results", required=True, type=Path, help="file for what is received, and what goes wrong")
    parser.add_argument("--frames", required=True, type=Path, help="file for the frames found")
    parser.add_argument(
        "--record", type=Path, help="append the received samples, little-endian complex64, to this file"
    )
    arguments = parser.parse_args()
    with process_of_its_own(), arguments.results.open("a", encoding="utf-8") as results:
        results.write('\n{"begun": true}\n')
        results.flush()
        link = load_config(LinkConfig, arguments.config)
        rx = Rx(link, arguments.frames, results, arguments.decoder, arguments.record)
        rx.receive(arguments.results.with_name(arguments.results.name + ".finish"))
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
