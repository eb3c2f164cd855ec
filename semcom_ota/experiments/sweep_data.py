"""A sweep as one table of numbers: a row for each message and codec, with all that any figure is a sum of."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semcom_ota.codecs.base import without_gaps
from semcom_ota.experiments.comparison import Figure, Sample
from semcom_ota.experiments.similarity import SentenceEncoder
from semcom_ota.experiments.statistics import QUALITY, Resampling, quality_rows
from semcom_ota.experiments.sweep_reading import Row

FEWEST_TEXTS = 30
"""With fewer different texts, an interval over texts would say nothing of the channel."""
MAX_CACHE_BYTES = 2**28
SIMILARITIES = "similarity.json"
GUESS = "A man in a blue shirt and a woman in a white shirt are walking down the street."
"""What the language model that ships finds likeliest with nothing received (its beam search, 16 wide)."""
_GUESS_COLUMN = 15
_SIMILARITY_COLUMN = 25


@dataclass(frozen=True, slots=True, order=True)
class Panel:
    """What is compared: all codecs over one channel, with so many payload symbols a word."""

    channel: str
    budget: float

    def __str__(self) -> str:
        """For people."""
        return f"{self.channel}, {self.budget:g} symbols a word"


@dataclass(frozen=True, slots=True)
class Curve:
    """One codec in one panel."""

    panel: Panel
    name: str  # label of the codec, and whether the receiver was told the channel
    rows: dict[float, NDArray[np.int64]]  # SNR in dB, ascending -> rows of the table


class SweepData:
    """All rows of a sweep, and the bootstrap that all of its figures share."""

    def __init__(self, rows: Sequence[Row], similarity: NDArray[np.float64] | None = None, seed: int = 0) -> None:
        """Make the table.

        Args:
            rows: at least one.
            similarity: (n,) of sent and received text; None: there is no encoder.
            seed: of the bootstrap.
        """
        self.rows = list(rows)
        table = quality_rows([row.sent for row in rows], [row.received for row in rows])
        shown = [row.received if without_gaps(row.received).strip() else _guess(row.words) for row in rows]
        table = np.column_stack([table, quality_rows([row.sent for row in rows], shown)[:, :10]])
        self.figures: dict[str, Figure] = dict(QUALITY)
        self.figures["bleu1_guess"] = lambda total: QUALITY["bleu1"](total[..., _GUESS_COLUMN:])
        if similarity is not None:
            table = np.column_stack([table, similarity])
            self.figures["similarity"] = lambda total: total[..., _SIMILARITY_COLUMN] / np.maximum(total[..., 14], 1)
        self.table = table
        self.words = np.array([row.words for row in rows])
        texts = {row.sent for row in rows}
        self.drawn = "texts" if len(texts) >= FEWEST_TEXTS else "transmissions"
        names: dict[Any, int] = {}
        self.message = np.array([names.setdefault(self._unit(row), len(names)) for row in rows], np.int64)
        self.resampling = Resampling(len(names), seed)
        self.curves = _curves(rows)

    def _unit(self, row: Row) -> Any:
        """What a bootstrap draws: a text with all that became of it; of few texts, each time that one was sent."""
        return row.sent if self.drawn == "texts" else (row.message, row.seed)

    def sample(self, rows: NDArray[np.int64]) -> Sample:
        """Some rows of the table."""
        return Sample(self.message[rows], self.table[rows])

    def panels(self) -> list[Panel]:
        """In the order in which they were measured."""
        return list(dict.fromkeys(curve.panel for curve in self.curves))

    def of_panel(self, panel: Panel) -> list[Curve]:
        """The curves of a panel."""
        return [curve for curve in self.curves if curve.panel == panel]


def curve_name(row: Row) -> str:
    """The name of a row's curve."""
    return row.codec if row.csi == "estimated" else f"{row.codec} ({row.csi} CSI)"


def _guess(words: int) -> str:
    """As many words as were sent, which the number of symbols says."""
    return " ".join(GUESS.split()[:words]).rstrip(".") + "."


def _curves(rows: Sequence[Row]) -> list[Curve]:
    places: dict[tuple[Panel, str], dict[float, list[int]]] = {}
    for index, row in enumerate(rows):
        curve = places.setdefault((Panel(row.channel, row.budget), curve_name(row)), {})
        curve.setdefault(row.snr_db, []).append(index)
    return [
        Curve(panel, name, {snr_db: np.array(curve[snr_db]) for snr_db in sorted(curve)})
        for (panel, name), curve in places.items()
    ]


def similarities(rows: Sequence[Row], encoder: SentenceEncoder, folder: Path) -> NDArray[np.float64]:
    """Sentence similarity of every row, from what an earlier report on this folder kept as far as that goes.

    Args:
        rows: of the sweep.
        encoder: of the sentences.
        folder: of the sweep; what is new is kept there.

    Returns:
        (n,), -1..1.
    """
    pairs = [(row.sent, row.received if row.received == row.sent else without_gaps(row.received)) for row in rows]
    keys = [hashlib.sha256(f"{sent}\0{received}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
            for sent, received in pairs]  # fmt: skip
    known = _kept(folder / SIMILARITIES, encoder.digest)
    new = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in known}
    if new:
        values = encoder.similarity([sent for sent, _ in new.values()], [received for _, received in new.values()])
        known |= dict(zip(new, values.tolist(), strict=True))
        document = {"encoder": encoder.digest, "similarity": known}
        (folder / SIMILARITIES).write_text(json.dumps(document), encoding="utf-8")
    return np.array([known[key] for key in keys])


def _kept(file: Path, encoder: str) -> dict[str, float]:
    try:
        if file.stat().st_size > MAX_CACHE_BYTES:
            return {}
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["encoder"] != encoder:
            return {}
        return {str(key): min(max(float(value), -1.0), 1.0) for key, value in document["similarity"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):  # none, or of no use
        return {}
