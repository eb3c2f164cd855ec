"""The network of a memory's reader: a large model (LAM) that answers, and what brings the memory to it."""

from collections.abc import Collection

from torch import Tensor, nn

from semcom_ota.codecs.lam_answers import AnsweringLam
from semcom_ota.codecs.lam_backbone import EncoderLam
from semcom_ota.codecs.lam_model import Context
from semcom_ota.memory.context import ContextWriter
from semcom_ota.memory_config import Aspect

INTENTS = (
    "tell",
    "ask",
    "AddToPlaylist",
    "BookRestaurant",
    "GetWeather",
    "PlayMusic",
    "RateBook",
    "SearchCreativeWork",
    "SearchScreeningEvent",
)
"""What a sentence wants: to be remembered, to be answered from what is remembered, or one of the services of the Snips
benchmark (Coucke et al. 2018), in the order of the logits."""


class ReaderModel(nn.Module):
    """LAM, context and heads."""

    def __init__(self, lam: EncoderLam, places: int, blank: int):
        """Random but for `lam`, which is taken over: seed torch first. See `AnsweringLam` for the rest."""
        super().__init__()
        self.answering = AnsweringLam(lam, places, blank)
        self.context = ContextWriter(lam.width)
        self.to_needed = nn.Linear(lam.width, 1)
        self.to_intent = nn.Linear(lam.width, len(INTENTS))

    def remembered(
        self,
        entries: Tensor,
        trust: Tensor,
        ages: Tensor,
        csi: Tensor,
        mask: Tensor,
        left_out: Collection[Aspect] = (),
    ) -> Context:
        """What a memory holds, from the texts of its entries.

        Args:
            entries: (B, C, W) int64 tokens of each.
            trust: (B, C, W) in each token, 0 where there is none.
            ages: (B, C) int64; see `ContextWriter` for this and what follows.
            csi: (B, C, CSI_FEATURES).
            mask: (B, C) bool.
            left_out: what is not told.
        """
        features = self.answering.features(entries.flatten(0, 1), trust.flatten(0, 1)).unflatten(0, entries.shape[:2])
        return self.context(features, ages, csi, mask, left_out)
