"""What a radio process that receives writes down, read while it grows, and turned into rows of a run folder."""

import contextlib
import json
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, Self, TextIO

from semcom_ota.codecs import registry
from semcom_ota.radio.health import Health
from semcom_ota.radio.settings import RadioSettings

MAX_KEPT = 200_000
"""Of what is kept in memory, for the picture: a day of looks at the level."""

STATUSES = ("delivered", "corrupted", "failed")

Line = dict[str, Any]


class GrowingLines:
    """JSON lines of a file that a process appends to."""

    def __init__(self, file: Path):
        """Of a file that may not be there yet."""
        file.touch()
        self._stream = file.open("rb")
        self._unfinished = b""

    def read(self) -> list[Line]:
        """Those that have come since it was last called. What a kill cut short is passed over."""
        *lines, self._unfinished = (self._unfinished + self._stream.read()).split(b"\n")
        told = []
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):
                told.append(json.loads(line))
        return told

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._stream.close()


class Reception:
    """Writes `messages.jsonl` and `events.jsonl` of a run folder as lines come from the radio process.

    A radio process that was started anew counts its time from 0 again; here it goes on.

    Attributes:
        messages: rows of `messages.jsonl` so far.
        looks: the newest lines about the level, as `semcom_flowgraphs.receive_side` has them.
        snrs: (seconds, dB) of the newest messages.
        events: the newest rows of `events.jsonl`.
        settings: of the radio, once it has said so.
        done: whether it has said that it is.
    """

    def __init__(self, folder: Path, codecs: tuple[str, ...]):
        """Begin both files.

        Args:
            folder: a prepared run folder.
            codecs: names of those that are loaded.
        """
        self._messages_file = (folder / "messages.jsonl").open("w", encoding="utf-8")
        self._events_file = (folder / "events.jsonl").open("w", encoding="utf-8")
        self._loaded = {registry.number(name): name for name in codecs}
        self._names = dict(self._loaded)
        self._started: float | None = None
        self._base_s = 0.0  # when the present process began
        self._recorded = 0  # samples of the recording before that
        self._health_before, self._health = Health(), Health()
        self._points: dict[str, Counter[str]] = {}  # by codec
        self._snr_sums: dict[str, float] = {}  # dB, by codec
        self.messages = 0
        self.looks: deque[Line] = deque(maxlen=MAX_KEPT)
        self.snrs: deque[tuple[float, float]] = deque(maxlen=MAX_KEPT)
        self.events: deque[Line] = deque(maxlen=MAX_KEPT)
        self.settings: RadioSettings | None = None
        self.done = False

    @property
    def health(self) -> Health:
        """The counters so far."""
        return self._health_before + self._health

    def points(self) -> list[Line]:
        """How many messages there were of each codec, in the order in which the codecs came."""
        return [
            {"codec": codec, "snr_db": self._snr_sums[codec] / counts.total()}
            | {"messages": counts.total()} | {status: counts[status] for status in STATUSES}
            for codec, counts in self._points.items()
        ]  # fmt: skip

    def take(self, line: Line) -> Line | None:
        """Take a line; return the row or event that it has become, if it has become one."""
        if "result" in line:
            return self._row(line["result"])
        if "event" in line:
            return self._event(line["event"])
        if "health" in line:
            self._health = Health(**line["health"])
            self.looks.append(line | {"at_s": line["at_s"] + self._base_s, "health": self.health.as_dict()})
        elif "radio" in line:
            again = self.settings is not None
            self.settings = RadioSettings.model_validate(line["radio"])
            self._recorded = line["recorded"]
            if again:
                return self._event({"kind": "restart", "at_s": 0.0, "sample": 0, "lost_samples": None, "cut": []})
        elif "begun" in line:
            now = time.monotonic()
            self._started = now if self._started is None else self._started
            heard_s = self.looks[-1]["at_s"] if self.looks else 0.0  # later, if all is read at the end of a run
            self._base_s = max(now - self._started, heard_s)
            self._health_before, self._health = self.health, Health()
        elif "done" in line:
            self.done = True
        return None

    def close(self) -> None:
        """End; may be called twice."""
        self._messages_file.close()
        self._events_file.close()

    def __enter__(self) -> Self:
        """Begun already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both files."""
        self.close()

    def _row(self, result: Line) -> Line:
        """A message. One whose number was there already is another one: its transmitter was started anew."""
        self._health = Health(**result["health"])
        number = result["codec"]
        if number not in self._names:
            self._names[number] = registry.name_of(number) or f"codec {number}"  # which takes its time
        name, reason = self._names[number], result["reason"]
        if reason and number not in self._loaded:
            reason = f"{name} is not loaded: name it in --codec too"
        row = {
            "index": self.messages,
            "stream": result["stream"],
            "message": result["message"],
            "codec": name,
            "received": result["text"],
            "status": "failed" if reason else "delivered" if result["intact"] else "corrupted",
            "reason": reason,
            "intact": result["intact"],
            "confidence": result["confidence"],
            "word_confidence": result["word_confidence"],
            **result["understanding"],
            "fragments": result["fragments"],
            "lost_fragments": result["lost_fragments"],
            "received_s": result["received_s"] + self._base_s,
            "snr_db_estimated": result["snr_db"],
            "cfo_hz_estimated": result["cfo_hz"],
            "sro_ppm_estimated": result["sro_ppm"],
            "lost_samples": result["lost_samples"],
            "health": self.health.as_dict(),
        }
        self.messages += 1
        self._points.setdefault(name, Counter())[row["status"]] += 1
        self._snr_sums[name] = self._snr_sums.get(name, 0.0) + row["snr_db_estimated"]
        self.snrs.append((row["received_s"], row["snr_db_estimated"]))
        _append(self._messages_file, row)
        return row

    def _event(self, event: Line) -> Line:
        event = event | {"at_s": event["at_s"] + self._base_s}
        if "sample" in event:
            event["sample"] += self._recorded
        for name in event.keys() & {"cut", "dropped"}:
            event[name] = [told and told | {"start": told["start"] + self._recorded} for told in event[name]]
        self.events.append(event)
        _append(self._events_file, event)
        return event


def _append(file: TextIO, line: Line) -> None:
    file.write(json.dumps(line, ensure_ascii=False) + "\n")
    file.flush()
