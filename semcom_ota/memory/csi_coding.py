"""The channel that an entry came through, as a vector that a large model can add to what the entry says.

What to believe depends on how it was received: of two entries that contradict each other the one through the better
channel counts more. H comes in as the SNR of a few bands (frequency) and of a few parts of the message (time) about its
own, with those of the user's messages before it (history); beside them stands what of it was masked or lost.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from semcom_ota.memory.entry import SLOTS, MemoryEntry
from semcom_ota.types import FloatArray

BANDS = 8
HISTORY = 4
"""Messages before an entry of which it is told how much better or worse they came."""
CSI_FEATURES = 1 + HISTORY + BANDS + SLOTS + 3
_LOWEST_DB, _HIGHEST_DB = -20.0, 40.0


def csi_features(entries: Sequence[MemoryEntry], stale: Sequence[bool]) -> FloatArray:
    """What is known of the channel of each of a user's entries.

    Args:
        entries: in the order in which they were sent.
        stale: of each, whether the stream had a gap since (`MemoryStore.is_stale`).

    Returns:
        (n, CSI_FEATURES) float32: see `csi_row`.
    """
    rows = np.zeros((len(entries), CSI_FEATURES), np.float32)
    snr_db = [entry.csi.snr_db for entry in entries]
    for place, (entry, old) in enumerate(zip(entries, stale, strict=True)):
        before = snr_db[max(place - HISTORY, 0) : place][::-1]
        rows[place] = csi_row(
            entry.csi.snr_db, before, entry.csi.carrier_snr_db, entry.csi.slot_snr_db, entry.reliability, old
        )
    return rows


def csi_row(
    snr_db: float,
    before_db: Sequence[float],
    carrier_snr_db: FloatArray,
    slot_snr_db: FloatArray,
    reliability: FloatArray,
    stale: bool,
) -> FloatArray:
    """Features of one channel.

    Args:
        snr_db: mean Es/N0 of the message.
        before_db: of the messages before it, the last one first, `HISTORY` at most.
        carrier_snr_db: (carriers,).
        slot_snr_db: (SLOTS,), or empty.
        reliability: (symbols,), see `entry.reliability`.
        stale: whether the stream had a gap since.

    Returns:
        (CSI_FEATURES,) float32: SNR over 20 dB; by how much each message before, each of `BANDS` bands and each of
        `SLOTS` parts of the message came better, over 20 dB, 0 where nothing is known; mean and least reliability; 1
        if it is stale.
    """
    own, earlier = float(_clipped(snr_db)), _clipped(before_db)
    history = np.zeros(HISTORY)
    history[: len(earlier)] = earlier - own
    trust = (float(reliability.mean()), float(reliability.min())) if len(reliability) else (0.0, 0.0)
    parts = (own, *history, *_bands(carrier_snr_db), *_about_mean(slot_snr_db, SLOTS))
    return np.array([*(part / 20 for part in parts), *trust, float(stale)], np.float32)


class CsiCoding(nn.Module):
    """CSI features to vectors."""

    def __init__(self, width: int):
        """Of `width` elements; begins as nothing, so that what CSI adds is learned."""
        super().__init__()
        self.to_vector = nn.Linear(CSI_FEATURES, width)
        nn.init.zeros_(self.to_vector.weight)
        nn.init.zeros_(self.to_vector.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, CSI_FEATURES) to (B, C, width)."""
        vectors: Tensor = self.to_vector(features)
        return vectors


def _clipped(snr_db: Any) -> NDArray[np.float64]:
    """In bounds; what is no number (nothing was received, without noise) is the lowest."""
    return np.clip(np.nan_to_num(np.asarray(snr_db, float), nan=_LOWEST_DB), _LOWEST_DB, _HIGHEST_DB)


def _bands(carrier_snr_db: FloatArray) -> NDArray[np.float64]:
    """(BANDS,) dB above the mean of all carriers; 0 where no carrier is known."""
    known = _clipped(carrier_snr_db)
    edges = np.arange(BANDS + 1) * len(known) // BANDS
    means = [known[a:b].mean() if b > a else known.mean() for a, b in pairwise(edges)] if len(known) else []
    return _about_mean(np.array(means), BANDS)


def _about_mean(snr_db: FloatArray, count: int) -> NDArray[np.float64]:
    known = _clipped(snr_db)
    return known - known.mean() if len(known) == count else np.zeros(count)
