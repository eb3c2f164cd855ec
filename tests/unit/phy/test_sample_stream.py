import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.phy.sample_stream import SampleStream


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=30))
def test_positions_stay_true(steps):
    stream = SampleStream(silence=100)
    sent = 0
    for count, back in steps:
        stream.append(np.arange(sent, sent + count).astype(np.complex64))
        sent += count
        stream.discard(sent - back)
        assert stream.stop == sent
        first = max(stream.start, 0)
        np.testing.assert_array_equal(stream.view(first, sent).real, np.arange(first, sent))
    assert not stream.view(stream.start, max(stream.start, 0)).any()


def test_memory_is_bounded():
    stream = SampleStream(silence=100)
    for _ in range(1000):
        stream.append(np.ones(5000, np.complex64))
        stream.discard(stream.stop - 700)
    assert stream._buffer.size < 20_000
