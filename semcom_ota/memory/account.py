"""What a memory on the disk holds, for people and other programs; a receiver may go on writing it meanwhile.

What is seen is one state of it, that at which it was opened.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from semcom_ota.config import ConfigError
from semcom_ota.memory.disk import Disk
from semcom_ota.memory.entry import MemoryEntry
from semcom_ota.memory.store import MemoryStore
from semcom_ota.types import Csi, FloatArray


class Account:
    """A look at a memory."""

    def __init__(self, file: Path) -> None:
        """Open it; raises ConfigError if there is none."""
        self._disk = Disk(file, looks_on=True)
        self._numbers: dict[int, list[int]] = {}
        for known, _ in self._disk.known():
            self._numbers.setdefault(known.user, []).append(known.number)
        counters = self._disk.counters()
        self.time, self.lost_samples = counters.get("time", 0), counters.get("lost_samples", 0)

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._disk.close()

    @property
    def users(self) -> list[int]:
        """Of whom there is anything."""
        return sorted(self._numbers)

    def count(self, user: int | None = None) -> int:
        """Entries of a user, or of all."""
        return sum(len(numbers) for of, numbers in self._numbers.items() if user in (None, of))

    def entries(self, user: int | None = None, last: int | None = None) -> Iterator[MemoryEntry]:
        """Those of a user, or user after user; of each the last ones, in the order of arrival."""
        for of in self.users if user is None else [user]:
            for number in self._numbers.get(of, [])[-last if last else 0 :]:
                yield from self._disk.entries([number])

    def export(self, out: Path, user: int | None = None) -> int:
        """Write entries as lines of JSON; returns how many. Raises ConfigError if the file cannot be written."""
        written = 0
        try:
            with out.open("w", encoding="utf-8") as stream:
                for written, entry in enumerate(self.entries(user), 1):  # noqa: B007 (the count is what is returned)
                    stream.write(json.dumps(as_json(entry), ensure_ascii=False, allow_nan=False) + "\n")
        except OSError as error:
            raise ConfigError(f"cannot write '{out}' ({error.strerror}): choose another file") from error
        return written


def forget_in(file: Path, user: int | None) -> int:
    """Forget a user's entries, or all (None); returns how many. Raises ConfigError if a receiver writes the file."""
    with MemoryStore(1_000_000, file=file) as store:
        return store.forget(user)


def as_json(entry: MemoryEntry) -> dict[str, Any]:
    """An entry's fields; what is not finite is None. `channel` is empty unless the whole channel was kept."""
    said = entry.understood
    return {
        "number": entry.number, "user": entry.user, "message": entry.message, "task": entry.task, "sent": entry.sent,
        "time": entry.time, "lost_samples": entry.lost_samples, "modality": said.modality, "text": said.text,
        "confidence": said.confidence, "intact": said.intact, "value": entry.value,
        "snr_db": _finite(entry.csi.snr_db), "cfo_hz": _finite(entry.csi.cfo_hz),
        "carrier_snr_db": [_finite(value) for value in entry.csi.carrier_snr_db.tolist()],
        "slot_snr_db": [_finite(value) for value in entry.csi.slot_snr_db.tolist()],
        "reliability": entry.reliability.round(4).tolist(), "reader": said.reader,
        "features": said.features.round(4).tolist(), "channel": [_channel(csi) for csi in entry.channel],
    }  # fmt: skip


def _channel(csi: Csi) -> dict[str, Any]:
    """The channel of one fragment; H is (OFDM symbols, carriers), row after row."""
    response = csi.frequency_response
    return {
        "shape": list(response.shape), "real": _short(response.real), "imaginary": _short(response.imag),
        "noise_variance": _short(csi.noise_variance), "snr_db": _finite(csi.snr_db), "cfo_hz": _finite(csi.cfo_hz),
        "sample_rate": _finite(csi.sample_rate), "carrier_spacing_hz": _finite(csi.carrier_spacing_hz),
        "sro_ppm": _finite(csi.sro_ppm),
    }  # fmt: skip


def _short(values: FloatArray) -> list[float | None]:
    """In as many digits as the disk keeps."""
    return [_finite(float(f"{value:.4g}")) for value in values.ravel().tolist()]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
