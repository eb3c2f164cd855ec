"""What a replay makes of a recording's own words, and how it tells of what it found."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from semcom_ota.config import CodecConfig, ConfigError, PhyConfig, load_phy
from semcom_ota.experiments import replay
from semcom_ota.experiments.console import MAX_ROWS, print_replay_summary, print_replayed
from semcom_ota.experiments.replay_account import account
from semcom_ota.recording.fields import Contents
from semcom_ota.recording.reading import Recording
from semcom_ota.recording.samples import SampleFile

FILE = SampleFile(Path("capture"), "cf32_le")


def recording(sample_rate: float | None = 1e6, **contents: object) -> Recording:
    return Recording(FILE, sample_rate, Contents(**contents), ())


def test_the_air_interface_is_the_recording_s_own_or_the_given_one_or_the_default():
    wide = load_phy("wide5")
    assert replay.air_interface(recording(wide.sample_rate, phy=wide), None) == wide
    assert replay.air_interface(recording(wide.sample_rate, phy=wide), wide) == wide
    assert replay.air_interface(recording(wide.sample_rate), wide) == wide
    assert replay.air_interface(recording(None), wide) == wide
    assert replay.air_interface(recording(), None) == PhyConfig()


@pytest.mark.parametrize("off", [-30e-6, 0, 30e-6])
def test_a_clock_that_is_a_little_off_is_the_receiver_s_concern(off):
    assert replay.air_interface(recording(1e6 * (1 + off)), None) == PhyConfig()


@pytest.mark.parametrize(
    ("made", "given", "words"),
    [
        (recording(2e6), None, "2e+06 samples/s and the air interface 1e+06"),
        (recording(phy=PhyConfig()), load_phy("pluto"), "leave --phy out"),
        (recording(phy=PhyConfig(used_carriers=51)), None, "even"),
    ],
)
def test_another_air_interface_is_refused(made, given, words):
    with pytest.raises(ConfigError) as caught:
        replay.air_interface(made, given)
    assert words in str(caught.value)


def test_the_codecs_are_those_that_the_recording_names_and_this_machine_has():
    assert replay.codec_names(recording(codecs={1: "utf8", 7: "nowhere"})) == ("utf8",)
    assert replay.codec_names(recording(codecs={7: "nowhere"})) == CodecConfig().names
    assert replay.codec_names(recording()) == CodecConfig().names


def result(message: int, codec: int = 1, **changes: object) -> dict:
    told = {"stream": 0, "message": message, "codec": codec, "start_sample": 1000 * message, "text": f"text {message}"}
    rest = {"confidence": 0.5, "intact": True, "fragments": 1, "lost_fragments": [], "snr_db": 5.0, "decode_ms": 1.5}
    return told | rest | {"reason": ""} | changes


def printed(function, *arguments) -> str:
    console = Console(record=True, width=140, file=io.StringIO())
    function(*arguments, console)
    return console.export_text()


def test_what_was_received_cannot_steer_the_terminal():
    lines = account(recording(codecs={9: "\x1b[31m"}), 1e6, {1: "utf8"}, [], [
        result(0, text="\x1b]0;title\x07 [bold]x[/bold]"), result(1, 9, text=""), result(2, intact=False, text=""),
    ])  # fmt: skip
    text = printed(print_replayed, lines)
    assert "\x1b" not in text and "\x07" not in text and "[bold]x[/bold]" in text
    assert "corrupted" in text and "is not loaded" in text


def test_of_many_messages_a_few_are_shown():
    lines = account(recording(), 1e6, {1: "utf8"}, [], [result(message) for message in range(10 * MAX_ROWS)])
    text = printed(print_replayed, lines)
    assert "One message in 10 is shown" in text and "text 470" in text and "text 471" not in text


def test_one_of_anything_is_told_in_the_singular():
    run = {"level": "recording", "frames": 1, "frames_cut_off": 0, "seconds": 0.5, "not_loaded": {"no utf8": 1}}
    text = printed(print_replay_summary, {"run": run, "points": []})
    assert text.splitlines() == ["1 frame in 0.500 s of samples.", "1 message was not decoded: no utf8."]


@pytest.mark.parametrize("points", [[], [{"codec": "utf8", "snr_db": None, "messages": 3, "delivered": 2,
                                          "corrupted": 1, "failed": 0}]])  # fmt: skip
def test_a_capture_of_which_nothing_is_known_is_counted(points):
    not_loaded = {"huffman is not loaded: name it in --codec too": 2}
    run = {"level": "recording", "frames": 5, "frames_cut_off": 3, "seconds": 0.5, "not_loaded": not_loaded}
    text = printed(print_replay_summary, {"run": run, "points": points})
    assert ("Level recording: what was sent is not known" in text) == bool(points)
    assert "5 frames in 0.500 s of samples." in text
    assert "The samples end before 3 of the annotated frames: messages in them count as lost." in text
    assert "2 messages were not decoded: huffman is not loaded: name it in --codec too." in text
