"""How bursts are marked and what a radio says of them, in the words of gr-uhd."""

from collections.abc import Iterable
from typing import Any

import pmt

from semcom_ota.radio.time_spec import TimeSpec

LENGTH_TAG, TIME_TAG = "packet_len", "tx_time"
"""On the first sample of a burst: how many samples it has, and when the first one leaves."""
ASYNC_PORT = "async_msgs"
ASYNC_NAME = "uhd_async_msg"


def async_message(codes: Iterable[str], at: TimeSpec, channel: int = 0) -> Any:
    """A message of the port `async_msgs`: `cons(uhd_async_msg, {event_code: list of symbols, time_spec, channel})`."""
    symbols = pmt.PMT_NIL
    for code in codes:
        symbols = pmt.list_add(symbols, pmt.intern(code))
    told = pmt.make_dict()
    for key, value in (
        ("event_code", symbols),
        ("time_spec", pmt.cons(pmt.from_long(at.seconds), pmt.from_double(at.fraction))),
        ("channel", pmt.from_uint64(channel)),
    ):
        told = pmt.dict_add(told, pmt.intern(key), value)
    return pmt.cons(pmt.intern(ASYNC_NAME), told)
