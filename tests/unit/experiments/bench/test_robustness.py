from dataclasses import replace

import numpy as np

from semcom_ota.experiments.bench.exchange import AWGN, PHY, Point, exchange
from semcom_ota.experiments.bench.malformed import malformed_headers, malformed_streams
from semcom_ota.experiments.bench.robustness import digest, digests, memory_growth
from semcom_ota.experiments.bench.spending import peaks


def test_another_chunking_gives_the_same_digests():
    whole = digests(0, 4, (1, 1))
    assert len(whole) >= 3
    assert digests(997, 4, (1, 1)) == whole
    assert digests(0, 4, (1, 2)) != whole


def test_a_digest_sees_every_part():
    (passage,), _ = exchange(Point(AWGN, 20.0, 64), 1, (1, 1))
    received = passage.received
    others = [
        replace(received, symbols=np.nextafter(received.symbols.view(np.float32), 9).view(np.complex64)),
        replace(received, noise_variance=received.noise_variance * np.float32(1.0001)),
        replace(received, start_sample=received.start_sample + 1),
        replace(received, csi=replace(received.csi, snr_db=received.csi.snr_db + 1e-9)),
        replace(received, header=replace(received.header, task=received.header.task ^ 1)),
    ]
    assert len({digest(other) for other in [received, *others]}) == 1 + len(others)


def test_malformed_headers_raise_nothing():
    outcome = malformed_headers(40, (1, 1))
    assert (outcome.inputs, outcome.headers, outcome.errors) == (40, 0, [])


def test_malformed_streams_deliver_nothing_that_was_not_sent():
    outcome = malformed_streams(70, (1, 1))
    assert (outcome.inputs, outcome.headers, outcome.errors) == (70, 0, [])


def test_memory_is_measured():
    first, most = memory_growth(200_000, (1, 1))
    assert 0 < first <= most < first + 200


def test_peaks_are_above_the_mean_and_below_the_bound():
    """52 carriers in phase have 52 times the mean power."""
    values = peaks("none", "QPSK", 3, (1, 1))
    assert values.size == 3 * 19 and values.min() > 1.5 and values.max() < PHY.used_carriers
