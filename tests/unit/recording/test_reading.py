"""Nothing that a recording's file says is trusted: it makes sense, or it is refused in one sentence."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.config import ConfigError, PhyConfig
from semcom_ota.recording import reading
from semcom_ota.recording.fields import FrameMark, Part, Sent
from semcom_ota.recording.reading import Recording, read_recording

SENT = Sent(text="Hello.", channel_snr_db=3.5, overhead_symbols=7, air_samples=9, mean_symbol_energy=1.0)
PART = Part(codec=1, message_symbols=9, sent=SENT)
MARK = FrameMark(start=5, length=50, parts=(PART, PART), received=True, snr_db=4.25, cfo_hz=-1.5, sro_ppm=2.0)
UNSENT = {
    "codec": "utf8", "stream": 0, "message": 1, "text": "a", "channel_snr_db": 1.0, "does_not_fit": True, "reason": ""
}  # fmt: skip
META = {
    "global": {
        "core:datatype": "cf32_le",
        "core:version": "1.2.0",
        "core:sample_rate": 1e6,
        "core:num_channels": 1,
        "core:extensions": [{"name": "semcom", "version": "0.2.0", "optional": True}],
        "semcom:phy": PhyConfig().model_dump(),
        "semcom:codecs": {"1": "utf8"},
        "semcom:simulation": {"channel": "awgn", "seed": 1, "symbols_per_word": 8.0, "unsent": [UNSENT]},
    },
    "captures": [{"core:sample_start": 0, "core:frequency": 2.4e9}],
    "annotations": [MARK.annotation(), {"core:sample_start": 9, "core:label": "somebody else's", "other:field": []}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=5,
)


def read(folder: Path, meta: object) -> Recording:
    file = folder / "capture.sigmf-meta"
    file.write_bytes(meta if isinstance(meta, bytes) else json.dumps(meta).encode())
    return read_recording(file)


def refused(folder: Path, meta: object) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, meta)
    sentence = str(caught.value)
    assert str(folder) in sentence and len(sentence) < 600 and sentence.isprintable()
    return sentence


def changed(*path: object, to: object) -> dict:
    meta = copy.deepcopy(META)
    place = meta
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return meta


def places(value: object) -> list[list[object]]:
    """The paths to everything inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [[key, *rest] for key, inner in items for rest in ([], *places(inner))]


def test_a_recording_of_ours(tmp_path):
    recording = read(tmp_path, META)
    assert recording.frames == (MARK,)
    assert recording.contents.simulation.unsent[0].text == "a"


def test_a_recording_made_elsewhere_need_not_say_anything_of_ours(tmp_path):
    recording = read(tmp_path, {"global": {"core:datatype": "ci16_le"}})
    assert recording.samples.datatype == "ci16_le"
    assert recording.samples.path == tmp_path / "capture.sigmf-data"
    assert (recording.sample_rate, recording.contents.phy, recording.frames) == (None, None, ())


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (["global"], None, "global"),
        (["global", "core:datatype"], 5, "datatype"),
        (["global", "core:sample_rate"], -1, "sample_rate"),
        (["global", "core:sample_rate"], float("nan"), "sample_rate"),
        (["global", "core:num_channels"], 2, "2 channels"),
        (["global", "core:trailing_bytes"], 2, "other bytes"),
        (["captures", 0, "core:header_bytes"], 44, "other bytes"),
        (["global", "core:dataset"], "../../etc/passwd", "elsewhere"),
        (["global", "core:dataset"], "/etc/passwd", "elsewhere"),
        (["global", "core:dataset"], "..", "elsewhere"),
        (["global", "semcom:phy", "fft_size"], 10**9, "phy.fft_size"),
        (["global", "semcom:phy", "colour"], "blue", "phy.colour"),
        (["global", "semcom:codecs"], {"999": "utf8"}, "codecs"),
        (["global", "semcom:codecs"], {"\x1b[31m" * 1000: "utf8"}, "codecs"),
        (["global", "semcom:simulation", "seed"], "x", "seed"),
        (["annotations", 0, "semcom:stream"], 256, "annotation 0, "),
        (["annotations", 0, "core:sample_start"], -5, "start"),
        (["annotations", 0, "semcom:sent", "text"], "x" * 16385, "text"),
        (["annotations", 0, "semcom:sent", "text"], "ä" * 16384, "16384 bytes"),
        (["annotations", 0, "semcom:sent", "text"], "\ud800", "text"),
        (["annotations", 0, "semcom:snr_db"], float("inf"), "snr_db"),
        (["annotations", 0, "semcom:followers"], [MARK.annotation()] * 8, "parts"),
        (["annotations", 0], {"semcom:stream": 3}, "annotation 0, "),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path, path, value, word):
    assert word in refused(tmp_path, changed(*path, to=value))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"a": ' * 5000, b"9" * 10_000, b"null"]
)
def test_what_is_no_json_object_is_refused(tmp_path, content):
    refused(tmp_path, content)


