"""Frames back to messages: each symbol to its place, lost ones with infinite noise variance, never silence."""

from dataclasses import dataclass, field, replace

import numpy as np

from semcom_ota.transport.messages import MAX_FRAGMENTS, MAX_MESSAGE_SYMBOLS, MAX_STREAMS
from semcom_ota.types import FrameHeader, ReceivedFrame, ReceivedMessage

MAX_HELD_BYTES = 2**25


@dataclass(slots=True)
class _Partial:
    """A message of which some fragments have arrived."""

    message: FrameHeader  # what its fragments have in common: the header with fragment 0
    first: ReceivedFrame  # the one that arrived first
    frames: dict[int, ReceivedFrame] = field(default_factory=dict)  # by fragment
    lost_samples: int = 0  # of the whole stream, up to the newest of them

    def assemble(self, lost_samples: int) -> ReceivedMessage:
        symbols = np.zeros(self.message.message_symbols, np.complex64)
        variance = np.full(self.message.message_symbols, np.inf, np.float32)
        ordered = sorted(self.frames.items())
        for _, frame in ordered:
            place = slice(*frame.header.symbol_range())
            usable = np.isfinite(frame.symbols) & (frame.noise_variance >= 0)
            symbols[place] = np.where(usable, frame.symbols, 0)
            variance[place] = np.where(usable, frame.noise_variance, np.inf)
        lost = tuple(sorted(set(range(self.message.fragments)) - self.frames.keys()))
        csi = tuple(frame.csi for _, frame in ordered)
        return ReceivedMessage(self.first.header, symbols, variance, csi, lost, self.first.start_sample, lost_samples)


class Reassembler:
    """Puts the frames of one receiver together, each stream by itself.

    A message comes out when its last fragment is in, or incomplete when another message of its stream has begun, or at
    `flush`. Nothing of what a frame says is trusted: one whose header contradicts itself or its symbols, one that is
    there already, and one that does not begin after all of what came out last (late, or a copy) are ignored and
    counted; messages that share a frame on the air begin one after the other, in their order there. A message number
    may come again later in the stream, as when a transmitter was started anew: it is another message then.

    Samples lost in gaps are told with the first message to come out that has a frame from behind them, whichever frame
    said so.

    Holds at most `MAX_HELD_BYTES` of symbols and CSI, over all streams; beyond that the message that began first comes
    out incomplete.
    """

    def __init__(self) -> None:
        """Empty; `start_sample` must count on from frame to frame, so a new receiver needs a new reassembler."""
        self.ignored = 0  # frames so far
        self._held = 0  # bytes
        self._partial: dict[int, _Partial] = {}  # by stream, the one that began first comes first
        self._past: dict[int, tuple[int, int]] = {}  # by stream: where the last frame of what came out begins
        self._lost_samples = 0  # in gaps so far
        self._told_lost = 0  # of these, with messages that have come out

    def push(self, frame: ReceivedFrame) -> list[ReceivedMessage]:
        """Take the next frame, and return the messages that it completes or ends; symbols are copied."""
        self._lost_samples += frame.lost_samples
        if not _consistent(frame):
            self.ignored += 1
            return []
        stream = frame.header.stream
        message = replace(frame.header, fragment=0)
        partial = self._partial.get(stream)
        messages = []
        if partial is None or partial.message != message:
            past = _begin(partial.first) if partial else self._past.get(stream)
            if past and _begin(frame) <= past:
                self.ignored += 1
                return []
            if partial:
                messages.append(self._end(stream))
            partial = self._partial[stream] = _Partial(message, frame)
        if frame.header.fragment in partial.frames:
            self.ignored += 1
            return messages
        partial.frames[frame.header.fragment] = frame
        partial.lost_samples = self._lost_samples
        self._held += _size(frame)
        if len(partial.frames) == message.fragments:
            messages.append(self._end(stream))
        while self._held > MAX_HELD_BYTES:
            messages.append(self._end(next(iter(self._partial))))
        return messages

    def flush(self, stream: int, message: int) -> list[ReceivedMessage]:
        """Return this message, if it is there and incomplete: no more of it will come."""
        partial = self._partial.get(stream)
        if partial is None or partial.message.message != message:
            return []
        return [self._end(stream)]

    def end(self) -> list[ReceivedMessage]:
        """Return all messages that are incomplete, the one that began first comes first: no more frames will come."""
        return [self._end(stream) for stream in list(self._partial)]

    def _end(self, stream: int) -> ReceivedMessage:
        partial = self._partial.pop(stream)
        self._past[stream] = max(_begin(frame) for frame in partial.frames.values())
        self._held -= sum(_size(frame) for frame in partial.frames.values())
        untold = max(0, partial.lost_samples - self._told_lost)
        self._told_lost += untold
        return partial.assemble(untold)


def _begin(frame: ReceivedFrame) -> tuple[int, int]:
    return frame.start_sample, frame.place


def _size(frame: ReceivedFrame) -> int:
    csi = frame.csi.frequency_response.nbytes + frame.csi.noise_variance.nbytes
    return frame.symbols.nbytes + frame.noise_variance.nbytes + csi


def _consistent(frame: ReceivedFrame) -> bool:
    header = frame.header
    return (
        0 <= header.stream < MAX_STREAMS
        and 0 <= header.fragment < header.fragments <= min(MAX_FRAGMENTS, header.message_symbols)
        and header.message_symbols <= MAX_MESSAGE_SYMBOLS
        and frame.symbols.shape == frame.noise_variance.shape == (header.frame_symbols,)
        and frame.start_sample < frame.stop_sample
    )
