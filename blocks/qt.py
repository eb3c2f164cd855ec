"""QT widgets for flowgraphs drawn in GNU Radio Companion. A module of its own: a process with no screen loads no QT.

A block's handlers keep the newest thing only, and a timer of the screen's thread draws it: however fast messages come,
nothing piles up and no radio waits for a painter. No other thread ever touches a widget: when the process ends, PyQt
deletes them all while other threads run on, and what calls one of them then ends in a segmentation fault. (So does, now
and then, GRC's own Function Probe with a label.)
"""

from typing import Any

import pmt
from gnuradio import gr
from PyQt5 import QtCore, QtWidgets
from semcom_blocks import pdu
from semcom_blocks.failure import CountsDropped, ends_process
from semcom_blocks.signal_watch import SignalWatch
from semcom_blocks.text_table import TextTable

from semcom_ota.phy.display import channel_levels
from semcom_ota.types import Csi

__all__ = ["ChannelView", "SignalView", "TextView"]

DRAW_MS, LEVEL_MS = 100, 500
INK, GAIN, NOISE = "#000000", "#0969da", "#cf222e"
SPAN_DB, STEP_DB = 60, 10
"""The axis of levels shows so much, and moves by such steps only, so that the eye has something to hold on to."""

LINE_PADDING, MAX_LINES = 8, 16
"""Pixels; and how many lines a screen makes room for, beyond which a table is scrolled."""


class ChannelView(CountsDropped, gr.basic_block):
    """Draws the channel of the newest frame over its subcarriers, with the noise under it.

    Ports:
        in: ReceivedFrame PDUs (`pdu.from_received_frame`).

    Attributes:
        widget: what to put on the screen.
    """

    def __init__(self, title: str = "Channel"):
        """With nothing drawn yet. To be made by the thread of the screen, as all of QT."""
        import pyqtgraph  # not before PyQt5: it takes the QT that is loaded already, or the newest

        gr.basic_block.__init__(self, "semcom channel_view", None, None)
        self._title = title
        self._newest: Csi | None = None
        self.widget = pyqtgraph.PlotWidget(background="w")
        plot = self.widget.getPlotItem()
        self._set_title(title)
        for side, label in (("bottom", "subcarrier"), ("left", "level (dB)")):
            plot.setLabel(side, label, color=INK)
            plot.getAxis(side).setTextPen(INK)
        plot.showGrid(x=True, y=True, alpha=0.3)
        plot.setMouseEnabled(x=False, y=False)
        plot.addLegend(offset=(-10, -10), labelTextColor=INK)
        self._gain, self._noise = (
            plot.plot(name=name, connect="finite", pen=pyqtgraph.mkPen(colour, width=2))
            for name, colour in (("channel gain |h|²", GAIN), ("noise", NOISE))
        )
        self._timer = QtCore.QTimer(self.widget)
        self._timer.timeout.connect(self.draw)
        self._timer.start(DRAW_MS)
        self.message_port_register_in(pmt.intern("in"))
        self.set_msg_handler(pmt.intern("in"), self.handle_frame)

    @ends_process
    def handle_frame(self, message: Any) -> None:
        """Keep the channel of a frame."""
        try:
            self._newest = pdu.to_received_frame(message).csi
        except pdu.PduError as error:
            self.drop(error)

    @ends_process
    def draw(self) -> None:
        """Draw the newest channel, if there is one that has not been drawn."""
        csi, self._newest = self._newest, None
        if csi is None:
            return
        carriers, gain, noise = channel_levels(csi)
        self._gain.setData(carriers, gain)
        self._noise.setData(carriers, noise)
        plot = self.widget.getPlotItem()
        top = STEP_DB * (float(gain[gain == gain].max()) // STEP_DB + 2)  # itself: all but the NaN at DC
        plot.setYRange(top - SPAN_DB, top, padding=0)
        plot.setXRange(carriers[0], carriers[-1], padding=0.02)
        self._set_title(f"{self._title}: SNR {csi.snr_db:.1f} dB, CFO {csi.cfo_hz / 1e3:+.1f} kHz")

    def _set_title(self, title: str) -> None:
        self.widget.getPlotItem().setTitle(title, color=INK, bold=True, size="11pt")


class SignalView(SignalWatch):
    """Shows the level of what a radio receives, to set its gain by.

    Ports:
        in: complex64 samples, 1.0 being the converter's full scale.

    Attributes:
        widget: what to put on the screen.
    """

    def __init__(self) -> None:
        """With nothing seen. To be made by the thread of the screen, as all of QT."""
        super().__init__()
        self.widget = QtWidgets.QLabel()
        self._timer = QtCore.QTimer(self.widget)
        self._timer.timeout.connect(self.draw)
        self._timer.start(LEVEL_MS)
        self.draw()

    @ends_process
    def draw(self) -> None:
        """Show the level since the last time."""
        told, level = "nothing comes", self.read()
        if level is not None:
            told = f"peak {level.peak_dbfs:.1f} dBFS, mean {level.level_dbfs:.1f} dBFS, {level.clipped_samples} clipped"
        self.widget.setText(f"Signal: {told}")


class TextView(CountsDropped, gr.basic_block):
    """Shows the newest messages, sent and received side by side, the newest on top.

    Ports:
        sent: TextRequest PDUs of a text_source; without it the table has received texts only.
        in: results of a lam_decoder.

    Attributes:
        widget: what to put on the screen.
    """

    def __init__(self, rows: int = 10):
        """For so many messages. To be made by the thread of the screen, as all of QT."""
        gr.basic_block.__init__(self, "semcom text_view", None, None)
        self._table = TextTable(rows)
        self._drawn = -1
        self.widget = QtWidgets.QTextBrowser()
        line = self.widget.fontMetrics().lineSpacing() + LINE_PADDING
        self.widget.setMinimumHeight(line * (min(rows, MAX_LINES) + 1) + LINE_PADDING)
        self._timer = QtCore.QTimer(self.widget)
        self._timer.timeout.connect(self.draw)
        self._timer.start(DRAW_MS)
        for name, handler in (("sent", self.handle_sent), ("in", self.handle_result)):
            self.message_port_register_in(pmt.intern(name))
            self.set_msg_handler(pmt.intern(name), handler)

    @ends_process
    def handle_sent(self, message: Any) -> None:
        """Keep a text that was sent."""
        try:
            self._table.sent(pdu.to_text_request(message))
        except pdu.PduError as error:
            self.drop(error)

    @ends_process
    def handle_result(self, message: Any) -> None:
        """Keep a text that was received."""
        try:
            self._table.received(pdu.to_result(message))
        except pdu.PduError as error:
            self.drop(error)

    @ends_process
    def draw(self) -> None:
        """Draw the table, if it has changed."""
        changes = self._table.changes
        if changes != self._drawn:
            self._drawn = changes
            self.widget.setHtml(self._table.html())
