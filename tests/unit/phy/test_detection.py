from itertools import pairwise

import numpy as np
import pytest

from semcom_ota.config import PhyConfig
from semcom_ota.phy import ofdm, preamble
from semcom_ota.phy.detection import best_alignment, repetition_metric, row_step
from semcom_ota.phy.impairments import complex_noise
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.synchronizer import DETECTION_FALSE_ALARM


def test_the_metric_is_its_formula():
    samples = complex_noise(np.random.default_rng(1), 800).astype(np.complex64)
    metric = repetition_metric(samples, 80, preamble.STEPS)
    assert metric.shape == (320,)
    for start in (0, 1, 79, 80, 319):
        rows = samples[start : start + 480].reshape(6, 80).astype(np.complex128)
        repeated = sum(s * np.vdot(a, b) for s, a, b in zip(preamble.STEPS, rows[:-1], rows[1:], strict=True))
        energy = sum(np.sum(np.abs(a) ** 2 + np.abs(b) ** 2) / 2 for a, b in pairwise(rows))
        np.testing.assert_allclose(metric[start], np.abs(repeated) ** 2 / energy**2, rtol=1e-4)


@pytest.mark.parametrize("level", [1e-6, 1.0, 1e4])
def test_false_alarms_come_at_the_rate_claimed_at_any_noise_level(level):
    noise = level * complex_noise(np.random.default_rng(2), 400_000)
    metric = repetition_metric(noise.astype(np.complex64), 80, preamble.STEPS)
    rate = np.mean(metric > -np.log(DETECTION_FALSE_ALARM) / 400)
    assert 0.5 < rate / DETECTION_FALSE_ALARM < 1.5


def test_the_metric_depends_on_its_own_samples_only():
    samples = complex_noise(np.random.default_rng(3), 8000).astype(np.complex64)
    whole = repetition_metric(samples, 80, preamble.STEPS)
    after_a_burst = samples.copy()
    after_a_burst[:2000] *= 1e5
    parts = [repetition_metric(samples[first : first + 800], 80, preamble.STEPS) for first in range(0, 7520, 320)]
    assert np.concatenate(parts).tobytes() == whole[: 320 * len(parts)].tobytes()
    assert repetition_metric(after_a_burst, 80, preamble.STEPS)[2000:].tobytes() == whole[2000:].tobytes()


def test_the_best_alignment_is_that_of_the_plain_formula():
    generator = np.random.default_rng(5)
    samples = complex_noise(generator, 9 + 6 * 80).astype(np.complex64)
    replicas = complex_noise(generator, 3 * 80).astype(np.complex64).reshape(3, 80)
    signs = np.exp(1j * generator.uniform(0, 6, 6)).astype(np.complex64)
    shares = np.empty((10, 3))
    for delay in range(10):
        part = samples[delay : delay + 480]
        for h in range(3):
            expected = np.kron(signs, replicas[h])
            energies = np.sum(np.abs(part) ** 2) * np.sum(np.abs(expected) ** 2)
            shares[delay, h] = np.abs(np.vdot(expected, part)) ** 2 / energies
    share, delay, replica = best_alignment(samples, replicas, signs, 10)
    assert (delay, replica) == np.unravel_index(shares.argmax(), shares.shape)
    np.testing.assert_allclose(share, shares.max(), rtol=1e-4)


def test_a_preamble_is_all_repetition():
    samples = ofdm.modulate(preamble.grid(52), Numerology(PhyConfig()))
    turned = (samples * np.exp(0.01j * np.arange(480))).astype(np.complex64)
    assert abs(row_step(turned, 80, preamble.STEPS) - 0.8) < 1e-4
    padded = np.concatenate([turned, np.zeros(80, np.complex64)])
    np.testing.assert_allclose(repetition_metric(padded, 80, preamble.STEPS)[0], 1, rtol=1e-4)
