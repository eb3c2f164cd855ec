import numpy as np
import pytest
from radio_bench import Chopper, gr
from semcom_blocks.signal_watch import SignalWatch

from semcom_ota.radio.level_meter import LevelMeter

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("seed", range(2))
def test_the_level_is_that_of_the_meter_whatever_the_chunks(seed: int):
    parts = np.random.default_rng(seed).normal(scale=0.4, size=(50_000, 2)).clip(-1, 1).astype(np.float32)
    samples = parts.view(np.complex64)[:, 0]
    top, source, watch = gr.top_block(), Chopper(samples, {}, seed), SignalWatch()
    top.connect(source, watch)
    top.run()
    meter = LevelMeter()
    meter.take(samples)
    level, expected = watch.read(), meter.read()
    assert (level.samples, level.clipped_samples) == (expected.samples, expected.clipped_samples)
    assert level.level_dbfs == pytest.approx(expected.level_dbfs) and level.peak_dbfs == expected.peak_dbfs
    assert watch.clipped_samples == expected.clipped_samples > 0
    assert watch.read() is None
