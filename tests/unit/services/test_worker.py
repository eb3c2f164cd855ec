"""What both workers share: a codec is tried before it is used."""

import numpy as np
import pytest

from semcom_ota.codecs.base import DoesNotFit, Encoded
from semcom_ota.config import ConfigError
from semcom_ota.services.worker import try_out


class Codec:
    name = "of-a-user"

    def __init__(self, error):
        self.error = error

    def encode(self, text, *, n_symbols=None, snr_db=None):
        if self.error:
            raise self.error
        return Encoded(np.ones(3, np.complex64), 0)

    def decode(self, symbols, noise_variance, parameters):
        raise RuntimeError("the decoder\n broke")


def test_a_codec_that_cannot_carry_a_letter_may_carry_sentences():
    try_out(Codec(DoesNotFit("a sentence has ten letters")), decode=True)


@pytest.mark.parametrize(("error", "decode"), [(ValueError("no"), False), (None, True)])
def test_a_codec_that_breaks_is_one_sentence(error, decode):
    with pytest.raises(ConfigError, match=r"codec 'of-a-user' fails on the text 'a': [VR].*Error: ") as caught:
        try_out(Codec(error), decode)
    assert "\n" not in str(caught.value)


def test_a_decoder_is_tried_only_if_asked_for():
    try_out(Codec(None), decode=False)
