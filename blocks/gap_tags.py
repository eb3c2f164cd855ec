"""What the tags on a radio's samples say of those that are missing."""

from typing import Any

import pmt

from semcom_ota.radio.stream_clock import Gap, StreamClock
from semcom_ota.radio.time_spec import TimeSpec

RX_TIME, RX_RATE = pmt.intern("rx_time"), pmt.intern("rx_rate")


def gaps_within(block: Any, count: int, clock: StreamClock) -> list[Gap]:
    """Tell a stream's clock what the tags on the next samples say, and what gaps it finds there.

    Args:
        block: a block with one input, from within its `work()`.
        count: of samples that it is about to take.
        clock: of this stream.
    """
    tags = block.get_tags_in_window(0, 0, count, RX_TIME)
    rates = {tag.offset: tag.value for tag in block.get_tags_in_window(0, 0, count, RX_RATE)} if tags else {}
    gaps = []
    for tag in sorted(tags, key=lambda tag: tag.offset):
        rate = rates.get(tag.offset)
        told = None if rate is None or not pmt.is_number(rate) else pmt.to_double(rate)
        if (when := _time(tag.value)) is not None:
            gaps.append(clock.tell(tag.offset, when, told))
    return [gap for gap in gaps if gap is not None]


def _time(value: Any) -> TimeSpec | None:
    """The value of a tag `rx_time`: a tuple of whole seconds and a fraction."""
    if not pmt.is_tuple(value) or pmt.length(value) != 2:
        return None
    seconds, fraction = pmt.tuple_ref(value, 0), pmt.tuple_ref(value, 1)
    if not (pmt.is_uint64(seconds) or pmt.is_integer(seconds)) or not pmt.is_number(fraction):
        return None
    return TimeSpec(int(pmt.to_python(seconds)), float(pmt.to_python(fraction)))
