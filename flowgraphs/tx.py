"""The radio process that transmits.

`python -m semcom_flowgraphs.tx --endpoint E --config LINK.json`: whoever started it sends a `RadioRequest` for each
message to that endpoint and gets a `TransmitReply` (semcom_ota/transport/radio.py).
"""

import argparse
from pathlib import Path

from gnuradio import gr
from semcom_blocks.failure import process_of_its_own
from semcom_flowgraphs.priority import go_first
from semcom_flowgraphs.radio import open_radio
from semcom_flowgraphs.serve import serve
from semcom_flowgraphs.transmit_side import TransmitSide

from semcom_ota.config import LinkConfig
from semcom_ota.services.worker import end_with_parent, load_config


class Tx(gr.top_block):
    """From text to bursts."""

    def __init__(self, link: LinkConfig, encoder: str = ""):
        """Open the radio and draw the flowgraph.

        Args:
            link: the whole link.
            encoder: endpoint of the encoder worker; '' lets the block start its own.

        Raises:
            ConfigError: the radio cannot be opened, or the air interface cannot work.
        """
        gr.top_block.__init__(self, "semcom tx")
        self.radio = open_radio(link, transmit=True)
        self.side = TransmitSide(self, self.radio, link, encoder)
        self.desk = self.side.desk

    @property
    def ready(self) -> bool:
        """Whether the encoder worker has been heard."""
        return self.side.ready

    def watch(self) -> None:
        """Look after the radio and its bursts."""
        self.side.watch()


def main() -> None:
    """Run as a process of its own, until SIGTERM, SIGINT or the end of standard input."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="semcom_flowgraphs.tx", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="where requests are taken, ipc://... or tcp://127.0.0.1:...")
    parser.add_argument("--config", required=True, type=Path, help="a LinkConfig as JSON")
    parser.add_argument("--encoder", default="", help="the encoder worker's endpoint; one is started if not given")
    parser.add_argument(
        "--radio", type=Path, help="file for what the radio is set to, as JSON, written once it is open"
    )
    arguments = parser.parse_args()
    with process_of_its_own():
        link = load_config(LinkConfig, arguments.config)
        tx = Tx(link, arguments.encoder)
        if arguments.radio:
            part = arguments.radio.with_suffix(".part")
            part.write_text(tx.radio.settings.model_dump_json(), encoding="utf-8")
            part.replace(arguments.radio)
        go_first(tx.radio)
        serve(tx, arguments.endpoint, link)


if __name__ == "__main__":
    main()
