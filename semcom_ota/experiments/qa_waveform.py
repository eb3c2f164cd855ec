"""Level `waveform` of `semcom qa`: a group of stories through the numpy PHY, in one process.

What is encoded, masked and reported is what it is in the flowgraph: the same loop says which reports a message may know
of. Messages are decoded together, which changes nothing: the memory gets them in order. Where codecs decode with what
is remembered (`memory.decode_with`), they are decoded one after the other.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Codec, Decoded, DoesNotFit, Encoded, MemoryCodec, Received, decode_after, decode_all
from semcom_ota.config import LinkConfig
from semcom_ota.experiments.qa_plan import Line, Outcome
from semcom_ota.experiments.waveform import Key, WaveformChannel
from semcom_ota.masking.closed_loop import ClosedLoop
from semcom_ota.masking.mask import Mask, known_snr_db, make_mask, masked_encode
from semcom_ota.masking.outlook import LinkState
from semcom_ota.memory.receiver_memory import ReceiverMemory
from semcom_ota.phy.link_report import link_report
from semcom_ota.phy.receiver import Receiver
from semcom_ota.services.encoder import to_frames
from semcom_ota.services.reassembly import Reassembler
from semcom_ota.types import LinkReport, ReceivedFrame, ReceivedMessage, Understanding

TOGETHER = 64
"""Messages that are decoded at a time."""
KEPT = 4096
"""Messages as they were encoded that are kept: stories say the same again and again."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a receiver has of a line."""

    line: Line
    lost: Outcome  # what became of it if nothing was received
    received: ReceivedMessage | None
    decoded: Decoded | None  # None, too, if the codec decodes with what is remembered


class WaveformLevel:
    """A link without its processes. Models are loaded once; the memory is emptied before each group."""

    def __init__(self, link: LinkConfig):
        """Load codec, mask and reader; raises ConfigError if one of them cannot be had."""
        self._link = link
        codecs = registry.load_all(link.codec, link.device)
        (self._codec,) = codecs.values()
        self._encoder = _Encoder(self._codec, make_mask(link.mask, codecs), link.mask.follows)
        self._memory = ReceiverMemory(link.memory, link.device)
        self._remembers = link.memory.decode_with > 0 and isinstance(self._codec, MemoryCodec)

    def run(self, lines: Sequence[Line], snr_db: float, seed: int) -> Iterator[tuple[Line, Outcome]]:
        """Send a group; yields each line with what became of it, in order."""
        return self.understand(self.hear(lines, snr_db, seed), self._memory)

    def hear(self, lines: Sequence[Line], snr_db: float, seed: int) -> Iterator[Heard]:
        """Send a group; yields what a receiver has of each line before its memory comes into it, in order."""
        passage = _Passage(self._encoder, self._link, snr_db, seed)
        for line in lines:
            passage.send(line)
        arrived = passage.arrived()
        for first in range(0, len(lines), TOGETHER):
            part = lines[first : first + TOGETHER]
            known = {key: arrived[key] for line in part if (key := _key(line)) in arrived}
            together = {} if self._remembers else self._decode(known)
            for line in part:
                key = _key(line)
                yield Heard(line, passage.lost(key), known.get(key), together.get(key))

    def understand(self, heard: Iterable[Heard], memory: ReceiverMemory) -> Iterator[tuple[Line, Outcome]]:
        """Yields each line with what became of it in a receiver with this memory, which is emptied first."""
        memory.store.forget()
        for one in heard:
            received, decoded = one.received, one.decoded
            if received is None:
                yield one.line, one.lost
                continue
            if decoded is None:  # by what was heard until now
                decoded = decode_after(self._codec, _heard(received), partial(memory.before, received))
            status = "delivered" if decoded.intact else "corrupted"
            understanding = memory.take_in(received, decoded)
            yield one.line, replace(one.lost, status=status, received=decoded.text, understanding=understanding)

    def _decode(self, messages: Mapping[Key, ReceivedMessage]) -> dict[Key, Decoded]:
        return dict(zip(messages, decode_all(self._codec, list(map(_heard, messages.values()))), strict=True))


