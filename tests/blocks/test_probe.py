import numpy as np
import pytest
from radio_bench import Chopper, Collector, gr
from semcom_blocks import Probe, pdu

from semcom_ota.phy.spectrum import measure

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("seed", range(3))
def test_each_interval_is_measured_as_the_function_does_it_whatever_the_chunks(seed: int):
    rng = np.random.default_rng(seed)
    samples = (rng.normal(size=25_500) + 1j * rng.normal(size=25_500)).astype(np.complex64)
    top, probe, out = gr.top_block(), Probe(2e6, 5000, fft_size=256, full_scale=2.0), Collector()
    source = Chopper(samples, {}, seed)
    top.connect(source, probe)
    top.msg_connect(probe, "out", out, "in")
    top.run(int(rng.integers(100, 5000)))
    for index, message in enumerate(out.wait(5)):
        meta, psd = pdu.split(message)
        expected = measure(samples[5000 * index : 5000 * (index + 1)], 2e6, 256, 2.0)
        np.testing.assert_array_equal(psd, expected.psd_dbfs_per_hz)
        assert meta["level_dbfs"] == expected.level_dbfs
        assert meta["dc_dbfs"] == expected.dc_dbfs
        assert meta["clipping"] == expected.clipping > 0
        assert meta["stop_sample"] == 5000 * (index + 1)
    assert len(out.messages) == 5


def test_an_interval_of_nothing_is_refused():
    with pytest.raises(ValueError, match="interval"):
        Probe(1e6, interval=0)
