"""What came of each message of a recording: results beside what the recording knows of the truth."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from semcom_ota.codecs import registry
from semcom_ota.experiments.statistics import word_errors
from semcom_ota.recording.fields import FrameMark, Part, Unsent
from semcom_ota.recording.frame_log import FoundFrame
from semcom_ota.recording.reading import Recording

NOT_LOADED = "not loaded"
"""Status of a message whose codec nobody asked for."""

Line = dict[str, Any]
Key = tuple[int, int]  # stream, message


def account(
    recording: Recording,
    sample_rate: float,
    loaded: Mapping[int, str],
    frames: Sequence[FoundFrame],
    results: Sequence[Line],
) -> list[Line]:
    """The lines of a replay's `messages.jsonl`.

    What was sent comes first, in the order of a loopback run, received or not; what else was received follows, in the
    order of the recording.

    Args:
        recording: the file's own words.
        sample_rate: samples/s.
        loaded: names of the codecs that were loaded, by number.
        frames: that the receiver found.
        results: `pdu.Result` as dictionaries, in the order of the recording. If a message that was sent comes twice, as
            when a process was killed and the message sent again, the last one counts.
    """
    names = dict(recording.contents.codecs) | dict(loaded)
    said = {result["codec"] for result in results} | {part.codec for mark in recording.frames for part in mark.parts}
    for number in said - names.keys():
        if installed := registry.name_of(number):
            names[number] = installed
    found = {(frame.header.stream, frame.header.message, frame.start): frame for frame in frames}

    def received(result: Line) -> Line:
        frame = found.get((result["stream"], result["message"], result["start_sample"]))
        return _received(result, loaded, names, sample_rate) | {
            "cfo_hz_estimated": frame.cfo_hz if frame else None,
            "payload_symbols": frame.header.message_symbols if frame else 0,
        }

    by_key: dict[Key, list[Line]] = {}
    for result in results:
        by_key.setdefault((result["stream"], result["message"]), []).append(result)
    sent = {}
    for mark in recording.frames:
        for part in mark.parts:
            if part.sent is not None:
                sent[part.stream, part.message] = mark, part
    lines = []
    for key, (mark, part) in sent.items():
        again = by_key.pop(key, [])
        line = received(again[-1]) if again else _lost(mark, part, loaded, names, sample_rate)
        lines.append(line | _truth(part, line["received"]))
    if recording.contents.simulation is not None:
        lines += [_unsent(message, loaded) for message in recording.contents.simulation.unsent]
    lines.sort(key=lambda line: (line["message"], line["stream"]))
    rest = [result for several in by_key.values() for result in several]
    return lines + [received(result) for result in sorted(rest, key=lambda result: result["start_sample"])]


def frames_cut_off(marks: Sequence[FrameMark], frames: Sequence[FoundFrame], samples: int) -> int:
    """How many frames are annotated where a file of `samples` samples is over, and were not found in what is left."""
    begins = {frame.start for frame in frames}
    beyond = (mark for mark in marks if mark.start + mark.length > samples)
    return sum(not any(mark.start <= start < mark.start + mark.length for start in begins) for mark in beyond)


def _received(result: Line, loaded: Mapping[int, str], names: Mapping[int, str], sample_rate: float) -> Line:
    number = result["codec"]
    if number not in loaded:
        status, reason = NOT_LOADED, _not_loaded(number, names)
    elif result["reason"]:
        status, reason = "lost", result["reason"]
    else:
        status, reason = ("delivered" if result["intact"] else "corrupted"), ""
    return _line(result["stream"], result["message"], names.get(number, f"codec {number}")) | {
        "time_s": result["start_sample"] / sample_rate,
        "status": status,
        "failed": status == "lost",
        "reason": reason,
        "received": result["text"],
        "confidence": result["confidence"],
        "snr_db_estimated": result["snr_db"] if math.isfinite(result["snr_db"]) else None,
        "fragments": result["fragments"],
        "lost_fragments": list(result["lost_fragments"]),
        "latency_ms": {"decode": result["decode_ms"]},
    }


def _lost(mark: FrameMark, part: Part, loaded: Mapping[int, str], names: Mapping[int, str], sample_rate: float) -> Line:
    name = names.get(part.codec, f"codec {part.codec}")
    return _line(part.stream, part.message, name) | {
        "time_s": mark.start / sample_rate,
        "status": "lost" if part.codec in loaded else NOT_LOADED,
        "reason": "" if part.codec in loaded else _not_loaded(part.codec, names),
        "fragments": part.fragments,
        "lost_fragments": list(range(part.fragments)),
        "payload_symbols": part.message_symbols,
    }


def _unsent(message: Unsent, loaded: Mapping[int, str]) -> Line:
    words = len(message.text.split())
    line = _line(message.stream, message.message, message.codec) | {
        "snr_db": message.channel_snr_db,
        "sent": message.text,
        "words": words,
        "words_right": 0,
        "word_errors": words,
    }
    if message.codec not in loaded.values():
        return line | {"status": NOT_LOADED, "reason": _name_it(message.codec)}
    fits = {"does_not_fit": message.does_not_fit, "failed": not message.does_not_fit}
    return line | fits | {"reason": message.reason}


def _truth(part: Part, received: str) -> Line:
    """What only a simulation knows; `part` is the first one of a message, and says what was sent."""
    assert part.sent is not None
    errors, right = word_errors(part.sent.text, received)
    return {
        "snr_db": part.sent.channel_snr_db,
        "sent": part.sent.text,
        "words": len(part.sent.text.split()),
        "words_right": right,
        "word_errors": errors,
        "payload_symbols": part.message_symbols,
        **part.sent.model_dump(include={"overhead_symbols", "air_samples", "mean_symbol_energy"}),
    }


def _line(stream: int, message: int, codec: str) -> Line:
    """Of a message of which nothing is known."""
    return {
        "message": message,
        "stream": stream,
        "codec": codec,
        "snr_db": None,
        "status": "lost",
        "does_not_fit": False,
        "failed": False,
        "reason": "",
        "sent": None,
        "received": "",
        "words": None,
        "words_right": None,
        "word_errors": None,
        "time_s": None,
        "confidence": 0.0,
        "snr_db_estimated": None,
        "cfo_hz_estimated": None,
        "fragments": 0,
        "lost_fragments": [],
        "payload_symbols": 0,
        "overhead_symbols": None,
        "air_samples": None,
        "mean_symbol_energy": None,
        "latency_ms": {},
    }


def _not_loaded(number: int, names: Mapping[int, str]) -> str:
    if number in names:
        return _name_it(names[number])
    return f"codec {number} is not loaded: none that is installed here has this number"


def _name_it(codec: str) -> str:
    return f"{codec} is not loaded: name it in --codec too"
