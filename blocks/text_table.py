"""Texts sent and received, as a table: what a screen shows of them."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from itertools import islice

from semcom_blocks.pdu import Result, TextRequest

from semcom_ota.differences import differences

SAME, OTHER, DOUBTFUL, LOST = "#1a7f37", "#9a6700", "#cf222e", "#6e7781"
"""Colours of a verdict: as sent; differs from what was sent; the receiver itself has doubts; nothing came."""


@dataclass(frozen=True)
class Row:
    """One message."""

    sent: TextRequest | None = None
    result: Result | None = None
    given_up: bool = False  # a later one has arrived

    @property
    def pending(self) -> bool:
        """Whether it is on its way."""
        return self.result is None and not self.given_up


MAX_KEPT = 256
"""Messages; while models start, many may be on their way."""


class TextTable:
    """The newest messages: `rows` are shown, and of those that are on their way the newest only. Any thread may add."""

    def __init__(self, rows: int):
        """Empty."""
        self._size = rows
        self._rows: OrderedDict[tuple[int, int], Row] = OrderedDict()  # by stream and message, the newest last
        self._lock = threading.Lock()
        self.changes = 0

    def sent(self, request: TextRequest) -> None:
        """A message is on its way. One of the same number that was sent before is forgotten."""
        key = request.stream, request.message
        with self._lock:
            self._rows.pop(key, None)
            self._put(key, Row(request))

    def received(self, result: Result) -> None:
        """A message is there. Of its stream, what was sent before it and has not come will not come."""
        key = result.stream, result.message
        with self._lock:
            known = self._rows.get(key)
            if known is None or known.result is not None:  # not told that it was sent; or its number came round again
                self._rows.pop(key, None)
                known = Row()
            for other, row in self._rows.items():
                if other == key:
                    break
                if row.result is None and other[0] == key[0]:
                    self._rows[other] = replace(row, given_up=True)
            self._put(key, replace(known, result=result))

    def _put(self, key: tuple[int, int], row: Row) -> None:
        self._rows[key] = row
        while len(self._rows) > max(self._size, MAX_KEPT):
            self._rows.popitem(last=False)
        self.changes += 1

    def _shown(self) -> Iterator[tuple[int, Row]]:
        """Number and row, the newest first."""
        on_its_way = 0
        for (_, number), row in reversed(self._rows.items()):
            on_its_way += row.pending
            if not row.pending or on_its_way == 1:
                yield number, row

    def html(self) -> str:
        """The table, in the HTML that QT understands; the newest message on top."""
        with self._lock:
            rows = list(islice(self._shown(), self._size))
        told = any(row.sent for _, row in rows)  # a receiver on its own does not know what was sent
        names = (
            ("No.", "SNR", "Codec", "Sent", "Received", "Verdict") if told else ("No.", "SNR", "Received", "Verdict")
        )
        head = "".join(f'<th align="left">{name}</th>' for name in names)
        body = "".join(f"<tr>{_cells(number, row, told)}</tr>" for number, row in rows)
        return f'<table width="100%" cellpadding="3" cellspacing="0"><tr bgcolor="#eaeef2">{head}</tr>{body}</table>'


def _cells(number: int, row: Row, told: bool) -> str:
    sent, result = row.sent, row.result
    colour, verdict = _verdict(row)
    snr = "" if result is None or result.lost else f"{result.snr_db:.1f}&nbsp;dB"
    cells = [str(number), snr]
    if told:
        cells += [escape(sent.codec), escape(sent.text)] if sent else ["", ""]
    text = "" if result is None else _marked(sent.text, result.text) if sent else escape(result.text)
    cells += [text, f'<font color="{colour}"><b>{verdict.replace(" ", "&nbsp;")}</b></font>']
    return "".join(f"<td>{cell}</td>" for cell in cells)


def _verdict(row: Row) -> tuple[str, str]:
    if row.result is None:
        return LOST, "on its way" if row.pending else "lost"
    if row.result.lost:
        return LOST, "lost"
    if row.result.reason:
        return DOUBTFUL, "not decoded"
    confidence = f"{100 * row.result.confidence:.0f} %"
    if not row.result.intact:
        return DOUBTFUL, f"not intact, {confidence}"
    if row.sent is None:
        return SAME, f"intact, {confidence}"
    return (SAME, f"as sent, {confidence}") if row.sent.text == row.result.text else (OTHER, f"differs, {confidence}")


def _marked(sent: str, received: str) -> str:
    """`received`, and what of it is not as it was sent stands out."""
    return " ".join(
        escape(run) if same else f'<span style="background:#ffd8b5">{escape(run) or "&nbsp;&nbsp;"}</span>'
        for run, same in differences(sent, received)
    )
