import json
import os
from pathlib import Path

import numpy as np
import pytest
from gnuradio import blocks
from radio_bench import Chopper, gr, pmt
from semcom_blocks import LoopbackChannel, pdu

from semcom_ota.config import PhyConfig, load_channel
from semcom_ota.phy.impairments import impair

pytestmark = pytest.mark.timeout(60)
PHY = PhyConfig()
CHANNEL = load_channel("rayleigh")
LENGTHS = (1700, 1, 4096, 900, 2500)
SNR_DB = (3.0, 12.0)


def stream(seed: int) -> tuple[list[np.ndarray], dict[int, object]]:
    rng = np.random.default_rng(seed)
    parts = [(rng.normal(size=n) + 1j * rng.normal(size=n)).astype(np.complex64) for n in LENGTHS]
    tags, start = {}, 0
    for message, part in enumerate(parts):
        meta = {"stream": 7, "message": message, "fragment": message % 2, "length": len(part)}
        tags[start] = pmt.car(pdu.make(meta, b""))
        start += len(part)
    return parts, tags


def run(channel: LoopbackChannel, samples: np.ndarray, tags: dict[int, object], seed: int) -> tuple[np.ndarray, int]:
    top, sink = gr.top_block(), blocks.vector_sink_c()
    source = Chopper(samples, tags, seed)
    top.connect(source, channel, sink)
    top.run(int(np.random.default_rng(seed).integers(100, 5000)))
    return np.array(sink.data(), np.complex64), len(sink.tags())


@pytest.mark.parametrize(("seed", "name"), [(0, "rayleigh"), (1, "rayleigh"), (2, "tdl-a"), (3, "impaired")])
def test_each_frame_is_impaired_as_the_function_does_it_whatever_the_chunks(seed: int, name: str):
    channel = load_channel(name)
    parts, tags = stream(seed)
    received, tags_left = run(
        LoopbackChannel(PHY, channel, SNR_DB, messages_per_snr=2, seed=5), np.concatenate(parts), tags, seed
    )
    snrs = (3.0, 3.0, 12.0, 12.0, 12.0)  # the last one stays
    expected = [
        impair(part, channel, PHY, snr_db, 5, (message, message % 2))
        for message, (part, snr_db) in enumerate(zip(parts, snrs, strict=True))
    ]
    np.testing.assert_array_equal(received, np.concatenate(expected))
    assert tags_left == 0


def test_the_channel_can_change():
    parts, tags = stream(4)
    block = LoopbackChannel(PHY, CHANNEL, SNR_DB[:1], seed=5)
    block.set_channel(load_channel("tdl-a"))
    received, _ = run(block, np.concatenate(parts), tags, 4)
    expected = impair(parts[0], load_channel("tdl-a"), PHY, SNR_DB[0], 5, (0, 0))
    np.testing.assert_array_equal(received[: len(expected)], expected)


def test_samples_of_no_frame_pass_as_they_are():
    parts, tags = stream(0)
    before = np.arange(500).astype(np.complex64)
    shifted = {offset + 500: tag for offset, tag in tags.items()}
    received, _ = run(LoopbackChannel(PHY, CHANNEL), np.concatenate([before, *parts, before]), shifted, 1)
    np.testing.assert_array_equal(received[:500], before)
    np.testing.assert_array_equal(received[-500:], before)
    assert len(received) == sum(LENGTHS) + 1000


def test_the_recording_is_the_output_and_goes_on_where_it_stopped(tmp_path: Path):
    parts, tags = stream(2)
    file = tmp_path / "capture"
    outputs = [run(LoopbackChannel(PHY, CHANNEL, record=file), np.concatenate(parts), tags, seed)[0] for seed in (1, 2)]
    recorded = np.fromfile(file, np.complex64)
    np.testing.assert_array_equal(recorded, np.concatenate(outputs))
    lines = [json.loads(line) for line in (tmp_path / "capture.frames.jsonl").read_text().splitlines()]
    assert len(lines) == 2 * len(LENGTHS)
    sixth = {"stream": 7, "message": 0, "fragment": 0, "length": LENGTHS[0], "start": sum(LENGTHS), "snr_db": 12.0}
    assert lines[5] == sixth


@pytest.mark.parametrize(("cut_samples", "cut_lines"), [(3, 0), (8, 10), (2503 * 8 + 5, 1)])
def test_a_recording_that_a_kill_cut_short_goes_on_at_a_whole_sample(tmp_path: Path, cut_samples: int, cut_lines: int):
    parts, tags = stream(2)
    file, marks = tmp_path / "capture", tmp_path / "capture.frames.jsonl"
    first, _ = run(LoopbackChannel(PHY, CHANNEL, record=file), np.concatenate(parts), tags, 1)
    os.truncate(file, file.stat().st_size - cut_samples)
    os.truncate(marks, marks.stat().st_size - cut_lines)
    second, _ = run(LoopbackChannel(PHY, CHANNEL, record=file), np.concatenate(parts), tags, 2)
    recorded, kept = np.fromfile(file, np.complex64), len(first) - -(-cut_samples // 8)
    np.testing.assert_array_equal(recorded, np.concatenate([first[:kept], second]))
    lines = [json.loads(line) for line in marks.read_text().splitlines()]
    assert len(lines) == 2 * len(LENGTHS) - bool(cut_lines)
    for line, length, start in zip(lines[-len(LENGTHS) :], LENGTHS, np.cumsum([0, *LENGTHS]), strict=False):
        assert (line["start"], line["length"]) == (kept + start, length)


def test_the_snr_can_be_changed_under_way():
    channel = LoopbackChannel(PHY, load_channel("awgn"), 60.0)
    channel.set_snr_db(0.0)
    parts, tags = stream(3)
    received, _ = run(channel, np.concatenate(parts), tags, 1)
    np.testing.assert_array_equal(received[: LENGTHS[0]], impair(parts[0], load_channel("awgn"), PHY, 0.0, 0, (0, 0)))
