"""Codec, PHY and reassembly in one process (level `waveform`), and what a lost frame does to a message."""

import numpy as np
import pytest

from semcom_ota.codecs.base import GAP
from semcom_ota.codecs.text_jscc import TextJscc
from semcom_ota.config import CodecConfig, DeviceConfig, PhyConfig, load_channel
from semcom_ota.experiments.statistics import word_errors
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.services.reassembly import Reassembler
from semcom_ota.types import FrameHeader, SemanticFrame

PHY = PhyConfig(max_frame_symbols=256)
TEXT = " ".join(read_lines(SENTENCES / "captions.txt")[:24])


@pytest.fixture(scope="module")
def codec():
    return TextJscc(CodecConfig(), DeviceConfig(device="cpu"))


def bursts(codec, text):
    """One burst of samples for each fragment of `text`, and the codec's parameters."""
    encoded = codec.encode(text)
    fragments = -(-len(encoded.symbols) // PHY.max_frame_symbols)
    transmitter, silence = Transmitter(PHY), np.zeros(400, np.complex64)
    for fragment in range(fragments):
        header = FrameHeader(0, encoded.parameters, 0, 0, 5, fragment, fragments, len(encoded.symbols))
        symbols = encoded.symbols[slice(*header.symbol_range())]
        symbols = symbols / np.sqrt(np.mean(np.abs(symbols) ** 2))
        samples = transmitter.modulate(SemanticFrame(header, symbols.astype(np.complex64)))
        yield np.concatenate([samples, silence])


def receive(stream):
    """Messages that come out of a stream, the incomplete ones included."""
    receiver, reassembler = Receiver(PHY), Reassembler()
    stream = np.concatenate([stream, np.zeros(receiver.lookahead_samples + 400, np.complex64)])
    messages = [message for frame in receiver.process(stream) for message in reassembler.push(frame)]
    return messages + reassembler.flush(0, 5)


def sent_over(codec, snr_db, silenced=()):
    air = [
        impair(burst, load_channel("awgn"), PHY, snr_db, 3, (5, index)) * (index not in silenced)
        for index, burst in enumerate(bursts(codec, TEXT))
    ]
    (message,) = receive(np.concatenate(air))
    return message, codec.decode(message.symbols, message.noise_variance, message.header.codec_parameters), len(air)


def test_a_message_of_several_frames_is_put_together(codec):
    message, decoded, frames = sent_over(codec, 15)
    assert frames > 6 and not message.lost_fragments and len(message.csi) == frames
    assert decoded.intact and GAP not in decoded.text
    assert word_errors(TEXT, decoded.text)[1] > 0.9 * len(TEXT.split())


def test_lost_frames_show_as_a_gap_and_the_rest_is_read(codec):
    message, decoded, _ = sent_over(codec, 15, silenced=(3, 4, 5))
    assert message.lost_fragments == (3, 4, 5)
    assert np.isinf(message.noise_variance).sum() > 2 * 240
    assert GAP in decoded.text and not decoded.intact
    start, end = decoded.text.split(GAP)[0].split(), decoded.text.split(GAP)[-1].split()
    assert word_errors(" ".join(TEXT.split()[: len(start)]), " ".join(start))[1] > 0.8 * len(start) > 20
    assert word_errors(" ".join(TEXT.split()[-len(end) :]), " ".join(end))[1] > 0.8 * len(end) > 20
