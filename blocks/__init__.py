"""GNU Radio blocks: thin adapters over semcom_ota. Each calls one object of it and holds no signal processing."""

from semcom_blocks.burst_scheduler import BurstScheduler
from semcom_blocks.burst_sink import BurstSink
from semcom_blocks.burst_watch import BurstWatch
from semcom_blocks.frame_rx import FrameRx
from semcom_blocks.frame_tx import FrameTx
from semcom_blocks.lam_decoder import LamDecoder
from semcom_blocks.link import read_channel, read_link
from semcom_blocks.loopback_channel import LoopbackChannel
from semcom_blocks.probe import Probe
from semcom_blocks.recording_source import RecordingSource, read_samples
from semcom_blocks.report_link import ReportSink, ReportSource
from semcom_blocks.result_sink import ResultSink
from semcom_blocks.semantic_encoder import SemanticEncoder
from semcom_blocks.signal_watch import SignalWatch
from semcom_blocks.text_source import TextSource
from semcom_blocks.unequalizer import Unequalizer

__all__ = [
    "BurstScheduler",
    "BurstSink",
    "BurstWatch",
    "FrameRx",
    "FrameTx",
    "LamDecoder",
    "LoopbackChannel",
    "Probe",
    "RecordingSource",
    "ReportSink",
    "ReportSource",
    "ResultSink",
    "SemanticEncoder",
    "SignalWatch",
    "TextSource",
    "Unequalizer",
    "read_channel",
    "read_link",
    "read_samples",
]
