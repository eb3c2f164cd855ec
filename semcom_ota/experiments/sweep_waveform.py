"""Level `waveform`: a unit of a sweep through the numpy PHY, in one process.

The stream of samples is that of `semcom loopback` with the same messages (semcom_flowgraphs.loopback): the same frames
in the same order, the same silence behind each, the same channel realisations, one receiver. So the same comes out.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Codec, Decoded, DoesNotFit, Encoded, Received, adapts_to_snr, decode_all
from semcom_ota.config import MAX_TEXT_BYTES, CodecConfig, ConfigError, DeviceConfig, LoopbackRadio
from semcom_ota.experiments.bench.genie import Genie
from semcom_ota.experiments.model_size import parameters
from semcom_ota.experiments.sweep_config import SweptCodec, symbols_for
from semcom_ota.experiments.sweep_outcome import Outcome, check_spending, failed
from semcom_ota.experiments.sweep_plan import Task, names
from semcom_ota.experiments.waveform import Air, Key, WaveformChannel
from semcom_ota.phy.receiver import Receiver
from semcom_ota.services.encoder import to_frames
from semcom_ota.services.process import ServiceFailed
from semcom_ota.services.reassembly import Reassembler
from semcom_ota.services.worker import try_out
from semcom_ota.types import ComplexArray, FloatArray, FrameHeader, ReceivedFrame, ReceivedMessage, SemanticFrame

KEPT_ENCODINGS = 2**15
"""Of a process, about 1 kB each: those of codecs that do not adapt to the SNR serve a whole curve."""
KEPT_SYMBOLS = 2**10
"""Longer messages are encoded anew."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message that goes on the air."""

    frames: tuple[SemanticFrame, ...]
    energy: float  # of the symbols that the codec made
    encode_ms: float


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A message as its decoder gets it."""

    header: FrameHeader
    symbols: ComplexArray
    noise_variance: FloatArray
    snr_db: float


def send(task: Task, codecs: Sequence[SweptCodec]) -> dict[tuple[int, str], Outcome]:
    """Send the texts of a unit with the codecs of one link, interleaved frame by frame.

    Returns:
        (message, label) -> what became of it.

    Raises:
        ConfigError: a codec cannot be loaded, or does not spend what it is granted.
        ServiceFailed: a codec broke.
    """
    sweep, point = task.sweep, task.unit.point
    settings = codecs[0].codec.model_copy(update={"names": names(codecs)})
    loaded = list(_loaded(settings, sweep.device).values())
    sent: dict[Key, _Sent] = {}
    for message, swept in zip(task.unit.messages, task.texts, strict=True):
        text = swept.text
        for stream, (one, codec) in enumerate(zip(codecs, loaded, strict=True)):
            granted = symbols_for(text, point.budget)
            snr_db = point.snr_db if adapts_to_snr(codec) else None
            try:
                encode = _encoded if granted <= KEPT_SYMBOLS else _encoded.__wrapped__
                encoded, encode_ms = encode(settings, sweep.device, one.name, text, granted, snr_db)
                if encoded is None:
                    continue
                energy = float(np.sum(np.abs(np.asarray(encoded.symbols, np.complex128)) ** 2))
                check_spending(one.label, message, len(encoded.symbols), energy, granted)
                frames = to_frames(encoded, codec.number, stream, message, sweep.phy.max_frame_symbols)
            except DoesNotFit:
                continue
            except ConfigError:
                raise
            except Exception as error:  # a codec is anybody's code
                raise ServiceFailed(failed(one.label, message, text, error)) from error
            sent[stream, message] = _Sent(frames, energy, encode_ms)

    through = _receive if point.csi == "estimated" else _know
    arrived, air = through(task, [frame for one in sent.values() for frame in one.frames])
    decoded = _decode(task, codecs, loaded, arrived)
    return {
        (message, one.label): replace(
            _outcome(sent.get(key), air.get(key), arrived.get(key), decoded.get(key)), parameters=size
        )
        for message in task.unit.messages
        for stream, (one, size) in enumerate(zip(codecs, map(parameters, loaded), strict=True))
        for key in [(stream, message)]
    }


@lru_cache(maxsize=64)
def _loaded(settings: CodecConfig, device: DeviceConfig) -> dict[str, Codec]:
    codecs = registry.load_all(settings, device)
    for codec in codecs.values():
        try_out(codec, decode=True)  # so that no message is timed with a compiler, or a lazy import
    return codecs


@lru_cache(maxsize=KEPT_ENCODINGS)
def _encoded(
    settings: CodecConfig, device: DeviceConfig, name: str, text: str, n_symbols: int, snr_db: float | None
) -> tuple[Encoded | None, float]:
    """What a codec makes of a text, None if it does not fit; and the milliseconds that it took, once."""
    started = time.perf_counter()
    try:
        encoded = _loaded(settings, device)[name].encode(text, n_symbols=n_symbols, snr_db=snr_db)
    except DoesNotFit:
        return None, 0.0
    return encoded, 1e3 * (time.perf_counter() - started)


def _channel(task: Task) -> WaveformChannel:
    sweep, unit = task.sweep, task.unit
    channel = next(one.channel for one in sweep.channels if one.name == unit.point.channel)
    return WaveformChannel(sweep.phy, LoopbackRadio(channel=channel), unit.point.snr_db, unit.seed)


def _receive(task: Task, frames: Iterable[SemanticFrame]) -> tuple[dict[Key, _Arrived], dict[Key, Air]]:
    """Estimated CSI: the stream goes through the receiver, whose frames are put together."""
    receiver, reassembler, channel = Receiver(task.sweep.phy), Reassembler(), _channel(task)
    messages: list[ReceivedMessage] = []

    def push(received: Iterable[ReceivedFrame]) -> None:
        for one in received:
            messages.extend(reassembler.push(one))

    for frame in frames:
        _, samples = channel.pass_through(frame)
        started = time.perf_counter()
        push(receiver.process(samples))
        taken = channel.air[frame.header.stream, frame.header.message]
        taken.receive_ms += 1e3 * (time.perf_counter() - started)
    push(receiver.interrupt()[0])  # noise may have looked like the header of a long frame
    messages += reassembler.end()
    arrived: dict[Key, _Arrived] = {}
    for message in messages:
        header = message.header
        if (key := (header.stream, header.message)) in channel.air and key not in arrived:
            snr_db = float(np.mean([csi.snr_db for csi in message.csi]))
            arrived[key] = _Arrived(header, message.symbols, message.noise_variance, snr_db)
    return arrived, channel.air


def _know(task: Task, frames: Iterable[SemanticFrame]) -> tuple[dict[Key, _Arrived], dict[Key, Air]]:
    """Perfect CSI: timing, carrier, channel and noise variance are known; the header is, too."""
    channel = _channel(task)
    parts: dict[Key, list[tuple[SemanticFrame, Genie]]] = {}
    for frame in frames:
        parts.setdefault((frame.header.stream, frame.header.message), []).append((frame, channel.look_through(frame)))
    arrived = {}
    for key, known in parts.items():
        symbols = np.concatenate([frame.symbols + genie.payload_error() for frame, genie in known])
        variance = np.concatenate([genie.payload_variance() for _, genie in known])
        snr_db = float(np.mean([genie.snr_db for _, genie in known]))
        arrived[key] = _Arrived(known[0][0].header, symbols.astype(np.complex64), variance, snr_db)
    return arrived, channel.air


def _decode(
    task: Task, codecs: Sequence[SweptCodec], loaded: Sequence[Codec], arrived: dict[Key, _Arrived]
) -> dict[Key, tuple[Decoded, float]]:
    """What the receiving side makes of it, by the codec that the header names, with the milliseconds it took.

    The messages that are decoded together are those of the unit, however many workers there are.
    """
    decoded: dict[Key, tuple[Decoded, float]] = {}
    for one, codec in zip(codecs, loaded, strict=True):
        own = {key: message for key, message in sorted(arrived.items()) if message.header.codec == codec.number}
        if not own:
            continue
        batch = [Received(each.symbols, each.noise_variance, each.header.codec_parameters) for each in own.values()]
        started = time.perf_counter()
        try:
            texts = decode_all(codec, batch)
            if not all(0 <= text.confidence <= 1 and 0 <= text.trust <= 1 for text in texts):
                raise ValueError("it gave a confidence that is not in 0..1")
            if any(len(text.text.encode()) > 4 * MAX_TEXT_BYTES for text in texts):  # which raises what is no Unicode
                raise ValueError(f"it gave a text of more than {4 * MAX_TEXT_BYTES} bytes")
        except Exception as error:  # as above
            first = task.unit.messages.index(next(iter(own))[1])
            raise ServiceFailed(failed(one.label, next(iter(own))[1], task.texts[first].text, error)) from error
        decode_ms = 1e3 * (time.perf_counter() - started) / len(own)
        decoded |= {key: (text, decode_ms) for key, text in zip(own, texts, strict=True)}
    return decoded


def _outcome(
    sent: _Sent | None, air: Air | None, arrived: _Arrived | None, decoded: tuple[Decoded, float] | None
) -> Outcome:
    if sent is None or air is None:
        return Outcome(does_not_fit=True)
    milliseconds = {"encode_ms": sent.encode_ms, "transmit_ms": air.transmit_ms}
    if air.receive_ms:  # nothing is received where the channel is known
        milliseconds["receive_ms"] = air.receive_ms
    spent = {
        "payload_symbols": air.symbols,
        "energy": sent.energy,
        "overhead_symbols": air.cells - air.symbols,
        "air_samples": air.samples,
    }
    if arrived is None or decoded is None:
        return Outcome(**spent, milliseconds=milliseconds)  # type: ignore[arg-type]
    text, decode_ms = decoded
    return Outcome(
        "delivered" if text.intact else "corrupted",
        received=text.text,
        confidence=float(text.confidence),
        word_confidence=float(text.trust),
        intact=bool(text.intact),
        snr_db_estimated=arrived.snr_db,
        milliseconds=milliseconds | {"decode_ms": decode_ms},
        **spent,  # type: ignore[arg-type]
    )
