"""The transmit side of a flowgraph: from texts to bursts on a radio."""

import time

from gnuradio import gr
from semcom_blocks import BurstScheduler, BurstWatch, FrameTx, ReportSource, SemanticEncoder
from semcom_flowgraphs.radio import ASYNC_PORT, Radio
from semcom_flowgraphs.transmit_desk import TransmitDesk

from semcom_ota.config import LinkConfig
from semcom_ota.radio.health import Health
from semcom_ota.transport.messages import MAX_FRAGMENTS

AHEAD_ITEMS = 1024
"""Between frame_tx and burst_scheduler: what is modulated there waits, and cannot be changed any more."""
WATCH_S = 0.1


class TransmitSide:
    """Draws the transmit blocks into a top block, in front of a radio that transmits.

    What serves it (`serve.py`) needs `desk`, `ready` and `watch`.

    Attributes:
        desk: texts go in, and each leaves with what became of it.
        semantic_encoder: its port `report` takes link reports of a local receiver.
    """

    def __init__(self, top: gr.top_block, radio: Radio, link: LinkConfig, encoder: str = ""):
        """Draw it.

        Args:
            top: the flowgraph, which starts and stops it.
            radio: opened with `transmit`.
            link: the whole link; `link.radio.bursts` says how frames become bursts.
            encoder: endpoint of the encoder worker; '' lets the block start its own.

        Raises:
            ConfigError: the air interface cannot work.
        """
        phy, port = link.phy, radio.settings.transmitter
        self._radio, self._watched = radio, 0.0
        self.semantic_encoder = SemanticEncoder(link.transmitter, encoder)
        queue_frames = MAX_FRAGMENTS * phy.messages_per_frame * link.transport.credit
        self.frame_tx = FrameTx(phy, gap_samples=0, queue_frames=queue_frames)
        self.frame_tx.set_max_output_buffer(AHEAD_ITEMS)
        rate = port.sample_rate if port is not None else phy.sample_rate
        self.burst_scheduler = BurstScheduler(phy, link.radio.bursts, radio.time_now, rate)
        self.burst_watch = BurstWatch()
        self.desk = TransmitDesk(lambda: self.burst_watch.health)

        # The way of a message.
        top.msg_connect(self.desk, "messages", self.semantic_encoder, "in")
        top.msg_connect(self.semantic_encoder, "out", self.frame_tx, "in")
        top.connect(self.frame_tx, self.burst_scheduler, radio)

        # What a receiver elsewhere says of the channel.
        if link.reports.subscribe:
            self.report_source = ReportSource(link.reports.subscribe, link.reports.public)
            top.msg_connect(self.report_source, "out", self.semantic_encoder, "report")

        # What the radio says of its bursts.
        top.msg_connect(self.burst_scheduler, "scheduled", self.burst_watch, "in")
        top.msg_connect(radio, ASYNC_PORT, self.burst_watch, "in")

        # What is known of a message on its way.
        top.msg_connect(self.semantic_encoder, "out", self.desk, "encoded")
        top.msg_connect(self.semantic_encoder, "failed", self.desk, "failed")
        top.msg_connect(self.frame_tx, "sent", self.desk, "sent")
        top.msg_connect(self.frame_tx, "dropped", self.desk, "dropped")
        top.msg_connect(self.burst_scheduler, "scheduled", self.desk, "scheduled")
        top.msg_connect(self.burst_watch, "fates", self.desk, "fates")

    @property
    def ready(self) -> bool:
        """Whether the encoder worker has ever been heard."""
        return self.semantic_encoder.ready

    @property
    def health(self) -> Health:
        """Of the transmitter, so far."""
        return self.burst_watch.health

    def watch(self) -> None:
        """Find out which bursts the radio will say no more of; to be called again and again, as often as one likes.

        Raises:
            ConfigError: the radio is gone.
        """
        now = time.monotonic()
        if now - self._watched < WATCH_S:
            return
        self._watched = now
        self._radio.watch()
        if self.desk.busy:  # some radios wait for a burst when they are asked for the time
            self.burst_watch.expire(self._radio.time_now())
