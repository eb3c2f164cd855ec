import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom_ota.codecs.base import DoesNotFit
from semcom_ota.codecs.lam_bits import RATES, Literal, best_rate, demodulated, modulated, pairs

LAYERS = 16


def some_bits(tokens, rate, seed=0):
    return np.random.default_rng(seed).integers(0, 2, 2 * pairs(tokens, rate)).astype(np.uint8)


@pytest.mark.parametrize("snr_db", [None, 0.0, 6.0, 9.0, 12.0, 18.0, 24.0])  # QPSK to 256-QAM
@pytest.mark.parametrize("tokens", [3, 12, 80])
def test_what_is_sent_arrives_at_every_order(tokens, snr_db):
    symbols = 8 * tokens
    rate = best_rate(tokens, symbols, snr_db, LAYERS)
    bits = some_bits(tokens, rate)
    for exact in (False, True):
        encoded = modulated(bits, tokens, rate, exact, symbols, snr_db)
        assert len(encoded.symbols) == symbols and np.mean(np.abs(encoded.symbols) ** 2) == pytest.approx(1, abs=1e-5)
        variance = np.full(symbols, 1e-4, np.float32)
        got, right, said_tokens, said_exact = demodulated(encoded.symbols, variance, encoded.parameters)
        assert np.array_equal(got, bits) and right.all() and (said_tokens, said_exact) == (tokens, exact)


def test_a_better_channel_carries_more_bits():
    rates = [best_rate(12, 96, snr_db, LAYERS) for snr_db in (0.0, 6.0, 12.0, 18.0)]
    assert rates == sorted(rates) and rates[0] < rates[1] < rates[2] <= RATES - 1


@pytest.mark.parametrize("snr_db", [0.0, 12.0])
def test_noise_alone_is_not_taken_for_right(snr_db):
    rate = best_rate(12, 96, snr_db, LAYERS)
    encoded = modulated(some_bits(12, rate), 12, rate, True, 96, snr_db)
    rng = np.random.default_rng(3)
    noise = (rng.standard_normal((40, 96)) + 1j * rng.standard_normal((40, 96))).astype(np.complex64)
    passed = [demodulated(one, np.ones(96, np.float32), encoded.parameters)[1].all() for one in noise]
    assert sum(passed) <= 1


def test_too_few_symbols_are_refused():
    with pytest.raises(DoesNotFit, match="2 symbols cannot carry 12 tokens"):
        best_rate(12, 2, 10.0, LAYERS)


@settings(max_examples=40, deadline=None)
@given(parameters=st.integers(0, 2**24 - 1), symbols=st.integers(1, 200))
def test_any_header_gives_bits_of_its_own_size(parameters, symbols):
    received = np.full(symbols, 0.5 + 0.5j, np.complex64)
    bits, right, tokens, _ = demodulated(received, np.ones(symbols, np.float32), parameters)
    assert bits.shape == right.shape == (2 * pairs(tokens, parameters >> 1 & RATES - 1),)


def test_a_text_goes_byte_for_byte_at_every_order():
    literal, text = Literal(), "Żółć 4711"
    for snr_db in (0.0, 6.0, 12.0, 18.0):
        encoded = literal.encode(text, 120, snr_db)
        decoded = literal.decode(encoded.symbols, np.full(120, 1e-3, np.float32), encoded.parameters)
        assert (decoded.text, decoded.intact) == (text, True)
