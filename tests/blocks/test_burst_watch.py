"""What the radio says of bursts, in gr-uhd's words, through the block."""

import time

import pytest
from radio_bench import Collector, gr, pmt, post, wait_until
from semcom_blocks import BurstWatch, pdu

from semcom_ota.radio.burst_ledger import PATIENCE_S
from semcom_ota.radio.health import Health
from semcom_ota.radio.time_spec import TimeSpec

pytestmark = pytest.mark.timeout(30)


def scheduled(start: int, seconds: int) -> object:
    """A burst of 10 ms at this time."""
    meta = {"start": start, "stream": 0, "message": 1, "fragment": 0, "fragments": 1, "seconds": seconds}
    meta |= {"fraction": 0.5, "samples": 10_000, "duration_s": 0.01, "limited": 2}
    return pdu.make(meta, b"")


def said(seconds: int, fraction: float, *codes: str, as_tuple: bool = False) -> object:
    """A message of gr-uhd's sink: its times are pairs, or tuples."""
    listed = pmt.PMT_NIL
    for code in codes:
        listed = pmt.cons(pmt.intern(code), listed)
    parts = pmt.from_uint64(seconds), pmt.from_double(fraction)
    pair = pmt.make_tuple(*parts) if as_tuple else pmt.cons(pmt.from_long(seconds), parts[1])
    told = pmt.make_dict()
    for name, value in (("channel", pmt.from_uint64(0)), ("event_code", listed), ("time_spec", pair)):
        told = pmt.dict_add(told, pmt.intern(name), value)
    return pmt.cons(pmt.intern("uhd_async_msg"), told)


def test_each_burst_gets_its_fate_and_the_health_counts_them():
    watch, fates, top = BurstWatch(), Collector(), gr.top_block()
    top.msg_connect(watch, "fates", fates, "in")
    top.start()
    for start in range(5):
        post(watch, "in", scheduled(100 * start, 10 + start))
    post(watch, "in", said(10, 0.51, "burst_ack"))
    post(watch, "in", said(11, 0.505, "underflow_in_packet", "underflow"))
    post(watch, "in", said(11, 0.51, "burst_ack"))
    post(watch, "in", said(12, 0.6, "time_error", as_tuple=True))
    post(watch, "in", said(13, 0.501, "seq_error"))
    for nonsense in (pmt.PMT_T, pmt.cons(pmt.intern("uhd_async_msg"), pmt.PMT_T), pdu.make({"start": 1}, b"")):
        post(watch, "in", nonsense)
    wait_until(lambda: watch.dropped == 3)
    watch.expire(TimeSpec(14, 0.6))
    time.sleep(PATIENCE_S)
    watch.expire(TimeSpec(14, 0.6))
    told = [pdu.split(message)[0] for message in fates.wait(5)]
    top.stop()
    top.wait()
    assert told == [
        {"start": 0, "fate": "acknowledged"},
        {"start": 100, "fate": "underflow"},
        {"start": 200, "fate": "late"},
        {"start": 300, "fate": "sequence_error"},
        {"start": 400, "fate": "unacknowledged"},
    ]
    assert watch.health == Health(acknowledged=1, underflows=1, late=1, sequence_errors=1, limited_samples=10)