class _Encoder:
    """Codec and mask."""

    def __init__(self, codec: Codec, mask: Mask | None, follows: bool):
        self.codec, self.mask, self._follows = codec, mask, follows
        self._encoded = lru_cache(KEPT)(partial(masked_encode, codec))

    def encode(self, text: str, state: LinkState, snr_db: float) -> tuple[Encoded, int, int]:
        """As the encoder worker does it; with how many symbols the mask left out, and the pattern that says so."""
        total = kept = self.codec.symbol_count(text)
        pattern = 0
        known: float | None = snr_db
        if self.mask is not None:
            outlook = state.outlook()
            kept, pattern = self.mask.keep(self.codec, text, total, outlook)
            known = known_snr_db(self._follows, outlook, snr_db)
        encoded = self._encoded(text, total, kept, known, self._follows)
        return encoded, total - len(encoded.symbols), pattern if len(encoded.symbols) == kept else 0


class _Passage:
    """A group on its way through the air."""

    def __init__(self, encoder: _Encoder, link: LinkConfig, snr_db: float, seed: int):
        self.channel = WaveformChannel(link.phy, link.loopback, snr_db, seed)
        self.masked: dict[Key, int] = {}
        self.refused: dict[Key, str] = {}
        self._encoder, self._link, self._snr_db = encoder, link, snr_db
        self._state = LinkState(link.mask.in_flight, link.mask.stale_frames)
        self._receiver, self._reassembler = Receiver(link.phy), Reassembler()
        self._loop = ClosedLoop[Key, LinkReport](link.mask.in_flight, math.inf)
        self._frames = 0
        self._messages: list[ReceivedMessage] = []

    def send(self, line: Line) -> None:
        """Encode, mask and send a line; receive what comes of it."""
        codec, stream, message = self._encoder.codec, line.stream, line.message
        self._loop.submit(_key(line))
        _, reports = self._loop.begin(0.0) or ((), [])  # what became of those before is known: it is this one's turn
        for report in reports:
            self._state.report(report)
        try:
            encoded, masked, pattern = self._encoder.encode(line.text, self._state, self._snr_db)
            most = self._link.phy.max_frame_symbols
            frames = to_frames(encoded, codec.number, stream, message, most, line.task, pattern)
        except DoesNotFit as error:
            self.refused[_key(line)] = str(error)
            self._loop.encoded(_key(line), 0)
            return
        self.masked[_key(line)] = masked
        self._state.sent(stream, message, len(frames))
        self._loop.encoded(_key(line), len(frames))
        for frame in frames:
            self._take(self._receiver.process(self.channel.pass_through(frame)[1]))
        self._loop.over(_key(line))

    def lost(self, key: Key) -> Outcome:
        """What became of a line of which nothing arrives, with what was sent of it."""
        if key in self.refused:
            return Outcome("lost", reason=self.refused[key])
        air = self.channel.air[key]
        spent = air.symbols, air.cells - air.symbols, air.samples, self.masked[key]
        return Outcome("lost", "", Understanding(), *spent)

    def arrived(self) -> dict[Key, ReceivedMessage]:
        """All messages of the group that arrived, by stream and number; for when all are sent."""
        self._take(self._receiver.interrupt()[0])
        self._messages += self._reassembler.end()
        arrived: dict[Key, ReceivedMessage] = {}
        for message in self._messages:
            key = message.header.stream, message.header.message
            if key in self.channel.air and message.header.codec == self._encoder.codec.number:
                arrived.setdefault(key, message)
        return arrived

    def _take(self, received: Sequence[ReceivedFrame]) -> None:
        for frame in received:
            self._frames += 1
            header = frame.header
            self._loop.report((header.stream, header.message), header.fragment, link_report(frame, self._frames))
            self._messages += self._reassembler.push(frame)


def _heard(message: ReceivedMessage) -> Received:
    return Received(message.symbols, message.noise_variance, message.header.codec_parameters)


def _key(line: Line) -> Key:
    return line.stream, line.message
