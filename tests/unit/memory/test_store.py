"""The receiver's memory: bounded, first-in first-out, in order, unmoved by copies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.memory import store as stores
from semcom_ota.memory.store import MemoryStore, summarise
from semcom_ota.types import Csi, FrameHeader, ReceivedMessage


def csi(snr_db: float = 10.0, gains=(1, 1, 1, 1), cfo_hz: float = 0.0) -> Csi:
    response = np.tile(np.sqrt(np.asarray(gains, np.complex64)), (3, 1))
    return Csi(response, np.full(len(gains), 0.1, np.float32), snr_db, cfo_hz, 1e6, 15625.0)


def received(stream: int, message: int, value: int = 0, frames: int = 1, lost_samples: int = 0) -> ReceivedMessage:
    header = FrameHeader(1, stream=stream, message=message, message_symbols=2)
    symbols = np.array([message, value], np.complex64)
    csis = tuple(csi() for _ in range(frames))
    return ReceivedMessage(header, symbols, np.ones(2, np.float32), csis, lost_samples=lost_samples)


@given(st.integers(0, 4), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=60, unique=True))
def test_each_stream_keeps_its_newest_in_order(entries, messages):
    store = MemoryStore(entries)
    for stream, message in messages:
        store.update(received(stream, message), f"{stream} {message}", 0.5, True)
    for stream in range(3):
        texts = [f"{of} {message}" for of, message in messages if of == stream]
        assert [entry.text for entry in store.stream(stream)] == texts[len(texts) - min(entries, len(texts)) :]
    assert len(store) == sum(len(store.stream(stream)) for stream in range(3))
    assert store.time == len(messages)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 1), st.integers(0, 3)), max_size=40))
def test_all_streams_together_are_bounded_and_the_oldest_goes_first(messages):
    store, newest = MemoryStore(100), {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stores, "MAX_BYTES", 700)  # a message here has 24 bytes and 112 for each of its frames
        for stream, message, value, frames in messages:
            store.update(received(stream, message, value, frames), "", 0.5, True)
            kept = [entry for of in range(3) for entry in store.stream(of)]
            assert sum(24 + 112 * len(entry.received.csi) for entry in kept) == store._bytes <= 700
            if store.stream(stream):
                newest[stream] = store.stream(stream)[-1].time
    assert all(entry.time <= newest[of] for of in range(3) for entry in store.stream(of))


def test_the_bound_takes_from_the_stream_with_the_oldest_message(monkeypatch):
    monkeypatch.setattr(stores, "MAX_BYTES", 3 * 136)
    store = MemoryStore(100)
    for stream, message in ((0, 1), (1, 1), (0, 2), (1, 2)):
        store.update(received(stream, message), "", 0.5, True)
    assert [[entry.received.header.message for entry in store.stream(stream)] for stream in (0, 1)] == [[2], [1, 2]]


def test_a_copy_changes_nothing():
    store = MemoryStore(4)
    for message in (1, 2, 1):
        store.update(received(0, message, frames=2), "first" if store.time < 4 else "copy", 0.5, True)
    assert [(entry.received.header.message, entry.text, entry.time) for entry in store.stream(0)] == [
        (1, "first", 2),
        (2, "first", 4),
    ]
    assert store.time == 4


def test_a_number_that_comes_again_with_another_message_is_the_newest():
    store = MemoryStore(4)
    for message, value in ((1, 0), (2, 0), (1, 5)):
        store.update(received(0, message, value), f"{message} {value}", 0.5, True)
    assert [entry.text for entry in store.stream(0)] == ["2 0", "1 5"]


def test_an_entry_holds_what_was_received_and_its_channel():
    store = MemoryStore(4)
    message = received(3, 9)
    store.update(message, "text", 0.25, False)
    (entry,) = store.stream(3)
    assert entry.received is message and (entry.text, entry.confidence, entry.intact) == ("text", 0.25, False)
    assert entry.csi.snr_db == pytest.approx(10) and store.stream(4) == []


def test_csi_from_before_a_gap_is_stale_in_every_stream():
    store = MemoryStore(4)
    for stream, message, lost in ((0, 1, 0), (1, 1, 0), (0, 2, 500), (0, 2, 500), (1, 2, 0)):
        store.update(received(stream, message, lost_samples=lost), "", 0.5, True)
    stale = [[store.is_stale(entry) for entry in store.stream(stream)] for stream in (0, 1)]
    assert stale == [[True, False], [True, False]] and store.lost_samples == 500


def test_the_summary_averages_over_fragments():
    summary = summarise((csi(10.0, (1, 2, 3, 4), 5.0), csi(20.0, (3, 2, 1, 0), 7.0)))
    assert summary.snr_db == pytest.approx(10 * np.log10(55))
    assert np.allclose(summary.carrier_snr_db, 10 * np.log10(20), atol=1e-5)
    assert summary.cfo_hz == 7.0


def test_the_summary_takes_each_carriers_own_noise():
    response = np.ones((2, 3), np.complex64)
    one = Csi(response, np.array([0.1, 0.01, 1.0], np.float32), 10.0, 0.0, 1e6, 15625.0)
    assert np.allclose(summarise((one,)).carrier_snr_db, [10.0, 20.0, 0.0], atol=1e-5)


def test_no_fragment_and_odd_fragments_have_a_summary():
    assert summarise(()).snr_db == -np.inf and summarise(()).carrier_snr_db.shape == (0,)
    odd = Csi(np.zeros((2, 4), np.complex64), np.zeros(4, np.float32), 5000.0, 0.0, 1e6, 15625.0)
    assert summarise((csi(gains=(1, 1)), odd)).carrier_snr_db.shape == (4,)