def test_a_file_that_is_too_large_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_META_BYTES", 1000)
    assert "larger than 1000 bytes" in refused(tmp_path, META)


def test_another_file_is_told_what_it_is_not(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ConfigError, match=r"notes\.txt' is no recording: give the \.sigmf-meta file of one"):
        read_recording(tmp_path / "notes.txt")


@pytest.mark.parametrize("name", ["nothing", "nothing.sigmf-meta", "x" * 300, "a\0b", "archive.sigmf", ".", ""])
def test_what_is_no_recording_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError):
        read_recording(Path(name))


def test_bare_samples_say_by_their_suffix_how_they_are_stored():
    recording = read_recording(Path("somewhere/capture.cs16"))
    assert (recording.samples.datatype, recording.samples.path.name) == ("ci16_le", "capture.cs16")
    assert (recording.sample_rate, recording.frames) == (None, ())


def only_a_clear_error(folder: Path, content: bytes) -> None:
    try:
        recording = read(folder, content)
    except ConfigError as error:
        assert str(error).isprintable()
    else:
        json.dumps(recording.contents.model_dump(mode="json"), ensure_ascii=False).encode()


@given(st.lists(st.tuples(st.sampled_from(places(META)), JSON), min_size=1, max_size=3))
def test_whatever_stands_in_a_field_only_the_clear_error_is_raised(tmp_path_factory, changes):
    meta = copy.deepcopy(META)
    for path, value in changes:
        place = meta
        try:
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
        except (KeyError, TypeError, IndexError):
            continue  # an earlier change took the place away
    only_a_clear_error(tmp_path_factory.getbasetemp(), json.dumps(meta).encode())


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=8))
def test_whatever_bytes_are_damaged_only_the_clear_error_is_raised(tmp_path_factory, position, damage):
    content = json.dumps(META).encode()
    only_a_clear_error(tmp_path_factory.getbasetemp(), content[:position] + damage + content[position + len(damage) :])


@pytest.mark.parametrize(
    ("captures", "missing"),
    [
        ([(0, 0), (10, 15), (20, 25), (30, 36)], [(10, 5), (30, 1)]),
        ([(30, 36), (0, 0)], [(30, 6)]),
        ([(5, 100), (10, 105)], []),
        ([(0, 0), (10, 5)], []),  # an index that goes back is somebody else's idea
        ([(0, None), (10, 99)], []),
        ([(0, 0), (0, 9), (1, 9)], []),
    ],
)
def test_samples_are_missing_where_the_index_in_the_stream_runs_ahead(tmp_path, captures, missing):
    meta = copy.deepcopy(META)
    meta["captures"] = [
        {"core:sample_start": start} | ({} if index is None else {"core:global_index": index})
        for start, index in captures
    ]
    assert list(read(tmp_path, meta).missing) == missing
