"""The description of a recorded loopback run: what was sent, what the receiver found of it, and the truth."""

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from semcom_ota.config import LinkConfig
from semcom_ota.recording.fields import FrameMark, Part, Sent, Simulation, Unsent, header_fields
from semcom_ota.recording.frame_log import FoundFrame, read_log
from semcom_ota.recording.writing import write_meta
from semcom_ota.transport.messages import MAX_FRAGMENTS
from semcom_ota.types import FrameHeader

MAX_NAME = 256
HEADER = tuple(FrameHeader.__dataclass_fields__)

Line = dict[str, Any]


def describe(data_file: Path, link: LinkConfig, channel: str, messages: Sequence[Line]) -> Path:
    """Write the `.sigmf-meta` file, from the run's messages and from what the radio process noted; remove its notes.

    Args:
        data_file: the recorded samples.
        link: of the run.
        channel: its name, for people.
        messages: lines of `messages.jsonl`.
    """
    notes = {kind: data_file.with_name(f"{data_file.name}.{kind}.jsonl") for kind in ("frames", "received")}
    sent = list(_read_sent(notes["frames"]))
    by_key = {(message["stream"], message["message"]): message for message in messages}
    channel_config = link.loopback.channel
    reach = math.ceil(channel_config.max_delay_samples + channel_config.longest_delay_s * link.phy.sample_rate)
    marks = list(_marks(sent, read_log(notes["received"]), by_key, reach))
    on_air = {(line["stream"], line["message"]): line["codec"] for line in sent}
    on_air |= {(part.stream, part.message): part.codec for mark in marks for part in mark.parts if part.sent}
    simulation = Simulation(
        channel=channel[:MAX_NAME],
        seed=link.loopback.seed,
        symbols_per_word=link.codec.symbols_per_word,
        unsent=tuple(_unsent(message) for key, message in by_key.items() if key not in on_air),
    )
    codecs = {number: by_key[key]["codec"] for key, number in on_air.items()}
    description = f"loopback through channel '{channel}'"
    path = write_meta(data_file, link.phy.sample_rate, description, marks, link.phy, codecs, simulation)
    for file in notes.values():
        file.unlink(missing_ok=True)
    return path


def _read_sent(file: Path) -> Iterator[Line]:
    """What LoopbackChannel noted of each frame, in the order of the file; silence is not a frame."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):  # cut when the process was killed
                noted = json.loads(line)
                if noted["fragment"] < MAX_FRAGMENTS:
                    yield noted


def _marks(
    sent: Sequence[Line], found: Iterable[FoundFrame], messages: dict[tuple[int, int], Line], reach: int
) -> Iterator[FrameMark]:
    """A mark for each frame that was sent or found.

    A frame that was found stands where the receiver says. One that was not stands where it was sent, and its mark is
    longer by `reach`, the largest delay. Messages that share a frame have one mark.
    """
    headers = [[line, *line.get("followers", ())] for line in sent]
    by_key: dict[tuple[int, int, int], list[int]] = {}  # the times that it was sent, in case there are several
    for index, together in enumerate(headers):
        for header in together:
            by_key.setdefault((header["stream"], header["message"], header["fragment"]), []).append(index)
    received: set[int] = set()
    ordered = sorted(found, key=lambda frame: frame.start)
    for start, group in groupby(ordered, key=lambda frame: frame.start):
        frames = list(group)
        keys = [(frame.header.stream, frame.header.message, frame.header.fragment) for frame in frames]
        indices = {index for key in keys for index in by_key.get(key, ())}
        same = {index for index in indices if abs(sent[index]["start"] - start) < sent[index]["length"]}
        received |= same
        told = headers[max(same)] if same else [header_fields(frame.header) for frame in frames]
        yield FrameMark(
            start=start,
            length=max(frame.stop for frame in frames) - start,
            parts=tuple(_part(header, messages if same else {}) for header in told),
            received=True,
            snr_db=frames[0].snr_db,
            cfo_hz=frames[0].cfo_hz,
            sro_ppm=frames[0].sro_ppm,
        )
    for index, line in enumerate(sent):
        if index not in received:
            parts = tuple(_part(header, messages) for header in headers[index])
            length = min(line["frame_samples"] + reach, line["length"])
            yield FrameMark(start=line["start"], length=length, parts=parts, received=False)


def _part(header: Line, messages: dict[tuple[int, int], Line]) -> Part:
    """With the truth beside the first fragment of a message of ours."""
    message = messages.get((header["stream"], header["message"])) if header["fragment"] == 0 else None
    return Part(**{name: header[name] for name in HEADER}, sent=_sent(message) if message else None)


def _sent(message: Line) -> Sent:
    spent = {name: message[name] for name in ("overhead_symbols", "air_samples", "mean_symbol_energy")}
    return Sent(text=message["sent"], channel_snr_db=message["snr_db"], **spent)


def _unsent(message: Line) -> Unsent:
    known = {name: message[name] for name in ("codec", "stream", "message", "does_not_fit")}
    return Unsent(text=message["sent"], channel_snr_db=message["snr_db"], reason=message["reason"][:4096], **known)
