"""The radio process without a radio: the transmit and receive blocks joined by the simulated channel.

`python -m semcom_flowgraphs.loopback --endpoint E --config LINK.json`: whoever started it sends a `RadioRequest` for
each message to that endpoint and gets a `RadioReply` (semcom_ota/transport/radio.py).
"""

import argparse
from pathlib import Path

from gnuradio import gr
from semcom_blocks import FrameRx, FrameTx, LamDecoder, LoopbackChannel, SemanticEncoder
from semcom_blocks.failure import process_of_its_own
from semcom_blocks.loopback_channel import SAMPLE_BYTES
from semcom_blocks.report_link import ReportChannel
from semcom_flowgraphs.exchange import Exchange
from semcom_flowgraphs.serve import serve, warm_up_receiver

from semcom_ota.config import LinkConfig
from semcom_ota.recording.frame_log import FrameLog
from semcom_ota.services.worker import end_with_parent, load_config
from semcom_ota.transport.messages import MAX_FRAGMENTS


class Loopback(gr.top_block):
    """From text to text."""

    def __init__(self, link: LinkConfig, encoder: str = "", decoder: str = "", record: Path | None = None):
        """Draw the flowgraph.

        Args:
            link: the whole link.
            encoder: endpoint of the encoder worker; '' lets the block start its own.
            decoder: endpoint of the decoder worker, likewise.
            record: file to which the channel's output is appended, and `.frames.jsonl` and `.received.jsonl` beside it:
                what was sent and what of it was received.

        Raises:
            ConfigError: the air interface cannot work.
        """
        gr.top_block.__init__(self, "semcom loopback")
        warm_up_receiver(link.phy)
        radio, phy = link.loopback, link.phy
        reach = radio.reach_samples(phy)
        self.frame_rx = FrameRx(phy, _log_beside(record) if record else None)
        # The silence after a frame takes it through the receiver, so that what a message meets never depends on the
        # time at which the next one comes.
        self.frame_tx = FrameTx(
            phy,
            reach + self.frame_rx.lookahead_samples,
            queue_frames=MAX_FRAGMENTS * phy.messages_per_frame * link.transport.credit,
            share="marked",
        )
        self.semantic_encoder = SemanticEncoder(link.transmitter, encoder)
        self.lam_decoder = LamDecoder(link.receiver, decoder)
        self.channel = LoopbackChannel(phy, radio.channel, radio.snr_db, radio.messages_per_snr, radio.seed, record)
        self.way_back = ReportChannel(radio.faults.reports_cut)
        self.desk = Exchange(reach, self.frame_rx.lookahead_samples)

        # The way of a message.
        self.msg_connect(self.desk, "messages", self.semantic_encoder, "in")
        self.msg_connect(self.semantic_encoder, "out", self.frame_tx, "in")
        self.connect(self.frame_tx, self.channel, self.frame_rx)
        self.msg_connect(self.frame_rx, "out", self.lam_decoder, "in")
        self.msg_connect(self.lam_decoder, "out", self.desk, "results")

        # What the transmitter learns of the channel.
        self.msg_connect(self.frame_rx, "report", self.way_back, "in")
        self.msg_connect(self.desk, "over", self.way_back, "in")
        self.msg_connect(self.way_back, "out", self.semantic_encoder, "report")

        # What is known of a message on its way; `over` and `silence` find the lost ones.
        self.msg_connect(self.semantic_encoder, "out", self.desk, "encoded")
        self.msg_connect(self.semantic_encoder, "failed", self.desk, "failed")
        self.msg_connect(self.frame_tx, "sent", self.desk, "sent")
        self.msg_connect(self.frame_tx, "dropped", self.desk, "dropped")
        self.msg_connect(self.frame_rx, "out", self.desk, "received")
        self.msg_connect(self.desk, "over", self.lam_decoder, "in")
        self.msg_connect(self.desk, "silence", self.frame_tx, "silence")

    @property
    def ready(self) -> bool:
        """Whether both workers have been heard."""
        return self.semantic_encoder.ready and self.lam_decoder.ready

    def watch(self) -> None:
        """Find out which messages are over."""
        consumed, produced = self.frame_rx.consumed, self.frame_tx.produced
        self.desk.watch(consumed, produced, self.frame_rx.position)


def _log_beside(record: Path) -> FrameLog:
    """The receiver's stream begins where the recording goes on."""
    recorded = record.stat().st_size // SAMPLE_BYTES if record.exists() else 0
    return FrameLog(record.with_name(record.name + ".received.jsonl"), recorded)


def main() -> None:
    """Run as a process of its own, until SIGTERM, SIGINT or the end of standard input."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="semcom_flowgraphs.loopback", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="where requests are taken, ipc://... or tcp://127.0.0.1:...")
    parser.add_argument("--config", required=True, type=Path, help="a LinkConfig as JSON")
    parser.add_argument("--encoder", default="", help="the encoder worker's endpoint; one is started if not given")
    parser.add_argument("--decoder", default="", help="the decoder worker's endpoint; one is started if not given")
    parser.add_argument(
        "--record", type=Path, help="append the channel's output, little-endian complex64, to this file"
    )
    arguments = parser.parse_args()
    with process_of_its_own():
        link = load_config(LinkConfig, arguments.config)
        serve(Loopback(link, arguments.encoder, arguments.decoder, arguments.record), arguments.endpoint, link)


if __name__ == "__main__":
    main()
