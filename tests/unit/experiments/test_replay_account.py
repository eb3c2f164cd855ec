"""What a replay makes of results, with and without knowledge of what was sent."""

from pathlib import Path

from semcom_ota.config import PhyConfig, ReceiverConfig
from semcom_ota.experiments import run_folder
from semcom_ota.experiments.replay_account import NOT_LOADED, account, frames_cut_off
from semcom_ota.recording.fields import Contents, FrameMark, Part, Sent, Simulation, Unsent
from semcom_ota.recording.frame_log import FoundFrame
from semcom_ota.recording.reading import Recording
from semcom_ota.recording.samples import SampleFile
from semcom_ota.types import FrameHeader

LOADED = {1: "utf8", 2: "huffman"}
FILE = SampleFile(Path("capture"), "cf32_le")
RATE = 1e6


def mark(stream: int, message: int, codec: int, start: int, text: str | None, **part: int) -> FrameMark:
    sent = text and Sent(text=text, channel_snr_db=6.0, overhead_symbols=70, air_samples=800, mean_symbol_energy=1.0)
    carried = Part(codec=codec, stream=stream, message=message, message_symbols=100, sent=sent, **part)
    return FrameMark(start=start, length=800, parts=(carried,), received=True)


def result(stream: int, message: int, codec: int, start: int, text: str, **changes: object) -> dict:
    told = {"stream": stream, "message": message, "codec": codec, "start_sample": start, "text": text, "reason": ""}
    rest = {"confidence": 0.5, "intact": True, "fragments": 1, "lost_fragments": [], "snr_db": 5.0, "decode_ms": 1.5}
    return told | rest | changes


def found(stream: int, message: int, codec: int, start: int) -> FoundFrame:
    return FoundFrame(start, start + 800, 5.0, -7.0, 0.0, FrameHeader(codec, 0, 0, stream, message, 0, 1, 100))


def recording(*marks: FrameMark, unsent: tuple[Unsent, ...] = (), codecs: dict[int, str] | None = None) -> Recording:
    simulation = Simulation(channel="awgn", seed=3, symbols_per_word=8.0, unsent=unsent) if marks else None
    return Recording(FILE, RATE, Contents(phy=PhyConfig(), codecs=codecs or {}, simulation=simulation), marks)


def test_every_message_that_was_sent_counts_received_or_not():
    unfit = Unsent(codec="huffman", stream=1, message=1, text="Too long a text.", channel_snr_db=6.0,
                   does_not_fit=True, reason="it does not fit")  # fmt: skip
    told = recording(
        mark(0, 0, 1, 0, "A dog runs."),
        mark(1, 0, 2, 1000, "A dog runs."),
        mark(0, 1, 1, 2000, "No one."),
        unsent=(unfit,),
    )
    results = [result(0, 0, 1, 3, "A dog runs."), result(1, 0, 2, 1003, "A […]", intact=False)]
    lines = account(told, RATE, LOADED, [found(0, 0, 1, 3), found(1, 0, 2, 1003)], results)
    assert [(line["message"], line["stream"], line["status"]) for line in lines] == [
        (0, 0, "delivered"), (0, 1, "corrupted"), (1, 0, "lost"), (1, 1, "lost"),
    ]  # fmt: skip
    first, second, lost, never = lines
    assert (first["sent"], first["received"], first["words_right"], first["cfo_hz_estimated"]) == (
        "A dog runs.", "A dog runs.", 3, -7.0,
    )  # fmt: skip
    assert (first["time_s"], first["payload_symbols"], first["air_samples"]) == (3e-6, 100, 800)
    assert (second["words_right"], second["word_errors"]) == (1, 2)
    assert (lost["payload_symbols"], lost["lost_fragments"], lost["snr_db"]) == (100, [0], 6.0)
    assert (never["does_not_fit"], never["failed"], never["payload_symbols"]) == (True, False, 0)
    points = run_folder.points(lines, "awgn", ReceiverConfig(), 3, "none")
    assert [(point["codec"], point["messages"], point["lost"]) for point in points] == [
        ("utf8", 2, 1),
        ("huffman", 2, 1),
    ]


def test_a_codec_that_is_not_loaded_is_said_with_its_name_if_it_is_known():
    marks = mark(0, 0, 77, 0, "One."), mark(1, 0, 9, 1000, "One."), mark(2, 0, 2, 2000, "One.")
    told = recording(*marks, codecs={9: "letters"})
    results = [result(0, 0, 77, 3, "", reason="no codec with the number 77 is loaded")]
    lines = account(told, RATE, {1: "utf8"}, [], results)
    assert [line["status"] for line in lines] == [NOT_LOADED] * 3
    assert [line["codec"] for line in lines] == ["codec 77", "letters", "huffman"]
    assert [line["reason"] for line in lines] == [
        "codec 77 is not loaded: none that is installed here has this number",
        "letters is not loaded: name it in --codec too",
        "huffman is not loaded: name it in --codec too",
    ]


def test_of_a_message_that_was_sent_again_the_last_result_counts():
    told = recording(mark(0, 0, 1, 0, "One."), mark(0, 0, 1, 5000, "One."))
    (line,) = account(told, RATE, LOADED, [], [result(0, 0, 1, 3, "", intact=False), result(0, 0, 1, 5003, "One.")])
    assert (line["received"], line["time_s"]) == ("One.", 0.005003)


def test_a_failure_of_the_decoder_is_no_loss_of_the_channel():
    (line,) = account(recording(mark(0, 0, 1, 0, "One.")), RATE, LOADED, [], [result(0, 0, 1, 3, "", reason="broke")])
    assert (line["status"], line["failed"], line["reason"]) == ("lost", True, "broke")


def test_a_capture_of_which_nothing_is_known_is_told_as_it_comes():
    results = [result(3, 8, 2, 9000, "later"), result(0, 8, 1, 100, "first"), result(0, 8, 1, 5000, "again")]
    lines = account(recording(), RATE, LOADED, [], results)
    assert [line["received"] for line in lines] == ["first", "again", "later"]
    assert all(line["sent"] is None and line["status"] == "delivered" for line in lines)


def test_frames_behind_the_end_of_the_samples_are_counted_and_their_messages_lost():
    marks = [mark(0, message, 1, 1000 * message, "One.") for message in range(4)]
    frames = [found(0, 0, 1, 3), found(0, 1, 1, 1003)]
    assert frames_cut_off(marks, frames, 3800) == 0
    assert frames_cut_off(marks, frames, 2100) == 2
    assert frames_cut_off(marks, frames, 1790) == 2  # of the second one only the tail is missing: it was found
    results = [result(0, message, 1, 1000 * message + 3, "One.") for message in range(2)]
    lines = account(recording(*marks), RATE, LOADED, frames, results)
    assert [line["status"] for line in lines] == ["delivered", "delivered", "lost", "lost"]
