"""The channel that an entry came through, as a vector that a large model can add to what the entry says.

What a decoder should believe depends on how it was received: of two entries that contradict each other the one through
the better channel counts more. H over frequency comes in as the SNR of a few bands about their mean, H over time as how
the SNR of the user's messages moved; what was masked or lost and what the decoder itself thought of it are beside them.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from semcom_ota.memory.entry import MemoryEntry
from semcom_ota.types import FloatArray

BANDS = 8
CSI_FEATURES = BANDS + 6
_LOWEST_DB, _HIGHEST_DB = -20.0, 40.0


def csi_features(entries: Sequence[MemoryEntry], stale: Sequence[bool]) -> FloatArray:
    """What is known of the channel of each of a user's entries.

    Args:
        entries: in the order in which they were sent.
        stale: of each, whether the stream had a gap since (`MemoryStore.is_stale`).

    Returns:
        (n, CSI_FEATURES) float32: SNR and its change since the entry before, both over 20 dB; how far each of `BANDS`
        bands is above the mean, over 20 dB; mean and least reliability of its symbols (`entry.reliability`); the
        decoder's confidence; and 1 if it is stale.
    """
    rows = np.zeros((len(entries), CSI_FEATURES), np.float32)
    snr_db = _clipped(np.array([entry.csi.snr_db for entry in entries]))
    for row, entry, old in zip(rows, entries, stale, strict=True):
        symbols = entry.reliability
        row[2 : 2 + BANDS] = _bands(entry.csi.carrier_snr_db) / 20
        row[2 + BANDS :] = (
            float(symbols.mean()) if len(symbols) else 0.0,
            float(symbols.min()) if len(symbols) else 0.0,
            entry.understood.confidence,
            float(old),
        )
    if len(entries):
        rows[:, 0] = snr_db / 20
        rows[1:, 1] = np.diff(snr_db) / 20
    return rows


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


def _clipped(snr_db: NDArray[Any]) -> NDArray[np.float64]:
    """In bounds; what is no number (nothing was received, without noise) is the lowest."""
    return np.clip(np.nan_to_num(snr_db.astype(float), nan=_LOWEST_DB), _LOWEST_DB, _HIGHEST_DB)


def _bands(carrier_snr_db: FloatArray) -> NDArray[np.float64]:
    """(BANDS,) dB above the mean of all carriers; 0 where no carrier is known."""
    if not len(carrier_snr_db):
        return np.zeros(BANDS)
    known = _clipped(carrier_snr_db)
    edges = np.arange(BANDS + 1) * len(known) // BANDS
    means = [known[a:b].mean() if b > a else known.mean() for a, b in pairwise(edges)]
    return np.array(means) - known.mean()
