"""A recording that was written is read as it was written, by us and by the standard's own package."""

import json

import numpy as np
import pytest
import sigmf
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.config import PhyConfig
from semcom_ota.recording import writing
from semcom_ota.recording.fields import FrameMark, Part, Sent, Simulation, Unsent
from semcom_ota.recording.reading import read_recording
from semcom_ota.recording.samples import SampleReader
from semcom_ota.recording.writing import Missing, write_meta

PHY = PhyConfig(cp_length=32, precoding="dft")
CODECS = {1: "utf8", 200: "letters"}
SENT = Sent(text='Ünïcode "🙂"\n', channel_snr_db=3.5, overhead_symbols=700, air_samples=900, mean_symbol_energy=1.0)
MARKS = [
    FrameMark(start=500, length=100, parts=(Part(codec=1, stream=1, message=8, message_symbols=9),), received=False),
    FrameMark(
        start=10,
        length=50,
        parts=(
            Part(codec=1, message=7, fragment=2, fragments=3, message_symbols=99, codec_parameters=5, mask=6, task=7),
            Part(codec=200, message=8, message_symbols=4, sent=SENT),
        ),
        received=True,
        snr_db=4.25,
        cfo_hz=-1234.5,
        sro_ppm=2.0,
        lost_samples=3,
    ),
]
UNSENT = Unsent(
    codec="utf8", stream=0, message=3, text="Too long.", channel_snr_db=0.0, does_not_fit=True, reason="it does not fit"
)
SIMULATION = Simulation(channel="awgn", seed=2**62, symbols_per_word=8.0, unsent=(UNSENT,))


def written(folder, **changes):
    samples = np.arange(1000).astype(np.complex64)
    data_file = folder / "capture.sigmf-data"
    samples.tofile(data_file)
    arguments = {"frames": MARKS, "phy": PHY, "codecs": CODECS, "simulation": SIMULATION} | changes
    return samples, write_meta(data_file, PHY.sample_rate, "a test", **arguments)


def test_the_standard_s_package_takes_it_and_its_annotations_land_on_the_frames(tmp_path):
    samples, meta = written(tmp_path)
    recording = sigmf.fromfile(str(meta))  # compares the checksum
    recording.validate()
    assert recording.sample_rate == PHY.sample_rate
    assert {"name": "semcom", "version": "0.2.0", "optional": True} in recording.get_global_field("core:extensions")
    first, second = recording.get_annotations()
    assert (first["core:sample_start"], first["core:sample_count"], first["semcom:fragment"]) == (10, 50, 2)
    assert (first["semcom:snr_db"], first["semcom:cfo_hz"], first["semcom:lost_samples"]) == (4.25, -1234.5, 3)
    assert (first["core:label"], second["core:label"]) == ("stream 0 message 7.2", "stream 1 message 8.0 (missed)")
    assert "semcom:snr_db" not in second and second["semcom:received"] is False
    np.testing.assert_array_equal(recording.read_samples(start_index=500, count=100), samples[500:600])


@pytest.mark.parametrize("name", ["capture.sigmf-meta", "capture.sigmf-data", "capture"])
def test_it_is_read_as_it_was_written(tmp_path, name):
    samples, _ = written(tmp_path)
    recording = read_recording(tmp_path / name)
    assert recording.sample_rate == PHY.sample_rate
    assert recording.contents.phy == PHY
    assert recording.contents.codecs == CODECS
    assert recording.contents.simulation == SIMULATION
    assert recording.frames == tuple(reversed(MARKS))
    np.testing.assert_array_equal(SampleReader(recording.samples).read(0, 5000), samples)


def test_on_the_air_nothing_is_known_of_the_truth(tmp_path):
    _, meta = written(tmp_path, simulation=None, frames=MARKS[:1])
    assert "semcom:simulation" not in json.loads(meta.read_text())["global"]
    assert read_recording(meta).contents.simulation is None


def test_what_does_not_fit_is_left_out_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MAX_META_BYTES", 20_000)
    marks = [MARKS[1].model_copy(update={"start": start}) for start in range(100)]
    unsent = SIMULATION.model_copy(update={"unsent": (UNSENT,) * 100})
    _, meta = written(tmp_path, frames=marks, simulation=unsent)
    recording = read_recording(meta)
    assert 10 < len(recording.frames) < 50
    assert 10 < len(recording.contents.simulation.unsent) < 50
    said = f"of its 100 frames the first {len(recording.frames)} are annotated"
    assert said in json.loads(meta.read_text())["global"]["core:description"]


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
COUNTS = st.integers(0, 2**40)
PARTS = st.builds(
    Part,
    codec=st.integers(0, 255),
    codec_parameters=st.integers(0, 2**24 - 1),
    stream=st.integers(0, 255),
    message=st.integers(0, 65535),
    fragment=st.integers(0, 255),
    fragments=st.integers(1, 256),
    message_symbols=st.integers(1, 2**18 - 1),
    sent=st.none()
    | st.builds(
        Sent,
        text=TEXTS,
        channel_snr_db=st.floats(-300, 300),
        overhead_symbols=COUNTS,
        air_samples=COUNTS,
        mean_symbol_energy=NUMBERS,
    ),
)


@given(
    st.builds(
        FrameMark,
        start=COUNTS,
        length=st.integers(1, 2**40),
        parts=st.lists(PARTS, min_size=1, max_size=8).map(tuple),
        received=st.booleans(),
        snr_db=st.none() | NUMBERS,
        cfo_hz=st.none() | NUMBERS,
        sro_ppm=st.none() | NUMBERS,
        lost_samples=COUNTS,
    )
)
def test_every_mark_survives_as_an_annotation(mark):
    assert FrameMark.from_annotation(json.loads(json.dumps(mark.annotation()))) == mark


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 2**40)), max_size=5))
def test_where_samples_are_missing_is_read_as_it_was_written(tmp_path_factory, steps):
    missing = [Missing(sum(step for step, _ in steps[: n + 1]), lost) for n, (_, lost) in enumerate(steps)]
    _, meta = written(tmp_path_factory.mktemp("missing"), missing=missing, frequency_hz=2.4e9)
    assert read_recording(meta).missing == tuple(missing)
    captures = sigmf.fromfile(str(meta)).get_captures()
    assert [capture["core:sample_start"] for capture in captures] == [0, *(gap.sample for gap in missing)]
    assert {capture["core:frequency"] for capture in captures} == {2.4e9}
