"""How many symbols are sent, and what the codec is told, of codecs of every kind."""

from types import SimpleNamespace

import numpy as np
import pytest

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Codec, DoesNotFit, Encoded
from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig, MaskConfig
from semcom_ota.masking.mask import known_snr_db, make_mask, masked_encode
from semcom_ota.masking.outlook import UNKNOWN, Outlook

TEXT, OWN = "A dog runs.", 40


class Brought:
    """A user's codec, whose symbols have no order."""

    name, number, ordered_symbols = "brought", 200, False

    def __init__(self, fewer):
        self.fewer, self.told = fewer, []

    def symbol_count(self, text):
        return OWN

    def encode(self, text, *, n_symbols=None, snr_db=None):
        self.told.append((n_symbols, snr_db))
        if self.fewer == "refused" and n_symbols != OWN:
            raise DoesNotFit("40 symbols, or none")
        if self.fewer == "from 15 dB on" and snr_db is not None and snr_db < 15:
            raise DoesNotFit("hopeless")
        return Encoded(np.ones(OWN if self.fewer == "ignored" else n_symbols, np.complex64), 0)

    def decode(self, symbols, noise_variance, parameters):
        raise NotImplementedError


def masked(codec, snr_db=30.0, **settings):
    """Symbols sent of `OWN`."""
    mask = make_mask(MaskConfig(**({"kind": "theory", "reference_snr_db": 0.0} | settings)), {codec.name: codec})
    kept, _ = mask.keep(codec, TEXT, OWN, Outlook("reported", snr_db))
    assert kept < OWN
    return len(masked_encode(codec, TEXT, OWN, kept, None).symbols)


def test_a_codec_without_order_is_asked_for_fewer_symbols():
    assert masked(Brought("possible")) < OWN / 2


@pytest.mark.parametrize("fewer", ["refused", "ignored"])
def test_a_codec_that_cannot_be_asked_for_fewer_is_not_masked(fewer):
    codec = Brought(fewer)
    assert isinstance(codec, Codec)
    assert masked(codec) == OWN and len(codec.told) < 8


def test_what_is_too_long_for_all_symbols_does_not_fit():
    with pytest.raises(DoesNotFit):
        masked_encode(Brought("refused"), TEXT, OWN - 1, 5, None)


def test_what_is_expected_is_no_reason_not_to_send():
    codec = Brought("from 15 dB on")
    assert len(masked_encode(codec, TEXT, OWN, 20, -9.0, forecast=True).symbols) == OWN
    assert codec.told == [(20, -9.0), (OWN, -9.0), (OWN, None)]
    with pytest.raises(DoesNotFit):
        masked_encode(codec, TEXT, OWN, 20, -9.0)


@pytest.mark.parametrize(
    ("follows", "outlook", "granted_db", "told"),
    [
        (True, Outlook("reported", 7.26), 9.0, 7.3),
        (True, Outlook("predicted", -1.0), None, -1.0),
        (True, Outlook("stale"), 9.0, None),
        (True, UNKNOWN, 9.0, None),
        (False, Outlook("reported", 7.26), 9.0, 9.0),
        (False, Outlook("reported", 7.26), None, 7.26),
        (False, UNKNOWN, None, None),
    ],
)
def test_a_codec_is_granted_nothing_where_the_mask_follows_the_channel(follows, outlook, granted_db, told):
    assert known_snr_db(follows, outlook, granted_db) == told


@pytest.mark.parametrize("name", ["huffman", "utf8", "text-jscc"])
def test_a_codec_that_knows_nothing_of_the_channel_is_understood_all_the_same(name):
    codec = registry.load(name, CodecConfig(), DeviceConfig(device="cpu"))
    sent = masked_encode(codec, TEXT, 60, 60, known_snr_db(True, UNKNOWN, 9.0), True)
    assert codec.decode(sent.symbols, np.full(60, 1e-2, np.float32), sent.parameters).text == TEXT


def test_the_semantic_noise_counts_whoever_says_where_all_symbols_are_needed():
    codec = Brought("possible")
    codec.reference_snr_db = 0.0
    assert masked(codec, reference_snr_db=None) == masked(codec) < masked(codec, semantic_snr_db=6.0)
    assert masked(codec, semantic_snr_db=6.0) == masked(codec, reference_snr_db=None, semantic_snr_db=6.0)


def test_a_mask_is_none_fixed_or_told_what_it_needs():
    assert make_mask(MaskConfig(), {}) is None
    fixed = make_mask(MaskConfig(kind="fixed", share=0.3), {})
    assert fixed.keep(SimpleNamespace(name="any"), TEXT, OWN, UNKNOWN) == (12, 0)
    with pytest.raises(ConfigError, match=r"^codec 'brought' does not say .* set mask\.reference_snr_db"):
        make_mask(MaskConfig(kind="theory"), {"brought": Brought("possible")})
