"""The channel that an entry came through, as a vector that a large model can add to what the entry says.

What to believe depends on how it was received: of two entries that contradict each other the one through the better
channel counts more. H comes in as the SNR of a few bands (frequency) and of a few parts of the message (time) about its
own, with those of the user's messages before it (history); beside them stands what of it was masked or lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
        (n, CSI_FEATURES) float32: see `csi_rows`.
    """
    own = _clipped([entry.csi.snr_db for entry in entries])
    history = np.zeros((len(own), HISTORY))
    for lag in range(1, min(HISTORY, len(own) - 1) + 1):
        history[lag:, lag - 1] = own[:-lag] - own[lag:]
    carriers = [entry.csi.carrier_snr_db for entry in entries]
    slots = [entry.csi.slot_snr_db for entry in entries]
    return _rows(own, history, carriers, slots, [entry.reliability for entry in entries], stale)


@dataclass(frozen=True, slots=True)
class KnownChannel:
    """What is known of the channel of one message.

    Attributes:
        snr_db: mean Es/N0 of the message.
        before_db: of the messages before it, the last one first, `HISTORY` at most.
        carrier_snr_db: (carriers,).
        slot_snr_db: (SLOTS,), or empty.
        reliability: (symbols,), see `entry.reliability`.
        stale: whether the stream had a gap since.
    """

    snr_db: float
    before_db: Sequence[float]
    carrier_snr_db: FloatArray
    slot_snr_db: FloatArray
    reliability: FloatArray
    stale: bool


def csi_rows(channels: Sequence[KnownChannel]) -> FloatArray:
    """Features of channels.

    Returns:
        (n, CSI_FEATURES) float32: SNR over 20 dB; by how much each message before, each of `BANDS` bands and each of
        `SLOTS` parts of the message came better, over 20 dB, 0 where nothing is known; mean and least reliability; 1
        if it is stale.
    """
    own, history = _clipped([one.snr_db for one in channels]), np.zeros((len(channels), HISTORY))
    for row, one in enumerate(channels):
        history[row, : len(one.before_db)] = _clipped(one.before_db) - own[row]
    return _rows(
        own,
        history,
        [one.carrier_snr_db for one in channels],
        [one.slot_snr_db for one in channels],
        [one.reliability for one in channels],
        [one.stale for one in channels],
    )


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


def _rows(
    own: NDArray[np.float64],
    history: NDArray[np.float64],
    carriers: Sequence[FloatArray],
    slots: Sequence[FloatArray],
    reliability: Sequence[FloatArray],
    stale: Sequence[bool],
) -> FloatArray:
    parts = np.column_stack([own, history, _alike(carriers, _bands, BANDS), _alike(slots, _parts, SLOTS)]) / 20
    trust = [(one.mean(), one.min()) if len(one) else (0.0, 0.0) for one in reliability]
    rest = np.column_stack([np.reshape(trust, (len(own), 2)), np.asarray(stale, float)])
    return np.column_stack([parts, rest]).astype(np.float32)


def _alike(
    vectors: Sequence[FloatArray], made: Callable[[NDArray[np.float64]], NDArray[np.float64]], width: int
) -> NDArray[np.float64]:
    """(n, width): what is `made` of vectors, of all that have one length together; 0 of an empty one."""
    found = np.zeros((len(vectors), width))
    lengths = np.array([len(vector) for vector in vectors], int)
    for length in set(lengths.tolist()) - {0}:
        rows = np.flatnonzero(lengths == length)
        found[rows] = made(_clipped([vectors[row] for row in rows]))
    return found


def _bands(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, carriers) to (n, BANDS), dB above the mean of all bands."""
    edges = np.arange(BANDS + 1) * known.shape[1] // BANDS
    means = [known[:, first:end] if end > first else known for first, end in pairwise(edges)]
    return _about_mean(np.stack([part.mean(axis=1) for part in means], axis=1))


def _parts(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, parts) to (n, SLOTS), dB above their mean; 0 where there are not so many."""
    return _about_mean(known) if known.shape[1] == SLOTS else np.zeros((len(known), SLOTS))


def _about_mean(known: NDArray[np.float64]) -> NDArray[np.float64]:
    return known - known.mean(axis=1, keepdims=True)
