"""What the table of texts shows."""

from dataclasses import replace

import pytest
from semcom_blocks.pdu import Result, TextRequest
from semcom_blocks.text_table import MAX_KEPT, TextTable

RESULT = Result("A dog runs.", 0.99, True, False, 1, 0, 0, 1, (), 11.94, 3.0)


def sent(message: int = 0, text: str = "A dog runs.", stream: int = 0) -> TextRequest:
    return TextRequest(text, "text-jscc", stream, message)


def rows(table: TextTable) -> list[str]:
    """Those of the messages, the newest first."""
    return table.html().split("<tr>")[1:]


def test_a_message_is_on_its_way_and_then_as_it_was_sent():
    table = TextTable(5)
    table.sent(sent())
    assert "on&nbsp;its&nbsp;way" in table.html()
    table.received(RESULT)
    (row,) = rows(table)
    for part in ("<td>0</td>", "11.9&nbsp;dB", "text-jscc", "as&nbsp;sent,&nbsp;99&nbsp;%"):
        assert part in row
    assert row.count("A dog runs.") == 2
    assert table.changes == 2


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (replace(RESULT, text="A cat runs."), "differs,&nbsp;99&nbsp;%"),
        (replace(RESULT, intact=False), "not&nbsp;intact,&nbsp;99&nbsp;%"),
        (replace(RESULT, lost=True), "lost"),
        (replace(RESULT, reason="the decoder worker failed"), "not&nbsp;decoded"),
    ],
)
def test_a_verdict_says_what_is_known(result: Result, verdict: str):
    table = TextTable(5)
    table.sent(sent())
    table.received(result)
    assert f"<b>{verdict}</b>" in table.html()


def test_what_differs_is_marked_and_nothing_received_is_trusted():
    table = TextTable(5)
    table.sent(sent(text="A <b>dog</b> runs."))
    table.received(replace(RESULT, text="A <script> runs."))
    (row,) = rows(table)
    assert 'A <span style="background:#ffd8b5">&lt;script&gt;</span> runs.' in row
    assert "A &lt;b&gt;dog&lt;/b&gt; runs." in row


def test_what_a_later_message_has_overtaken_is_lost():
    table = TextTable(5)
    for message in range(3):
        table.sent(sent(message))
    table.sent(sent(7, stream=1))
    table.received(replace(RESULT, message=1))
    waits, arrived, overtaken = rows(table)  # of those that are on their way the newest only is shown
    assert "on&nbsp;its&nbsp;way" in waits
    assert "<td>7</td>" in waits
    assert "as&nbsp;sent" in arrived
    assert "lost" in overtaken


def test_a_receiver_on_its_own_shows_what_it_received():
    table = TextTable(5)
    table.received(RESULT)
    assert "Sent" not in table.html()
    assert "intact,&nbsp;99&nbsp;%" in table.html()


def test_a_number_that_comes_round_again_is_another_message():
    table = TextTable(5)
    for text in ("one", "two"):
        table.sent(sent(text=text))
        table.received(replace(RESULT, text=text))
    assert len(rows(table)) == 1
    assert "two" in table.html()
    table.received(replace(RESULT, text="three"))
    assert "three" in table.html()


def test_it_is_bounded():
    table = TextTable(3)
    for message in range(MAX_KEPT + 10):
        table.sent(sent(message))
    assert len(table._rows) == MAX_KEPT
    for message in range(MAX_KEPT):
        table.received(replace(RESULT, message=message))
    assert len(rows(table)) == 3
    assert f"<td>{MAX_KEPT - 1}</td>" in rows(table)[0]
