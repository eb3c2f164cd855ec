"""`lam-jscc` around LAMs of other kinds than the decoder that it ships with: each by a name of its own."""

from semcom_ota.codecs.lam_jscc import LamJscc


class LamJsccBert(LamJscc):
    """As `lam-jscc`, around a LAM of the encoder kind (BERT)."""

    name = "lam-jscc-bert"
    number = 6


class LamJsccT5(LamJscc):
    """As `lam-jscc`, around a LAM of the encoder-decoder kind (T5)."""

    name = "lam-jscc-t5"
    number = 7
