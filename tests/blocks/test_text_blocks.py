import threading

import pytest
from radio_bench import Collector, gr, post, wait_until
from semcom_blocks import ResultSink, TextSource, pdu

pytestmark = pytest.mark.timeout(60)


def collected(source: TextSource, count: int) -> list[pdu.TextRequest]:
    top, out = gr.top_block(), Collector()
    top.msg_connect(source, "out", out, "in")
    top.start()
    messages = out.wait(count)
    top.stop()
    top.wait()
    return [pdu.to_text_request(message) for message in messages]


def test_texts_are_handed_over_in_order_and_numbered():
    requests = collected(TextSource(["a", "ß"], "utf8", 4), 2)
    assert requests == [pdu.TextRequest("a", "utf8", 4, 0), pdu.TextRequest("ß", "utf8", 4, 1)]


def test_texts_are_repeated_until_the_flowgraph_stops():
    requests = collected(TextSource(["a", "b"], "utf8", interval_s=0.001, repeat=True), 5)
    assert [(request.text, request.message) for request in requests[:5]] == list(zip("ababa", range(5), strict=True))


def test_a_text_of_ones_own_goes_out_at_once_and_a_codec_can_change():
    source, top, out = TextSource(["a"], "utf8", 4), gr.top_block(), Collector()
    top.msg_connect(source, "out", out, "in")
    top.start()
    out.wait(1)
    source.set_codec("huffman")
    source.send("")  # nothing was entered
    source.send("mine")
    requests = [pdu.to_text_request(message) for message in out.wait(2)]
    top.stop()
    top.wait()
    assert requests == [pdu.TextRequest("a", "utf8", 4, 0), pdu.TextRequest("mine", "huffman", 4, 1)]


def test_to_repeat_without_a_pause_is_refused():
    with pytest.raises(ValueError, match="interval"):
        TextSource(["a"], "utf8", repeat=True)


def result(message: int, intact: bool) -> object:
    return pdu.from_result(pdu.Result("Hällo", 1.0, intact, False, 1, 0, message, 1, (), 9.5, 0.0))


def test_results_are_printed_and_counted_and_the_last_one_ends_the_flowgraph(capfd: pytest.CaptureFixture[str]):
    ended, top, texts = threading.Event(), gr.top_block(), Collector()
    sink = ResultSink(2, 60.0, ended.set)
    top.msg_connect(sink, "text", texts, "in")
    top.start()
    post(sink, "in", result(0, True))
    texts.wait(1)
    assert not ended.is_set()
    post(sink, "in", result(1, False))
    ended.wait()
    texts.wait(2)
    top.stop()
    top.wait()
    printed = capfd.readouterr().out
    assert "    0    9.5 dB  intact  'Hällo'" in printed
    assert "    1    9.5 dB  not intact  'Hällo'" in printed
    assert "received 2 of 2 messages, 1 of them intact" in printed
    assert [str(text) for text in texts.messages] == ["Hällo", "Hällo"]


def test_what_went_wrong_in_the_stream_is_printed_and_counted(capfd: pytest.CaptureFixture[str]):
    top, texts, sink = gr.top_block(), Collector(), ResultSink(0, 0.0, print)
    top.msg_connect(sink, "text", texts, "in")
    top.start()
    for kind, lost in (("overflow", 1000), ("overflow", None), ("dropped", 0)):
        post(sink, "events", pdu.from_stream_event(pdu.StreamEvent(kind, 5000, 1.25, lost, ())))
    post(sink, "in", result(0, True))
    texts.wait(1)  # the ports of a block share its thread
    wait_until(lambda: sink._dropped_frames == 1)
    top.stop()
    top.wait()
    printed = capfd.readouterr().out
    assert "at 1.250 s 1000 samples were lost" in printed
    assert "at 1.250 s an unknown number of samples were lost" in printed
    assert "at 1.250 s a frame was dropped" in printed
    assert "received 1 messages, 1 of them intact; gaps: 2, lost samples: 1000; dropped frames: 1" in printed


@pytest.mark.parametrize("results", [0, 1])
@pytest.mark.parametrize("count", [0, 2])
def test_patience_ends_the_flowgraph_when_nothing_comes(count: int, results: int, capfd: pytest.CaptureFixture[str]):
    ended, top, texts = threading.Event(), gr.top_block(), Collector()
    patience = (
        {"patience_s": 0.05, "first_patience_s": 0.0} if results else {"patience_s": 0.0, "first_patience_s": 0.05}
    )
    sink = ResultSink(count, end=ended.set, **patience)
    top.msg_connect(sink, "text", texts, "in")
    top.start()
    for message in range(results):
        post(sink, "in", result(message, True))
    ended.wait()
    top.stop()
    top.wait()
    assert f"received {results}{' of 2' if count else ''} messages" in capfd.readouterr().out
