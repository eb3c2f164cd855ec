"""Frames back to messages under loss, reordering, copies and nonsense."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.services import reassembly
from semcom_ota.services.reassembly import Reassembler
from semcom_ota.types import Csi, FrameHeader, ReceivedFrame

LENGTH = 100  # samples of a frame in these tests


def frame(number: int, stream=0, message=0, fragment=0, fragments=3, message_symbols=10, **changes) -> ReceivedFrame:
    """The `number`-th frame on the air. Symbol k of message m is m + k j."""
    header = FrameHeader(1, 0, 0, stream, message, fragment, fragments, message_symbols)
    start, stop = header.symbol_range()
    csi = Csi(np.ones((2, 4), np.complex64), np.full(4, 0.1, np.float32), 10.0 + fragment, 0.0, 1e6, 15625.0)
    symbols = (message + 1j * np.arange(start, stop)).astype(np.complex64)
    variance = np.full(stop - start, 0.5, np.float32)
    whole = ReceivedFrame(header, symbols, variance, csi, number * LENGTH, number * LENGTH + LENGTH - 10)
    return replace(whole, **changes)


def check(message) -> None:
    """Every symbol is in its place, or zero with infinite variance."""
    count = message.header.message_symbols
    expected = (message.header.message + 1j * np.arange(count)).astype(np.complex64)
    lost = np.zeros(count, bool)
    for fragment in message.lost_fragments:
        lost[slice(*replace(message.header, fragment=fragment).symbol_range())] = True
    assert message.symbols.dtype == np.complex64 and message.noise_variance.dtype == np.float32
    assert np.array_equal(message.symbols, np.where(lost, 0, expected))
    assert np.array_equal(message.noise_variance, np.where(lost, np.float32(np.inf), np.float32(0.5)))
    assert len(message.csi) == message.header.fragments - len(message.lost_fragments)
    assert [csi.snr_db for csi in message.csi] == sorted(csi.snr_db for csi in message.csi)


def test_a_message_comes_out_with_its_last_fragment():
    reassembler = Reassembler()
    assert reassembler.push(frame(0, fragment=0)) == [] == reassembler.push(frame(1, fragment=1))
    (message,) = reassembler.push(frame(2, fragment=2))
    check(message)
    assert message.lost_fragments == () and reassembler.flush(0, 0) == [] and reassembler.ignored == 0


def test_a_lost_fragment_is_infinite_noise_when_the_next_message_begins():
    reassembler = Reassembler()
    reassembler.push(frame(0, fragment=0))
    reassembler.push(frame(2, fragment=2))
    (message,) = reassembler.push(frame(3, message=1))
    check(message)
    assert message.lost_fragments == (1,) and message.header.message == 0


def test_flush_gives_the_message_that_it_names_and_no_other():
    reassembler = Reassembler()
    reassembler.push(frame(0, stream=3, message=7, fragment=1))
    reassembler.push(frame(1, stream=1, fragment=2))
    for stream, message, lost in ((3, 7, (0, 2)), (1, 0, (0, 1))):
        assert reassembler.flush(stream, message + 1) == [] == reassembler.flush(stream + 1, message)
        (incomplete,) = reassembler.flush(stream, message)
        assert (incomplete.header.stream, incomplete.lost_fragments) == (stream, lost)
        assert incomplete.header.fragment == {3: 1, 1: 2}[stream]  # the first that arrived
        check(incomplete)
        assert reassembler.flush(stream, message) == []


def test_streams_do_not_disturb_one_another():
    reassembler = Reassembler()
    reassembler.push(frame(0, stream=1, fragment=0))
    assert reassembler.push(frame(1, stream=2, message=9, fragments=1)) != []
    reassembler.push(frame(2, stream=1, fragment=1))
    (message,) = reassembler.push(frame(3, stream=1, fragment=2))
    check(message)
    assert message.lost_fragments == ()


def test_fragments_of_one_message_may_come_in_any_order():
    reassembler = Reassembler()
    for number in (2, 0):
        assert reassembler.push(frame(number, fragment=number)) == []
    (message,) = reassembler.push(frame(1, fragment=1))
    check(message)


def test_copies_change_nothing():
    reassembler = Reassembler()
    reassembler.push(frame(0, fragment=0))
    assert reassembler.push(frame(0, fragment=0)) == []
    reassembler.push(frame(1, fragment=1))
    assert len(reassembler.push(frame(2, fragment=2))) == 1
    for late in range(3):
        assert reassembler.push(frame(late, fragment=late)) == []
    assert reassembler.end() == [] and reassembler.ignored == 4


def test_a_late_frame_of_an_older_message_does_not_end_the_newer_one():
    reassembler = Reassembler()
    reassembler.push(frame(0, message=4, fragment=0))
    assert len(reassembler.push(frame(3, message=5, fragment=0))) == 1
    assert reassembler.push(frame(1, message=4, fragment=1)) == []
    reassembler.push(frame(4, message=5, fragment=1))
    (message,) = reassembler.push(frame(5, message=5, fragment=2))
    check(message)
    assert message.lost_fragments == () and reassembler.ignored == 1


def test_messages_that_share_a_frame_come_out_in_their_order_and_once():
    reassembler = Reassembler()
    reassembler.push(frame(0, message=9, fragment=0))
    shared = [frame(3, message=message, fragments=1, place=message) for message in range(4)]
    (incomplete, *first) = reassembler.push(shared[0])
    rest = [message for one in (shared[1], shared[0], shared[2], shared[3]) for message in reassembler.push(one)]
    assert incomplete.header.message == 9
    assert [message.header.message for message in (*first, *rest)] == [0, 1, 2, 3]
    for message in (*first, *rest):
        check(message)
    assert [reassembler.push(one) for one in shared] == [[]] * 4 == [reassembler.push(frame(1, message=9))] * 4
    assert reassembler.ignored == 6


def test_a_frame_that_begins_in_the_tail_of_another_is_heard():
    reassembler = Reassembler()
    reassembler.push(frame(0, message=1, fragments=2))
    assert len(reassembler.push(frame(1, message=1, fragment=1, fragments=2, stop_sample=5 * LENGTH))) == 1
    assert len(reassembler.push(frame(2, message=2, fragments=1))) == 1
    assert reassembler.ignored == 0


def test_a_transmitter_that_starts_anew_is_heard_though_its_numbers_come_again():
    reassembler = Reassembler()
    for number in range(5):
        assert len(reassembler.push(frame(number, message=0, fragments=1))) == 1


def test_conflicting_headers_are_different_messages():
    reassembler = Reassembler()
    reassembler.push(frame(0, fragment=0))
    (message,) = reassembler.push(frame(1, fragment=1, message_symbols=11))
    check(message)
    assert message.header.message_symbols == 10 and message.lost_fragments == (1, 2)
    assert [len(message.symbols) for message in reassembler.end()] == [11]


def test_symbols_that_are_not_finite_count_as_lost():
    good = frame(0, fragments=1)
    good.symbols[3], good.noise_variance[5] = np.nan, np.nan
    (message,) = Reassembler().push(good)
    assert np.isinf(message.noise_variance[[3, 5]]).all() and not message.symbols[[3, 5]].any()
    assert np.isfinite(message.noise_variance).sum() == 8


@pytest.mark.parametrize(
    "nonsense",
    [
        frame(0, symbols=np.zeros(3, np.complex64)),
        frame(0, noise_variance=np.zeros(3, np.float32)),
        frame(0, stop_sample=0),
        frame(0, header=FrameHeader(1, fragment=3, fragments=3, message_symbols=10)),
        frame(0, header=FrameHeader(1, fragment=-1, fragments=3, message_symbols=10)),
        frame(0, header=FrameHeader(1, fragments=300, message_symbols=1200)),
        frame(0, header=FrameHeader(1, fragments=3, message_symbols=2)),
        frame(0, header=FrameHeader(1, fragments=0, message_symbols=4)),
        frame(0, header=FrameHeader(1, stream=256, fragments=3, message_symbols=10)),
        frame(0, fragments=200, message_symbols=10**9),
    ],
    ids=range(10),
)
def test_nonsense_is_ignored(nonsense):
    reassembler = Reassembler()
    assert reassembler.push(nonsense) == [] == reassembler.end()
    assert reassembler.ignored == 1


def test_memory_is_bounded(monkeypatch):
    one = frame(0)
    size = one.symbols.nbytes + one.noise_variance.nbytes
    size += one.csi.frequency_response.nbytes + one.csi.noise_variance.nbytes
    monkeypatch.setattr(reassembly, "MAX_HELD_BYTES", 5 * size)
    reassembler = Reassembler()
    out = []
    for stream in range(256):
        out += reassembler.push(frame(stream, stream=stream, fragment=0))
        assert len(reassembler._partial) <= 5
    out += reassembler.end()
    assert [message.header.stream for message in out] == list(range(256))
    assert reassembler._held == 0


sent = [
    (stream, message, fragment) for message in range(4) for stream in range(2) for fragment in range(1 + message % 3)
]


@given(st.lists(st.integers(0, len(sent) - 1), max_size=40))
def test_any_loss_order_and_copies(arrivals):
    """No symbol out of place, no message twice, nothing made up; in order and complete where the air kept the order."""
    frames = [frame(number, *where, fragments=1 + where[1] % 3) for number, where in enumerate(sent)]
    reassembler = Reassembler()
    out = []
    for arrival in arrivals:
        out += reassembler.push(frames[arrival])
    out += reassembler.end()
    for message in out:
        check(message)
    identities = [(message.header.stream, message.header.message) for message in out]
    assert len(set(identities)) == len(identities)
    arrived = {sent[arrival][:2] for arrival in arrivals}
    assert set(identities) <= arrived
    if arrivals == sorted(arrivals):
        assert set(identities) == arrived
        assert sum(len(message.csi) for message in out) == len(set(arrivals))
        for stream in range(2):
            numbers = [message for of, message in identities if of == stream]
            assert numbers == sorted(numbers)


def test_lost_samples_are_told_once_with_the_first_message_from_behind_the_gap():
    reassembler = Reassembler()
    out = reassembler.push(frame(0, fragment=0))
    out += reassembler.push(frame(1, stream=1, fragments=1, lost_samples=700))
    out += reassembler.push(frame(2, fragments=1, message=1, lost_samples=30))  # ends the one before the gaps
    out += reassembler.push(frame(2, message=2, lost_samples=5))  # a copy, which is ignored
    out += reassembler.push(frame(3, message=3, fragments=1))
    told = [(message.header.stream, message.header.message, message.lost_samples) for message in out]
    assert told == [(1, 0, 700), (0, 0, 0), (0, 1, 30), (0, 3, 5)]
