"""The QT views draw what came last, in a screen that nobody sees."""

import os
from dataclasses import replace

import numpy as np
import pytest
from radio_bench import wait_until

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from PyQt5 import QtWidgets
from semcom_blocks import pdu
from semcom_blocks.qt import ChannelView, SignalView, TextView

from semcom_ota.types import Csi, FrameHeader, ReceivedFrame

pytestmark = pytest.mark.timeout(60)
RESULT = pdu.Result("A dog runs.", 0.99, True, False, 1, 0, 0, 1, (), 11.94, 3.0)


@pytest.fixture(scope="module", autouse=True)
def application() -> QtWidgets.QApplication:
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication(["test"])


def frame(gain: float, snr_db: float) -> ReceivedFrame:
    response = np.full((4, 52), gain, np.complex64)
    csi = Csi(response, np.full(52, 0.01, np.float32), snr_db, 1234.0, 1e6, 15625.0)
    symbols = np.ones(8, np.complex64)
    return ReceivedFrame(FrameHeader(codec=1, message_symbols=8), symbols, np.ones(8, np.float32), csi, 0, 100)


def test_the_channel_of_the_newest_frame_is_drawn():
    view = ChannelView("My channel")
    view.draw()  # nothing yet
    plot = view.widget.getPlotItem()
    assert plot.titleLabel.text == "My channel"
    for gain, snr_db in ((1.0, 20.0), (0.1, 3.14)):
        view.handle_frame(pdu.from_received_frame(frame(gain, snr_db)))
    view.draw()
    assert plot.titleLabel.text == "My channel: SNR 3.1 dB, CFO +1.2 kHz"
    carriers, levels = view._gain.getData()
    assert (carriers[0], carriers[-1], len(carriers)) == (-26, 26, 53)
    np.testing.assert_allclose(levels[np.isfinite(levels)], -20, atol=1e-4)
    assert np.flatnonzero(np.isnan(levels)).tolist() == [26]
    low, high = plot.viewRange()[1]
    assert low < -20 < high
    view.handle_frame(pdu.from_result(RESULT))
    assert view.dropped == 1


def test_texts_are_drawn_when_there_is_something_new():
    view = TextView(4)
    view.handle_sent(pdu.from_text_request(pdu.TextRequest("A dog runs.", "utf8")))
    view.handle_result(pdu.from_result(replace(RESULT, text="A cat runs.")))
    view.draw()
    shown = view.widget.toPlainText()
    for part in ("Sent", "A dog runs.", "A cat runs.", "differs"):
        assert part in shown
    view.widget.clear()
    view.draw()
    assert view.widget.toPlainText() == ""  # nothing is new
    view.handle_result(pdu.from_text_request(pdu.TextRequest("no result", "utf8")))
    assert view.dropped == 1


def test_the_level_is_that_since_it_was_last_drawn():
    view = SignalView()
    assert view.widget.text() == "Signal: nothing comes"
    assert view.work([np.array([1.0, 0.1, 0.1, 0.1], np.complex64)], None) == 4
    view.draw()
    assert view.widget.text() == "Signal: peak 0.0 dBFS, mean -5.9 dBFS, 1 clipped"
    assert view.clipped_samples == 1
    view.draw()
    assert view.widget.text() == "Signal: nothing comes"


def test_they_draw_by_themselves(application: QtWidgets.QApplication):
    view = TextView()
    view.handle_result(pdu.from_result(RESULT))

    def drawn() -> bool:
        application.processEvents()
        return "A dog runs." in view.widget.toPlainText()

    wait_until(drawn)
