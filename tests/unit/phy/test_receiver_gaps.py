"""Gaps in the received stream: what is whole comes out, what is cut off is accounted for, and nothing is garbage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom_ota.config import PhyConfig
from semcom_ota.phy import receiver as receivers
from semcom_ota.phy.impairments import complex_noise
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame

PHY = PhyConfig(messages_per_frame=2)
TRANSMITTER = Transmitter(PHY)
PREAMBLE = Numerology(PHY).preamble_samples
HEADER = Numerology(PHY).header_samples  # the preamble included
SIZES = (48, 400, 1, 300, 120, 700)
SPACING = 350


def frame(message: int, count: int) -> SemanticFrame:
    symbols = np.exp(2j * np.pi * np.random.default_rng(message).random(count)).astype(np.complex64)
    return SemanticFrame(FrameHeader(codec=1, message=message, message_symbols=count), symbols)


def on_air(*frames: SemanticFrame) -> np.ndarray:
    return TRANSMITTER.modulate(*frames)


def with_noise(samples: np.ndarray, seed: int = 1) -> np.ndarray:
    return (samples + 0.1 * complex_noise(np.random.default_rng(seed), len(samples))).astype(np.complex64)


@pytest.fixture(scope="module")
def air():
    """The samples of the air, and where each frame is."""
    parts, places, position = [], [], 0
    for message, count in enumerate(SIZES):
        samples = on_air(frame(message, count))
        places.append((position + SPACING, position + SPACING + len(samples)))
        parts += [np.zeros(SPACING, np.complex64), samples]
        position = places[-1][1]
    return with_noise(np.concatenate([*parts, np.zeros(SPACING, np.complex64)])), places


def lose(air: np.ndarray, gaps: list[tuple[int, int]]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """What is received if `gaps` (start, stop; in order, apart) of the air are lost: samples, and (position, lost)."""
    edges = [0, *(edge for gap in gaps for edge in gap), len(air)]
    kept = [air[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True)]
    positions = np.cumsum([len(part) for part in kept])[:-1]
    return np.concatenate(kept), [(int(p), stop - start) for p, (start, stop) in zip(positions, gaps, strict=True)]


def receive(samples: np.ndarray, gaps: list[tuple[int, int]], rng: np.random.Generator | None = None):
    """Frames and cut frames, in order; in random chunks if `rng` is given. At the end the stream is cut off, too."""
    receiver, received, cut = Receiver(PHY), [], []
    position = 0
    for stop, lost in [*gaps, (len(samples), 0)]:
        while position < stop:
            count = stop - position if rng is None else min(stop - position, int(rng.integers(0, 3000)))
            received += receiver.process(samples[position : position + count])
            position += count
        whole, broken = receiver.interrupt(lost)
        received += whole
        cut += broken
        assert receiver.position == stop
    return received, cut


def fingerprint(frames):
    return [
        (f.header, f.start_sample, f.lost_samples, f.symbols.tobytes(), f.csi.frequency_response.tobytes())
        for f in frames
    ]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 2500), st.integers(1, 900)), max_size=5), st.integers(0, 2**32 - 1))
def test_what_is_whole_comes_out_and_what_is_cut_off_does_not_whatever_the_chunks(air, steps, seed):
    samples, places = air
    gaps, position = [], 0
    for distance, length in steps:
        if position + distance + length < len(samples):
            gaps.append((position + distance, position + distance + length))
            position = gaps[-1][1]
    stream, where = lose(samples, gaps)
    received, cut = receive(stream, where)
    again, cut_again = receive(stream, where, np.random.default_rng(seed))
    assert fingerprint(again) == fingerprint(received) and cut_again == cut

    whole = [all(stop <= first or last <= start for start, stop in gaps) for first, last in places]
    messages = [f.header.message for f in received]
    assert len(set(messages)) == len(messages)
    assert {message for message, untouched in enumerate(whole) if untouched} <= set(messages)
    for f in received:  # nothing is garbage: of a frame that comes out, the gap took what does not matter
        sent = frame(f.header.message, SIZES[f.header.message])
        assert f.header == sent.header and np.mean(np.abs(f.symbols - sent.symbols) ** 2) < 0.03
        first, last = places[f.header.message]
        assert all(stop <= first + PHY.cp_length or last - PHY.cp_length <= start for start, stop in gaps)
    for broken in cut:
        for header in broken.headers:
            assert header == frame(header.message, SIZES[header.message]).header and not whole[header.message]


@pytest.mark.parametrize(
    ("lost_from", "known"), [(HEADER + 200, True), (HEADER - 100, False), (PREAMBLE + 100, False), (-20, True)]
)
def test_a_frame_is_cut_off_where_the_gap_begins(air, lost_from, known):
    samples, places = air
    first, last = places[1]
    start = (first if lost_from >= 0 else last) + lost_from
    stream, where = lose(samples, [(start, start + 300)])
    received, (cut,) = receive(stream, where)
    assert [f.header.message for f in received] == [0, 2, 3, 4, 5]
    assert abs(cut.start_sample - first) <= 1
    assert cut.headers == ((frame(1, SIZES[1]).header,) if known else ())
    assert [f.lost_samples for f in received] == [0, 300, 0, 0, 0]


def test_a_frame_is_whole_to_its_last_needed_sample(air):
    samples, places = air
    receiver = Receiver(PHY)
    assert receiver.process(samples[: places[0][1]]) == []
    frames, cut = receiver.interrupt()
    assert [f.header.message for f in frames] == [0] and not cut
    assert receiver.process(samples[places[0][1] :])[0].header.message == 1


def test_messages_that_share_a_cut_frame_are_all_told():
    samples = with_noise(on_air(frame(7, 100), frame(8, 100)))
    receiver = Receiver(PHY)
    receiver.process(samples[:-200])
    frames, (cut,) = receiver.interrupt()
    assert not frames and [header.message for header in cut.headers] == [7, 8]


def test_the_lost_samples_of_several_gaps_add_up_on_the_frame_behind_them(air):
    samples, places = air
    start = places[1][1] + 20
    stream, where = lose(samples, [(start, start + 50), (start + 100, start + 130)])
    received, cut = receive(stream, where)
    assert [f.lost_samples for f in received] == [0, 0, 80, 0, 0, 0] and not cut


def test_what_the_front_end_knows_outlasts_gaps_and_is_not_told_of_silence(air):
    """A mixer's faults, and many gaps: the silence that ends a stretch must not count as a measurement."""
    samples, _ = air
    faulty = np.tile(samples + 0.1 * samples.conj() + (0.3 + 0.1j), 8).astype(np.complex64)
    receiver, plain = Receiver(PHY), Receiver(PHY)
    plain.process(faulty)
    for first in range(0, len(faulty), 500):
        receiver.process(faulty[first : first + 500])
        receiver.interrupt(10)
    assert receiver._front_end._estimate == plain._front_end._estimate


def test_noise_with_gaps_is_no_frame():
    receiver, rng = Receiver(PHY), np.random.default_rng(3)
    frames, cut = [], []
    for _ in range(300):
        frames += receiver.process(complex_noise(rng, int(rng.integers(1, 3000))).astype(np.complex64))
        whole, broken = receiver.interrupt(1)
        frames, cut = frames + whole, cut + broken
    assert not frames and len(cut) <= 3 and not any(broken.headers for broken in cut)


def test_memory_stays_bounded_over_many_gaps(air):
    receiver = Receiver(PHY)
    for _ in range(200):
        receiver.process(air[0][:5000])
        receiver.interrupt(1)
    assert receiver._stream._buffer.size < 4 * receivers.SLICE and not receiver._cut
