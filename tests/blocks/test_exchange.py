"""What becomes of a message when the receiver says nothing: found without a clock."""

import numpy as np
import pytest
from radio_bench import Collector, gr, pmt, post, wait_until
from semcom_blocks import pdu
from semcom_flowgraphs.exchange import Exchange
from semcom_flowgraphs.passage import Passage

from semcom_ota.config import PhyConfig
from semcom_ota.phy.numerology import Numerology
from semcom_ota.types import Csi, FrameHeader, ReceivedFrame, SemanticFrame

pytestmark = pytest.mark.timeout(30)
PORTS = ("messages", "over", "silence")
FRAME = SemanticFrame(FrameHeader(1, stream=2, message=9, message_symbols=4), np.ones(4, np.complex64))
SENT = {
    "stream": 2,
    "message": 9,
    "fragment": 0,
    "fragments": 1,
    "start": 0,
    "stop": 800,
    "end": 1500,
    "symbols": 4,
    "symbols_before": 0,
    "frame_symbols": 4,
    "transmit_ms": 1.0,
}


class Bench:
    """An exchange with a collector at each of its outputs, and one message on its way."""

    def __init__(self) -> None:
        self.top, self.exchange = gr.top_block(), Exchange(reach_samples=100, silence_samples=600)
        self.said = {name: Collector() for name in PORTS}
        for name, collector in self.said.items():
            self.top.msg_connect(self.exchange, name, collector, "in")
        self.passage = Passage("token", pdu.TextRequest("Hi", "utf8", 2, 9))

    def __enter__(self) -> "Bench":
        self.top.start()
        assert self.exchange.submit(self.passage)
        return self

    def __exit__(self, *_: object) -> None:
        self.top.stop()
        self.top.wait()

    def send(self) -> None:
        """As the encoder and the transmitter do."""
        post(self.exchange, "sent", pdu.make(SENT | {"transmit_ms": 1.0}, b""))
        post(self.exchange, "encoded", pdu.from_semantic_frame(FRAME, 2.5))
        wait_until(lambda: self.passage.all_sent)

    def result(self, lost: bool) -> None:
        answer = pdu.Result("" if lost else "Hi", 0.5, True, lost, 1, 2, 9, 1, (), 9.0, 3.0)
        post(self.exchange, "results", pdu.from_result(answer))


def test_a_message_is_over_when_the_receiver_is_past_its_last_frame_and_not_before():
    with Bench() as bench:
        bench.send()
        bench.exchange.watch(consumed=1400, produced=1500, position=899)
        assert not bench.passage.over
        bench.exchange.watch(consumed=1500, produced=1500, position=900)
        bench.exchange.watch(consumed=1500, produced=1500, position=900)
        meta, _ = pdu.split(bench.said["over"].wait(1)[0])
        assert meta == {"over": True, "stream": 2, "message": 9}
        bench.result(lost=True)
        wait_until(lambda: bench.passage.done)
        assert bench.exchange.finished() == [(bench.passage,)]
        assert not bench.exchange.busy
        assert len(bench.said["over"].messages) == 1
        assert not bench.said["silence"].messages
    reply = bench.passage.reply(Numerology(PhyConfig()))
    assert (reply.status, reply.lost_fragments, reply.air_samples, reply.mean_symbol_energy) == ("lost", [0], 800, 1.0)
    assert (reply.payload_symbols, reply.overhead_symbols) == (4, 10 * 52 - 4)
    assert (reply.latency_ms.encode, reply.latency_ms.transmit) == (2.5, 1.0)


def test_silence_pushes_a_receiver_that_is_stuck():
    with Bench() as bench:
        bench.send()
        bench.exchange.watch(consumed=1000, produced=1000, position=300)  # the frame is not on the air yet
        bench.exchange.watch(consumed=1400, produced=1500, position=300)  # the receiver is still at it
        bench.exchange.watch(consumed=1500, produced=1500, position=300)
        bench.exchange.watch(consumed=1500, produced=1500, position=300)  # it has been asked for already
        bench.exchange.watch(consumed=2100, produced=2100, position=300)
        silences = bench.said["silence"].wait(2)
        bench.exchange.watch(consumed=2700, produced=2700, position=1200)
        bench.said["over"].wait(1)
        assert [pmt.to_long(message) for message in silences] == [600, 600]


def test_a_message_is_not_lost_before_it_is_over():
    with Bench() as bench:
        bench.send()
        bench.result(lost=True)  # of an earlier message of this number
        bench.result(lost=False)
        wait_until(lambda: bench.passage.result is not None)
        assert not bench.passage.result.lost
        assert not bench.passage.done  # its frame was received, so that has to come, too


