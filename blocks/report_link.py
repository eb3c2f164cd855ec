"""The way back of link reports: to and from another machine, and one that is simulated."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import CountsDropped, ends_process

from semcom_ota.transport.way_back import ReportPublisher, ReportSubscriber, check

WAIT_S = 0.1
OUT = pmt.intern("out")


class ReportChannel(CountsDropped, gr.basic_block):
    """The way back in a loopback run, which may be cut for some messages.

    What tells that a message is over goes the same way, so that it never comes before the reports on it.

    Ports:
        in: LinkReport PDUs of a frame_rx; `over` PDUs (see SemanticEncoder).
        out: the same, but for reports on those messages.
    """

    def __init__(self, cut: Sequence[tuple[int, int]] = ()):
        """`cut`: first and last message of each range of which no report comes back."""
        gr.basic_block.__init__(self, "semcom report_channel", None, None)
        self._cut = cut
        self.message_port_register_in(pmt.intern("in"))
        self.set_msg_handler(pmt.intern("in"), self.handle_report)
        self.message_port_register_out(OUT)

    @ends_process
    def handle_report(self, message: Any) -> None:
        """Let a report pass, or not."""
        try:
            over = pdu.to_over(message) is not None
            number = None if over else pdu.to_link_report(message).message
        except pdu.PduError as error:
            self.drop(error)
            return
        if number is None or not any(first <= number <= last for first, last in self._cut):
            self.message_port_pub(OUT, message)


class ReportSink(CountsDropped, gr.basic_block):
    """Adapter of `semcom_ota.transport.way_back.ReportPublisher`.

    Ports:
        in: LinkReport PDUs of a frame_rx; each is published at once.
    """

    def __init__(self, endpoint: str, secret: Path | None = None):
        """Publish there.

        Args:
            endpoint: `ipc:///path`, `tcp://127.0.0.1:PORT`, or with a key `tcp://*:PORT`.
            secret: file of the secret key (`semcom keys`).

        Raises:
            ConfigError: the endpoint makes no sense without a key, or the key cannot be read.
        """
        check(endpoint, secret)
        gr.basic_block.__init__(self, "semcom report_sink", None, None)
        self._endpoint, self._secret = endpoint, secret
        self._publisher: ReportPublisher | None = None
        self.message_port_register_in(pmt.intern("in"))
        self.set_msg_handler(pmt.intern("in"), self.handle_report)

    @ends_process
    def start(self) -> bool:
        """Bind."""
        self._publisher = ReportPublisher(self._endpoint, self._secret)
        return True

    def stop(self) -> bool:
        """Free the endpoint."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()
        return True

    @ends_process
    def handle_report(self, message: Any) -> None:
        """Publish a report."""
        try:
            report = pdu.to_link_report(message)
        except pdu.PduError as error:
            self.drop(error)
            return
        if self._publisher is not None:
            self._publisher.publish(report)


class ReportSource(gr.basic_block):
    """Adapter of `semcom_ota.transport.way_back.ReportSubscriber`.

    Ports:
        out: a LinkReport PDU for each report, for a semantic_encoder.
    """

    def __init__(self, endpoint: str, public: Path | None = None):
        """Listen there.

        Args:
            endpoint: where a receiver publishes.
            public: file of its public key.

        Raises:
            ConfigError: the endpoint makes no sense without a key, or the key cannot be read.
        """
        check(endpoint, public)
        gr.basic_block.__init__(self, "semcom report_source", None, None)
        self._endpoint, self._public = endpoint, public
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.message_port_register_out(OUT)

    def start(self) -> bool:
        """Begin to listen."""
        self._stopping = False
        self._thread = threading.Thread(target=self._listen, name="report source", daemon=True)
        self._thread.start()
        return True

    def stop(self) -> bool:
        """Listen no more."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join(timeout=5)
        return True

    @ends_process
    def _listen(self) -> None:
        with ReportSubscriber(self._endpoint, self._public) as subscriber:
            while not self._stopping:
                for report in subscriber.poll(WAIT_S):
                    self.message_port_pub(OUT, pdu.from_link_report(report))
