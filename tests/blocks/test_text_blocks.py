import threading

import pytest
from radio_bench import Collector, gr, post
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
    top.stop()
    top.wait()
    printed = capfd.readouterr().out
    assert "    0    9.5 dB  intact  'Hällo'" in printed
    assert "    1    9.5 dB  not intact  'Hällo'" in printed
    assert "received 2 of 2 messages, 1 of them intact" in printed
    assert [str(text) for text in texts.messages] == ["Hällo", "Hällo"]


def test_patience_ends_the_flowgraph_when_nothing_comes(capfd: pytest.CaptureFixture[str]):
    ended, top, texts = threading.Event(), gr.top_block(), Collector()
    sink = ResultSink(2, 0.05, ended.set)
    top.msg_connect(sink, "text", texts, "in")
    top.start()
    ended.wait()
    top.stop()
    top.wait()
    assert "received 0 of 2 messages" in capfd.readouterr().out