def test_the_same_message_twice_at_a_time_is_refused_and_a_failure_ends_it():
    with Bench() as bench:
        assert not bench.exchange.submit(Passage("other", pdu.TextRequest("Hi", "utf8", 2, 9)))
        post(bench.exchange, "failed", pdu.make({"stream": 2, "message": 9, "reason": "does_not_fit"}, b"Too long."))
        wait_until(lambda: bench.passage.done)
        reply = bench.passage.reply(Numerology(PhyConfig()))
        assert (reply.status, reply.reason, reply.payload_symbols) == ("does_not_fit", "Too long.", 0)
        assert len(bench.said["messages"].wait(1)) == 1


def test_messages_sent_together_are_finished_together_and_pay_for_the_frame_together():
    followers = [Passage("token", pdu.TextRequest("Hi", "utf8", 2, message)) for message in (10, 11)]
    with Bench() as bench:
        assert not bench.exchange.submit(followers[0], Passage("other", pdu.TextRequest("Hi", "utf8", 2, 9)))
        assert bench.exchange.submit(*followers)
        texts = [pdu.to_text_request(message) for message in bench.said["messages"].wait(3)]
        assert [text.message for text in texts] == [9, 10, 11]
        before = 0
        for message, symbols in ((9, 4), (10, 7), (11, 2)):
            header = FrameHeader(1, stream=2, message=message, message_symbols=symbols)
            frame = SemanticFrame(header, np.ones(symbols, np.complex64))
            post(bench.exchange, "encoded", pdu.from_semantic_frame(frame))
            share = {"message": message, "symbols": symbols, "symbols_before": before, "frame_symbols": 13}
            post(bench.exchange, "sent", pdu.make(SENT | share, b""))
            before += symbols
        passages = [bench.passage, *followers]
        wait_until(lambda: all(passage.all_sent for passage in passages))
        bench.exchange.watch(consumed=1500, produced=1500, position=900)
        results = [pdu.Result("", 0.0, False, True, 1, 2, message, 0, (), 9.0, 3.0) for message in (9, 11, 10)]
        for result in results[:2]:
            post(bench.exchange, "results", pdu.from_result(result))
        wait_until(lambda: bench.passage.done and followers[1].done)
        assert bench.exchange.finished() == [(bench.passage,)]
        bench.exchange.watch(consumed=1500, produced=1500, position=900)
        assert bench.exchange.finished() == []
        post(bench.exchange, "results", pdu.from_result(results[2]))
        wait_until(lambda: followers[0].done)
        assert bench.exchange.finished() == [tuple(followers)]
        assert not bench.exchange.busy
    replies = [passage.reply(Numerology(PhyConfig())) for passage in passages]
    assert sum(reply.air_samples for reply in replies) == 800
    assert sum(reply.overhead_symbols + reply.payload_symbols for reply in replies) == 10 * 52
    for reply in replies:
        assert abs(reply.air_samples - 800 * reply.payload_symbols / 13) < 1
    assert sum(reply.latency_ms.air for reply in replies) == pytest.approx(0.8)


@pytest.mark.parametrize(("reason", "status"), [("bad_request", "refused"), ("failed", "failed")])
def test_nonsense_is_refused_and_trouble_is_a_failure(reason: str, status: str):
    with Bench() as bench:
        post(bench.exchange, "failed", pdu.make({"stream": 2, "message": 9, "reason": reason}, b"So it is."))
        wait_until(lambda: bench.passage.done)
        reply = bench.passage.reply(Numerology(PhyConfig()))
        assert (reply.status, reply.reason) == (status, "So it is.")


def test_a_message_that_the_decoder_failed_on_says_why():
    with Bench() as bench:
        bench.send()
        csi = Csi(np.ones((2, 4), np.complex64), np.full(4, 0.1, np.float32), 10.0, 0.0, 1e6, 15625.0)
        frame = ReceivedFrame(FRAME.header, FRAME.symbols, np.ones(4, np.float32), csi, 0, 800)
        post(bench.exchange, "received", pdu.from_received_frame(frame))
        answer = pdu.Result("", 0.0, False, False, 1, 2, 9, 1, (), 9.0, 3.0, "The model broke.")
        post(bench.exchange, "results", pdu.from_result(answer))
        wait_until(lambda: bench.passage.done)
        reply = bench.passage.reply(Numerology(PhyConfig()))
        assert (reply.status, reply.reason, reply.payload_symbols) == ("failed", "The model broke.", 4)


def test_a_message_whose_only_frame_was_dropped_is_lost_with_the_reason():
    with Bench() as bench:
        post(bench.exchange, "encoded", pdu.from_semantic_frame(FRAME, 2.5))
        post(bench.exchange, "dropped", pdu.make({}, b"of no message"))
        post(bench.exchange, "dropped", pdu.make({"stream": 2, "message": 9}, b"The queue is full."))
        wait_until(lambda: bench.passage.all_sent)
        bench.exchange.watch(consumed=0, produced=0, position=0)
        bench.said["over"].wait(1)
        bench.result(lost=True)
        wait_until(lambda: bench.passage.done)
        reply = bench.passage.reply(Numerology(PhyConfig()))
        assert (reply.status, reply.reason, reply.air_samples) == ("lost", "The queue is full.", 0)
