"""The replay flowgraph: every message comes out, however slow the decoder is."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from radio_bench import Server
from semcom_blocks import recording_source
from semcom_flowgraphs import replay

from semcom_ota.codecs.conventional import Utf8
from semcom_ota.config import CodecConfig, DeviceConfig, PhyConfig, ReceiverConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.frame_log import read_log
from semcom_ota.recording.samples import SampleFile, SampleReader
from semcom_ota.services.decoder import DecoderService
from semcom_ota.services.encoder import to_frames
from semcom_ota.transport.endpoint import ipc_endpoint

pytestmark = pytest.mark.timeout(120)
CONFIG = ReceiverConfig(codec=CodecConfig(names=("utf8",)), phy=PhyConfig(max_frame_symbols=200))
CODEC = Utf8(CONFIG.codec, DeviceConfig())
GAP = np.zeros(500, np.complex64)
SHORT = 60
BACKLOG, BUFFER = 4, 8192


class Slow(DecoderService):
    """Takes its time."""

    def answer(self, packet):
        time.sleep(0.003)
        return super().answer(packet)


def capture(file: Path, texts: list[str]) -> SampleFile:
    """Frames one after the other; of the last message the last frame is missing."""
    transmitter, parts = Transmitter(CONFIG.phy), []
    for message, text in enumerate(texts):
        frames = to_frames(CODEC.encode(text), CODEC.number, 0, message, CONFIG.phy.max_frame_symbols)
        kept = frames[:-1] if message == len(texts) - 1 else frames
        parts += [part for frame in kept for part in (transmitter.modulate(frame), GAP)]
    rng = np.random.default_rng(1)
    samples = np.concatenate(parts)[: -len(GAP)]
    noise = rng.normal(scale=0.01, size=(2, len(samples)))
    (samples + noise[0] + 1j * noise[1]).astype(np.complex64).tofile(file)
    return SampleFile(file, "cf32_le")


def test_all_messages_come_out_and_no_more_than_a_few_wait_for_a_slow_decoder(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(replay, "BACKLOG", BACKLOG)
    monkeypatch.setattr(recording_source, "CHUNK", BUFFER)
    texts = [f"Message {number}." for number in range(SHORT)] + ["A long one. " * 40]
    samples = capture(tmp_path / "capture", texts)
    endpoint = ipc_endpoint(tmp_path, "decoder")
    with Server(endpoint, CONFIG.transport, Slow(CONFIG)), (tmp_path / "results").open("w") as lines:
        flowgraph = replay.Replay(SampleReader(samples), CONFIG, tmp_path / "frames", lines, endpoint)
        decoder, waiting = flowgraph.lam_decoder, []
        decode = decoder._decode
        monkeypatch.setattr(decoder, "_decode", lambda message: (waiting.append(decoder.decoding), decode(message)))
        flowgraph.replay()

    told = [json.loads(line) for line in (tmp_path / "results").read_text().splitlines()]
    results = {line["result"]["message"]: line["result"] for line in told if "result" in line}
    assert told[-1] == {"done": True} and not decoder.dropped
    assert [results[number]["text"] for number in range(SHORT)] == texts[:SHORT]
    assert results[SHORT]["lost_fragments"] == [results[SHORT]["fragments"] - 1]
    frames = list(read_log(tmp_path / "frames"))
    assert len(frames) == flowgraph.frame_rx.frames == SHORT + results[SHORT]["fragments"] - 1
    assert [results[number]["start_sample"] for number in range(SHORT)] == [found.start for found in frames[:SHORT]]
    assert (
        max(waiting) <= BACKLOG + 3 * BUFFER / (frames[1].start - frames[0].start) < SHORT / 2
    )  # GNU Radio's and ours
