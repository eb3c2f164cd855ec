"""The description of a recorded run: each frame once, where it is, with what is known of it."""

import json

import numpy as np
import pytest
import sigmf

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import loopback_recording
from semcom_ota.recording.fields import header_fields
from semcom_ota.recording.reading import read_recording
from semcom_ota.types import FrameHeader

LINK = LinkConfig.model_validate({"radio": {"channel": {"max_delay_samples": 40, "tap_delays_s": [0, 5e-6],
                                                        "tap_powers_db": [0, -3]}, "seed": 9}})  # fmt: skip
FRAME, LENGTH = 800, 1500  # samples: the frame, and with the silence behind it


def message(number: int, **changes: object) -> dict:
    told = {"stream": 2, "message": number, "codec": "huffman", "snr_db": 6.0, "sent": f"Text {number}."}
    spent = {"overhead_symbols": 70, "air_samples": 800, "mean_symbol_energy": 1.0}
    return told | spent | {"does_not_fit": False, "failed": False, "reason": ""} | changes


def header(number: int, fragment: int = 0, fragments: int = 1) -> dict[str, int]:
    return header_fields(FrameHeader(2, 5, 0, 2, number, fragment, fragments, 100))


def describe(folder, messages, sent, received):
    """From (header, start) of each frame that was sent and of each that was received."""
    data = folder / "capture.sigmf-data"
    np.zeros(20_000, np.complex64).tofile(data)
    noted = [one | {"start": start, "length": LENGTH, "frame_samples": FRAME, "snr_db": 6.0} for one, start in sent]
    measured = {"snr_db": 5.5, "cfo_hz": 100.0, "sro_ppm": 0.5, "lost_samples": 0}
    found = [one | {"start": start, "stop": start + FRAME} | measured for one, start in received]
    for kind, lines in (("frames", noted), ("received", found)):
        text = "".join(json.dumps(line) + "\n" for line in lines) + '{"cut'
        (folder / f"capture.sigmf-data.{kind}.jsonl").write_text(text)
    path = loopback_recording.describe(data, LINK, "test", messages)
    assert sorted(file.name for file in folder.iterdir()) == ["capture.sigmf-data", "capture.sigmf-meta"]
    sigmf.fromfile(str(path)).validate()
    return read_recording(path)


def test_a_frame_that_was_received_stands_where_the_receiver_says_and_others_where_they_were_sent(tmp_path):
    silence = {"stream": 0, "message": 1, "fragment": 256}
    sent = [(header(0), 0), (header(1), LENGTH), (silence, 2 * LENGTH)]
    recording = describe(tmp_path, [message(0), message(1)], sent, [(header(0), 23)])
    one, other = recording.frames
    assert (one.start, one.length, one.received) == (23, FRAME, True)
    assert (one.snr_db, one.cfo_hz, one.sro_ppm, one.lost_samples) == (5.5, 100.0, 0.5, 0)
    assert one.parts[0].model_dump(exclude={"sent"}) == header(0)
    assert one.parts[0].sent.text == "Text 0." and one.parts[0].sent.channel_snr_db == 6.0
    assert (other.start, other.length, other.received, other.snr_db) == (LENGTH, FRAME + 45, False, None)
    assert other.parts[0].sent.text == "Text 1."
    simulation = recording.contents.simulation
    assert (simulation.channel, simulation.seed, simulation.unsent) == ("test", 9, ())
    assert recording.contents.phy == LINK.phy and recording.contents.codecs == {2: "huffman"}


def test_the_text_stands_beside_the_first_fragment_alone(tmp_path):
    sent = [(header(0, fragment, 3), fragment * LENGTH) for fragment in range(3)]
    recording = describe(tmp_path, [message(0)], sent, [(header(0, 2, 3), 2 * LENGTH + 7)])
    assert [mark.received for mark in recording.frames] == [False, False, True]
    assert [mark.parts[0].sent is not None for mark in recording.frames] == [True, False, False]


def test_a_message_that_was_sent_again_is_two_frames(tmp_path):
    sent = [(header(0), 0), (header(1), LENGTH), (header(0), 2 * LENGTH)]
    recording = describe(tmp_path, [message(0), message(1)], sent, [(header(0), 2 * LENGTH - 3), (header(1), LENGTH)])
    assert [(mark.start, mark.received) for mark in recording.frames] == [
        (0, False), (LENGTH, True), (2 * LENGTH - 3, True),
    ]  # fmt: skip


def test_a_frame_that_nobody_sent_has_no_truth(tmp_path):
    recording = describe(tmp_path, [message(0)], [(header(0), 0)], [(header(0), 2 * LENGTH)])
    sent, false = recording.frames
    assert (sent.received, sent.parts[0].sent is not None) == (False, True)
    assert (false.start, false.received, false.parts[0].sent) == (2 * LENGTH, True, None)


@pytest.mark.parametrize("received", [range(3), [1], []])
def test_messages_that_share_a_frame_are_one_annotation(tmp_path, received):
    sent = [(header(0) | {"followers": [header(1), header(2)]}, 0)]
    recording = describe(
        tmp_path, [message(number) for number in range(3)], sent, [(header(number), 5) for number in received]
    )
    (mark,) = recording.frames
    assert mark.received == bool(received)
    assert [part.message for part in mark.parts] == [0, 1, 2]
    assert [part.sent.text for part in mark.parts] == ["Text 0.", "Text 1.", "Text 2."]
    assert not recording.contents.simulation.unsent


def test_what_was_never_on_the_air_is_told_all_the_same(tmp_path):
    unfit = message(1, does_not_fit=True, reason="it does not fit", overhead_symbols=0, air_samples=0)
    recording = describe(tmp_path, [message(0), unfit], [(header(0), 0)], [])
    (unsent,) = recording.contents.simulation.unsent
    assert (unsent.message, unsent.text, unsent.codec, unsent.does_not_fit) == (1, "Text 1.", "huffman", True)
