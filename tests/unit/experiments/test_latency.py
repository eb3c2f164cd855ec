import math

import numpy as np
import pytest

from semcom_ota.codecs.base import Decoded, DoesNotFit, Encoded
from semcom_ota.experiments.latency import STAGES, Latency, measure

TEXTS = [f"a text of {n} short words" for n in range(6)]


class Fixed:
    """Sends the same symbols for any text, and does not carry a text with a 3 in it."""

    name, number, ordered_symbols = "fixed", 200, False

    def __init__(self):
        self.sizes, self.alone, self.together = [], 0, []

    def symbol_count(self, text):
        return 8

    def encode(self, text, *, n_symbols=None, snr_db=None):
        if "3" in text:
            raise DoesNotFit("a 3")
        self.sizes.append(n_symbols)
        return Encoded(np.tile(np.array([1, 1j, -1, -1j], np.complex64), n_symbols)[:n_symbols], 7)

    def decode(self, symbols, noise_variance, parameters):
        assert parameters == 7 and len(symbols) == self.sizes[-1]
        self.alone += 1
        return Decoded("a text", 0.5, True)

    def decode_batch(self, messages):
        self.together.append(len(messages))
        return [Decoded("a text", 0.5, True) for _ in messages]


def test_every_stage_of_every_message_is_timed_but_for_the_warm_up():
    codec = Fixed()
    found = measure(codec, TEXTS, budget=8, snr_db=20, warm_up=3, batch=2)
    assert found.lost == 1 and codec.sizes[0] == 8 * 6
    assert codec.alone == 2 + 5  # the warm-up takes the last texts, 3, 4 and 5
    assert codec.together == [2, 2, 2] and len(found.batches) == 2 and found.batch == 2
    for times in found.milliseconds.values():
        assert len(times) == 5 and all(value > 0 for value in times)
    stages = np.sum([found.milliseconds[stage] for stage in STAGES], axis=0)
    assert stages == pytest.approx(found.milliseconds["total"])
    assert found.percentile("total", 50) <= found.percentile("total", 99)
    assert found.sentences_per_second == pytest.approx(2e3 / np.median(found.batches))


def test_nothing_arrives_in_noise_alone():
    found = measure(Fixed(), TEXTS, snr_db=-30, warm_up=0)
    assert found.lost == 6 and math.isnan(found.percentile("decode", 50))
    assert math.isnan(Latency({"total": []}, 0).sentences_per_second)
