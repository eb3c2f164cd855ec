"""The radio process that transmits and receives with one device.

`python -m semcom_flowgraphs.trx --endpoint E --config LINK.json --results FILE --frames FILE`: whoever started it sends
a `RadioRequest` for each message to that endpoint and gets a `TransmitReply` (semcom_ota/transport/radio.py). What is
received goes to two files of JSON lines, as `ReceiveSide` says. The one of results gets `{"begun": true}` whenever the
process is started, and `{"done": true}` once the file `RESULTS.finish` is there and all is decoded.
"""

import argparse
from pathlib import Path
from typing import TextIO

from gnuradio import gr
from semcom_blocks.failure import process_of_its_own
from semcom_flowgraphs.priority import go_first
from semcom_flowgraphs.radio import open_radio
from semcom_flowgraphs.receive_side import ReceiveSide
from semcom_flowgraphs.serve import serve, warm_up_receiver
from semcom_flowgraphs.transmit_side import TransmitSide

from semcom_ota.config import LinkConfig
from semcom_ota.services.worker import end_with_parent, load_config


class Trx(gr.top_block):
    """From text to bursts, and from samples to text."""

    def __init__(
        self,
        link: LinkConfig,
        frames: Path,
        results: TextIO,
        finish: Path,
        encoder: str = "",
        decoder: str = "",
        record: Path | None = None,
    ):
        """Open the radio and draw the flowgraph.

        Args:
            link: the whole link.
            frames: file for the frames found.
            results: file for all else that is received.
            finish: once this file is there, no more is received.
            encoder: endpoint of the encoder worker; '' lets the block start its own.
            decoder: endpoint of the decoder worker, likewise.
            record: file to which the received samples are appended.

        Raises:
            ConfigError: the radio cannot be opened, or the air interface cannot work.
        """
        gr.top_block.__init__(self, "semcom trx")
        self._finish, self._finished = finish, False
        self.radio = open_radio(link, transmit=True, receive=True)
        warm_up_receiver(link.phy)  # now: what is slow the first time would cost samples later
        self.transmit_side = TransmitSide(self, self.radio, link, encoder)
        self.receive_side = ReceiveSide(self, self.radio, link, frames, results, decoder, record)
        self.desk = self.transmit_side.desk

        # What the transmitter learns of the channel.
        self.msg_connect(self.receive_side.frame_rx, "report", self.transmit_side.semantic_encoder, "report")

    @property
    def ready(self) -> bool:
        """Whether the workers have been heard."""
        return self.transmit_side.ready and self.receive_side.ready

    def watch(self) -> None:
        """Look after the radio, its bursts and what is received."""
        self.transmit_side.watch()
        if self._finished:
            return
        self.receive_side.watch()
        if self._finish.exists():
            self.receive_side.finish()
            self.receive_side.result_log.write({"done": True})
            self._finished = True


def main() -> None:
    """Run as a process of its own, until SIGTERM, SIGINT or the end of standard input."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="semcom_flowgraphs.trx", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="where requests are taken, ipc://... or tcp://127.0.0.1:...")
    parser.add_argument("--config", required=True, type=Path, help="a LinkConfig as JSON")
    parser.add_argument("--encoder", default="", help="the encoder worker's endpoint; one is started if not given")
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
        finish = arguments.results.with_name(arguments.results.name + ".finish")
        workers = arguments.encoder, arguments.decoder
        trx = Trx(link, arguments.frames, results, finish, *workers, arguments.record)
        go_first(trx.radio)
        serve(trx, arguments.endpoint, link)


if __name__ == "__main__":
    main()
