"""Received frames as they were before equalisation, for flowgraphs drawn in GNU Radio Companion."""

from typing import Any

import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import CountsDropped, ends_process

from semcom_ota.config import PhyConfig
from semcom_ota.phy.display import unequalized
from semcom_ota.phy.numerology import Numerology


class Unequalizer(CountsDropped, gr.basic_block):
    """Adapter of `semcom_ota.phy.display.unequalized`.

    Ports:
        in: ReceivedFrame PDUs (`pdu.from_received_frame`).
        out: one PDU a frame, for a QT GUI Constellation Sink: its payload before equalisation as c32 vector, and
            {stream, message, fragment}. None for frames that several messages share.
    """

    def __init__(self, phy: PhyConfig):
        """For this air interface.

        Raises:
            ConfigError: it cannot work.
        """
        gr.basic_block.__init__(self, "semcom unequalizer", None, None)
        self._numerology = Numerology(phy)
        self.message_port_register_in(pmt.intern("in"))
        self.set_msg_handler(pmt.intern("in"), self.handle_frame)
        self.message_port_register_out(pmt.intern("out"))

    @ends_process
    def handle_frame(self, message: Any) -> None:
        """Undo the equaliser's work on a frame."""
        try:
            frame = pdu.to_received_frame(message)
        except pdu.PduError as error:
            self.drop(error)
            return
        symbols = unequalized(frame, self._numerology)
        if symbols is not None:
            meta = {name: getattr(frame.header, name) for name in ("stream", "message", "fragment")}
            self.message_port_pub(pmt.intern("out"), pdu.make(meta, symbols))
