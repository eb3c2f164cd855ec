from pathlib import Path

import numpy as np
import pmt
import pytest
from gnuradio import blocks
from radio_bench import gr, wait_until
from semcom_blocks import RecordingSource, read_samples

from semcom_ota.radio.stream_clock import Gap, StreamClock
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.recording.samples import SampleReader
from semcom_ota.recording.writing import Missing

pytestmark = pytest.mark.timeout(60)
COUNT, SILENCE = 150_000, 700


@pytest.fixture
def recorded(tmp_path: Path) -> SampleReader:
    parts = np.random.default_rng(0).integers(-128, 128, 2 * COUNT).astype(np.int8)
    parts.tofile(tmp_path / "capture.ci8")
    return read_samples(str(tmp_path / "capture.ci8"))


@pytest.mark.parametrize("seed", range(3))
def test_the_samples_are_those_of_the_reader_whatever_the_chunks(seed: int, recorded: SampleReader):
    rng = np.random.default_rng(seed)
    source = RecordingSource(recorded, SILENCE, lambda: bool(rng.random() < 0.7))
    top, sink = gr.top_block(), blocks.vector_sink_c()
    top.connect(source, sink)
    top.start(int(rng.integers(1000, 30_000)))
    wait_until(lambda: len(sink.data()) >= source.total)
    top.stop()
    top.wait()
    expected = np.concatenate([recorded.read(0, COUNT), np.zeros(SILENCE, np.complex64)])
    np.testing.assert_array_equal(np.array(sink.data(), np.complex64), expected)
    assert source.produced == source.total == COUNT + SILENCE


@pytest.mark.parametrize("seed", range(2))
def test_missing_samples_are_told_by_tags_where_they_are(seed: int, recorded: SampleReader):
    missing = [Missing(1, 5), Missing(70_000, 10**6), Missing(70_001, 12_345)]
    source = RecordingSource(recorded, missing=missing, sample_rate=1e6 / 3)
    top, sink, clock = gr.top_block(), blocks.vector_sink_c(), StreamClock(1.0)
    top.connect(source, sink)
    top.start(int(np.random.default_rng(seed).integers(1000, 30_000)))
    wait_until(lambda: len(sink.data()) >= source.total)
    top.stop()
    top.wait()
    told = {(tag.offset, pmt.symbol_to_string(tag.key)): pmt.to_python(tag.value) for tag in sink.tags()}
    assert sorted({offset for offset, _ in told}) == [0, 1, 70_000, 70_001]
    gaps = [
        clock.tell(offset, TimeSpec(*told[offset, "rx_time"]), told[offset, "rx_rate"])
        for offset in (0, 1, 70_000, 70_001)
    ]
    assert gaps == [None, *(Gap(*gap) for gap in missing)]


def test_a_file_that_becomes_shorter_ends_in_silence(tmp_path: Path):
    file = tmp_path / "capture.ci8"
    np.ones(2000, np.int8).tofile(file)
    reader = read_samples(str(file))
    np.ones(1000, np.int8).tofile(file)
    source, top, sink = RecordingSource(reader), gr.top_block(), blocks.vector_sink_c()
    top.connect(source, sink)
    top.start()
    wait_until(lambda: len(sink.data()) >= 1000)
    top.stop()
    top.wait()
    samples = np.array(sink.data(), np.complex64)
    assert samples[:500].all() and not samples[500:].any()
