"""The block is the function; what is no frame is counted."""

import numpy as np
import pytest
from radio_bench import Collector, gr, post, wait_until
from semcom_blocks import Unequalizer, pdu

from semcom_ota.config import PhyConfig
from semcom_ota.phy.display import unequalized
from semcom_ota.phy.numerology import Numerology
from semcom_ota.types import Csi, FrameHeader, ReceivedFrame

pytestmark = pytest.mark.timeout(60)
NUMEROLOGY = Numerology(PhyConfig())


def frame(message: int, rows: int) -> ReceivedFrame:
    rng = np.random.default_rng(message)
    symbols = rng.normal(size=(100, 2)).astype(np.float32).view(np.complex64).ravel()
    response = rng.normal(size=(rows, 52, 2)).astype(np.float32).view(np.complex64)[..., 0]
    csi = Csi(response, np.full(52, 0.1, np.float32), 10.0, 0.0, 1e6, 15625.0)
    header = FrameHeader(codec=1, stream=3, message=message, message_symbols=100)
    return ReceivedFrame(header, symbols, np.ones(100, np.float32), csi, 0, 100)


def test_each_frame_is_shown_as_the_function_does_it_and_shared_ones_are_not():
    rows = NUMEROLOGY.layout(100).rows
    top, block, out = gr.top_block(), Unequalizer(PhyConfig()), Collector()
    top.msg_connect(block, "out", out, "in")
    top.start()
    for message, frame_rows in ((0, rows), (1, rows + 1), (2, rows)):  # the second one has rows of other messages
        post(block, "in", pdu.from_received_frame(frame(message, frame_rows)))
    post(block, "in", pdu.make({}, b"no frame"))
    wait_until(lambda: block.dropped == 1)
    told = [pdu.split(message) for message in out.wait(2)]
    top.stop()
    top.wait()
    assert [meta for meta, _ in told] == [{"stream": 3, "message": message, "fragment": 0} for message in (0, 2)]
    for meta, symbols in told:
        np.testing.assert_array_equal(symbols, unequalized(frame(meta["message"], rows), NUMEROLOGY))
