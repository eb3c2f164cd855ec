"""The encoder worker: text to semantic frames.

`python -m semcom_ota.services.encoder --endpoint E --config FILE.json`
"""

import time

import numpy as np

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import POWER_TOLERANCE, Codec, DoesNotFit, Encoded
from semcom_ota.config import TransmitterConfig
from semcom_ota.masking.mask import known_snr_db, make_mask, masked_encode
from semcom_ota.masking.outlook import LinkState
from semcom_ota.services import worker
from semcom_ota.transport.messages import (
    MAX_FRAGMENTS,
    MAX_MESSAGE_SYMBOLS,
    EncodeReply,
    EncodeRequest,
    Masked,
    from_packet,
    to_packet,
)
from semcom_ota.transport.wire import Packet, WireError
from semcom_ota.types import FrameHeader, LinkReport, SemanticFrame, Task, fragment_range


class EncoderService:
    """Encodes one text at a time, masked as the link reports up to then allow."""

    def __init__(self, config: TransmitterConfig) -> None:
        """Load all codecs of the configuration.

        Raises:
            ConfigError: one of them cannot be loaded, or the mask cannot be had with it.
        """
        self._max_frame_symbols = config.phy.max_frame_symbols
        self._codecs = registry.load_all(config.codec, config.device)
        self._mask, self._follows = make_mask(config.mask, self._codecs), config.mask.follows
        self._link = LinkState(config.mask.in_flight, config.mask.stale_frames)

    def warm_up(self) -> None:
        """Encode with each codec once; see `worker.Service`."""
        for codec in self._codecs.values():
            worker.try_out(codec, decode=False)

    def answer(self, packet: Packet) -> Packet:
        """`EncodeRequest` to `EncodeReply`."""
        request = from_packet(packet)
        if not isinstance(request, EncodeRequest):
            raise WireError(f"the encoder takes no '{packet.kind}'")
        start = time.perf_counter()
        codec, n_symbols = self._codec(request.codec), request.n_symbols
        if n_symbols is None and request.match is not None:
            n_symbols = self._codec(request.match).symbol_count(request.text)
        encoded, masked, pattern = self._encode(codec, request, n_symbols)
        frames = to_frames(
            encoded, codec.number, request.stream, request.message, self._max_frame_symbols, request.task, pattern
        )
        self._link.sent(request.stream, request.message, len(frames))
        return to_packet(EncodeReply(frames, (time.perf_counter() - start) * 1e3, masked))

    def notice(self, packet: Packet) -> None:
        """Take in a link report."""
        report = from_packet(packet)
        if not isinstance(report, LinkReport):
            raise WireError(f"the encoder takes no notice '{packet.kind}'")
        self._link.report(report)

    def _encode(self, codec: Codec, request: EncodeRequest, n_symbols: int | None) -> tuple[Encoded, Masked, int]:
        if self._mask is None:
            return codec.encode(request.text, n_symbols=n_symbols, snr_db=request.snr_db), Masked(), 0
        outlook = self._link.outlook()
        total = codec.symbol_count(request.text) if n_symbols is None else n_symbols
        kept, pattern = self._mask.keep(codec, request.text, total, outlook)
        known = known_snr_db(self._follows, outlook, request.snr_db)
        encoded = masked_encode(codec, request.text, total, kept, known, self._follows)
        masked = Masked(total - len(encoded.symbols), outlook.state, outlook.snr_db)
        return encoded, masked, pattern if len(encoded.symbols) == kept else 0

    def _codec(self, name: str) -> Codec:
        if name not in self._codecs:
            raise WireError(f"codec '{name}' is not loaded: the configuration names {', '.join(self._codecs)}")
        return self._codecs[name]


def to_frames(
    encoded: Encoded,
    codec: int,
    stream: int,
    message: int,
    max_frame_symbols: int,
    task: int = Task.AUTO,
    pattern: int = 0,
) -> tuple[SemanticFrame, ...]:
    """Split a message, of mean |s|**2 = 1, into as few frames as possible.

    Args:
        encoded: what the codec made.
        codec: its number.
        stream: 0..255.
        message: 0..65535.
        max_frame_symbols: payload symbols in one frame at most.
        task: what the message is for.
        pattern: of the mask, 0..63.

    Raises:
        DoesNotFit: more symbols or fragments than the frame header can tell.
        ValueError: the codec made no symbols, spends another energy than 1 a symbol, or its parameters do not go into
            a header.
    """
    symbols = np.asarray(encoded.symbols, np.complex64)
    if not 0 <= encoded.parameters < 2**24:
        raise ValueError(f"the codec's parameters {encoded.parameters} are not in 0..2**24-1")
    fragments = -(-len(symbols) // max_frame_symbols)
    if fragments > MAX_FRAGMENTS or len(symbols) > MAX_MESSAGE_SYMBOLS:
        raise DoesNotFit(f"{len(symbols)} payload symbols are more than one message can have")
    if not len(symbols):
        raise ValueError("the codec made no symbols")
    power = float(np.mean(np.abs(symbols.astype(np.complex128)) ** 2))
    if not abs(power - 1) <= POWER_TOLERANCE:
        raise ValueError(f"the codec spends {power:.4g} of energy a symbol, where every codec has 1")
    symbols = (symbols / np.sqrt(power)).astype(np.complex64)
    frames = []
    for fragment in range(fragments):
        start, stop = fragment_range(len(symbols), fragments, fragment)
        header = FrameHeader(
            codec=codec,
            codec_parameters=int(encoded.parameters),
            task=int(task),
            stream=stream,
            message=message,
            fragment=fragment,
            fragments=fragments,
            message_symbols=len(symbols),
            mask=pattern,
        )
        frames.append(SemanticFrame(header, symbols[start:stop]))
    return tuple(frames)


if __name__ == "__main__":
    worker.run(TransmitterConfig, EncoderService)
