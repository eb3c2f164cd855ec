"""What a large model gets of the memory: entries that matter to a question, as vectors in its own space."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semcom_ota.codecs.lam_model import Context
from semcom_ota.memory.csi_coding import CSI_FEATURES, CsiCoding, csi_features
from semcom_ota.memory.entry import MemoryEntry
from semcom_ota.memory.store import MemoryStore
from semcom_ota.memory.temporal_coding import TemporalCoding
from semcom_ota.memory_config import Aspect
from semcom_ota.types import FloatArray


@dataclass(frozen=True, slots=True)
class Recollection:
    """Entries of one user that were called to mind, in the order in which they were sent."""

    numbers: NDArray[np.int64]  # (C,) of the entries
    features: FloatArray  # (C, width)
    ages: NDArray[np.int64]  # (C,) messages sent since
    csi: FloatArray  # (C, CSI_FEATURES)


def recollect(store: MemoryStore, user: int, query: FloatArray, budget: int, now: int) -> Recollection:
    """Call to mind what may matter to a question: all there is, or half the newest and half the nearest in meaning.

    Args:
        store: the memory.
        user: whose entries; no others are seen.
        query: (width,) features of the question.
        budget: entries at most.
        now: when the question was sent, counted as `MemoryEntry.sent`.

    Entries without features of this width are left out: another codec made them.
    """
    newest = store.newest(user, budget - budget // 2 if store.count(user) > budget else budget)
    chosen = {entry.number: entry for entry in newest}
    if store.count(user) > budget:
        for entry, _ in store.nearest(user, query, budget):
            if len(chosen) < budget:
                chosen.setdefault(entry.number, entry)
    return recollection_of(chosen.values(), store, len(query), now)


def recollection_of(found: Iterable[MemoryEntry], store: MemoryStore, width: int, now: int) -> Recollection:
    """These entries, but for those without features of this width; see `recollect`."""
    known = [entry for entry in found if entry.understood.features.shape[-1] == width]
    entries = sorted(known, key=lambda entry: (entry.sent, entry.number))
    features = [entry.understood.features.mean(axis=0) for entry in entries]
    return Recollection(
        np.array([entry.number for entry in entries], np.int64),
        np.array(features, np.float32).reshape(len(entries), width),
        np.array([max(now - entry.sent, 0) for entry in entries], np.int64),
        csi_features(entries, [store.is_stale(entry) for entry in entries]),
    )


class ContextWriter(nn.Module):
    """Adds to the features of entries when they were sent and the channel that they came through."""

    def __init__(self, width: int):
        """From torch's global generator."""
        super().__init__()
        self.temporal = TemporalCoding(width)
        self.csi = CsiCoding(width)
        self.kind = nn.Parameter(torch.randn(width) * 0.1)

    def forward(
        self, features: Tensor, ages: Tensor, csi: Tensor, mask: Tensor, left_out: Collection[Aspect] = ()
    ) -> Context:
        """Vectors for a LAM.

        Args:
            features: (B, C, width), entries in the order of sending, those that are there last.
            ages: (B, C) int64.
            csi: (B, C, CSI_FEATURES).
            mask: (B, C) bool.
            left_out: what is not told, to see what it is worth.
        """
        vectors = features + self.kind
        if "time" not in left_out:
            ranks = mask.flip(1).cumsum(1).flip(1) - 1
            vectors = vectors + self.temporal(ranks, ages)
        if "csi" not in left_out:
            vectors = vectors + self.csi(csi)
        return Context(vectors, mask)


def stacked(
    recollections: list[Recollection], width: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Several as the arguments of a `ContextWriter`: features, ages, csi, mask; what is missing is padded in front."""
    rows, most = len(recollections), max((len(one.numbers) for one in recollections), default=0)
    features = np.zeros((rows, most, width), np.float32)
    ages = np.zeros((rows, most), np.int64)
    csi = np.zeros((rows, most, CSI_FEATURES), np.float32)
    mask = np.zeros((rows, most), bool)
    for row, one in enumerate(recollections):
        first = most - len(one.numbers)
        features[row, first:], ages[row, first:], csi[row, first:] = one.features, one.ages, one.csi
        mask[row, first:] = True
    made = [torch.from_numpy(array).to(device) for array in (features, ages, csi, mask)]
    return made[0], made[1], made[2], made[3]
