import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from radio_bench import Collector, Server, gr, pmt, post, wait_until
from readers import save_tiny_reader
from semcom_blocks import LamDecoder, pdu

from semcom_ota.codecs.conventional import Utf8
from semcom_ota.config import CodecConfig, DeviceConfig, MemoryConfig, ReceiverConfig
from semcom_ota.services.decoder import DecoderService
from semcom_ota.services.encoder import to_frames
from semcom_ota.services.reassembly import Reassembler
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.messages import from_packet, to_packet
from semcom_ota.types import Csi, ReceivedFrame, Task

pytestmark = pytest.mark.timeout(60)
CONFIG = ReceiverConfig(codec=CodecConfig(names=("utf8",)))
CODEC = Utf8(CONFIG.codec, DeviceConfig())


def received(text: str, stream: int, message: int, start: int, task: int = Task.AUTO) -> list[ReceivedFrame]:
    """A message's frames as they come over a good channel."""
    frames = to_frames(CODEC.encode(text), CODEC.number, stream, message, max_frame_symbols=64, task=task)
    csi = Csi(np.ones((3, 4), np.complex64), np.full(4, 0.01, np.float32), 20.0 + message, 5.0, 1e6, 15625.0)
    return [
        ReceivedFrame(
            frame.header,
            frame.symbols,
            np.full(len(frame.symbols), 0.01, np.float32),
            csi,
            start + 1000 * index,
            start + 1000 * index + 900,
        )
        for index, frame in enumerate(frames)
    ]


def over(stream: int, message: int) -> object:
    return pdu.make({"over": True, "stream": stream, "message": message}, b"")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[tuple[LamDecoder, Collector]]:
    endpoint = ipc_endpoint(tmp_path, "decoder")
    with Server(endpoint, CONFIG.transport, DecoderService(CONFIG)):
        top, decoder, out = gr.top_block(), LamDecoder(CONFIG, endpoint), Collector()
        top.msg_connect(decoder, "out", out, "in")
        top.start()
        yield decoder, out
        top.stop()
        top.wait()


@pytest.mark.parametrize("seed", range(3))
def test_the_results_are_those_of_the_decoder_whatever_is_lost_and_in_whatever_bursts(seed: int, bench):
    decoder, out = bench
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("abc defäß😀"), rng.integers(20, 200))) for _ in range(12)]
    frames = [
        frame
        for message, text in enumerate(texts)
        for frame in received(text, message % 2, message // 2, 100_000 * message)
        if rng.random() < 0.9
    ]
    service, reassembler, expected = DecoderService(CONFIG), Reassembler(), {}
    messages = [message for frame in frames for message in reassembler.push(frame)]
    for stream in (0, 1):
        messages += reassembler.flush(
            stream, max(frame.header.message for frame in frames if frame.header.stream == stream)
        )
    for message in messages:
        decoded = from_packet(service.answer(to_packet(message))).decoded
        expected[message.header.stream, message.header.message] = decoded, message

    for frame in frames:
        post(decoder, "in", pdu.from_received_frame(frame))
        if rng.random() < 0.2:
            time.sleep(rng.random() * 0.02)
    for stream in (0, 1):
        post(decoder, "in", over(stream, max(m for s, m in expected if s == stream)))

    def decoded_results() -> list[pdu.Result]:  # an `over` of a message that was complete is answered by `lost`
        return [result for result in map(pdu.to_result, out.messages) if not result.lost]

    wait_until(lambda: len(decoded_results()) == len(expected))
    assert {(result.stream, result.message) for result in decoded_results()} == expected.keys()
    for result in decoded_results():
        decoded, message = expected[result.stream, result.message]
        assert (result.text, result.confidence, result.intact) == (decoded.text, decoded.confidence, decoded.intact)
        assert result.lost_fragments == message.lost_fragments
        assert result.fragments == message.header.fragments
        assert result.snr_db == pytest.approx(20.0 + result.message)
        assert not result.reason and result.understanding.answer is None and result.understanding.remembered >= 1


def test_the_answer_of_the_memory_comes_with_the_result(tmp_path: Path):
    config = CONFIG.model_copy(update={"memory": MemoryConfig(reader=save_tiny_reader(tmp_path / "reader"))})
    endpoint, service = ipc_endpoint(tmp_path, "decoder"), DecoderService(config)
    said = [("Mary went to the garden.", Task.TELL), ("Where is Mary?", Task.ASK)]
    frames = [
        frame
        for message, (text, task) in enumerate(said)
        for frame in received(text, 3, message, 10_000 * message, task)
    ]
    reassembler = Reassembler()
    whole = [message for frame in frames for message in reassembler.push(frame)]
    expected = [from_packet(service.answer(to_packet(message))).understanding for message in whole]
    with Server(endpoint, CONFIG.transport, DecoderService(config), in_order=True):
        top, decoder, out = gr.top_block(), LamDecoder(config, endpoint), Collector()
        top.msg_connect(decoder, "out", out, "in")
        top.start()
        for frame in frames:
            post(decoder, "in", pdu.from_received_frame(frame))
        results = [pdu.to_result(message) for message in out.wait(2)]
        top.stop()
        top.wait()
    assert [result.text for result in results] == [text for text, _ in said]
    assert [result.understanding for result in results] == expected
    assert expected[0].answer is None and expected[1].answer is not None


def test_over_ends_the_message_that_it_names_and_no_other(bench):
    decoder, out = bench
    one, other = received("x" * 100, 0, 7, 0), received("y" * 100, 1, 7, 50_000)
    for frame in (*one[:-1], *other[:-1]):
        post(decoder, "in", pdu.from_received_frame(frame))
    post(decoder, "in", over(0, 7))
    first = pdu.to_result(out.wait(1)[0])
    assert (first.stream, first.intact, first.lost_fragments) == (0, False, (len(one) - 1,))
    post(decoder, "in", pdu.from_received_frame(other[-1]))
    second = pdu.to_result(out.wait(2)[1])
    assert (second.stream, second.text, second.intact) == (1, "y" * 100, True)


def test_finish_decodes_what_is_incomplete_and_says_where_it_began(bench):
    decoder, out = bench
    messages = [received("x" * 100, 0, 7, 500), received("y" * 100, 1, 7, 50_000), received("short", 2, 1, 90_000)]
    frames = [frame for message in messages[:2] for frame in message[1:]] + messages[2]
    for frame in frames:
        post(decoder, "in", pdu.from_received_frame(frame))
    wait_until(lambda: decoder.frames == len(frames))
    decoder.finish()
    wait_until(lambda: not decoder.decoding)
    results = [pdu.to_result(message) for message in out.wait(decoder.results)]
    told = {result.stream: (result.start_sample, result.lost_fragments) for result in results}
    assert told == {0: (1500, (0,)), 1: (51_000, (0,)), 2: (90_000, ())}


def test_over_of_a_message_of_which_nothing_came_says_that_it_is_lost(bench):
    decoder, out = bench
    post(decoder, "in", over(3, 8))
    lost = pdu.to_result(out.wait(1)[0])
    assert (lost.lost, lost.stream, lost.message, lost.text) == (True, 3, 8, "")
    assert math.isnan(lost.snr_db)


def test_nonsense_is_dropped_and_counted(bench):
    decoder, out = bench
    post(decoder, "in", pmt.intern("no frame"))
    post(decoder, "in", pdu.make({"over": True}, b""))
    wait_until(lambda: decoder.dropped == 2)
    assert not out.messages


def test_a_late_frame_does_not_keep_over_from_ending_the_message_under_way(bench):
    decoder, out = bench
    old, new = received("x" * 100, 0, 7, 0), received("y" * 100, 0, 8, 50_000)
    for frame in (*old, *new[:-1], old[0]):  # the last one is ignored
        post(decoder, "in", pdu.from_received_frame(frame))
    post(decoder, "in", over(0, 8))
    results = {result.message: result for result in map(pdu.to_result, out.wait(2))}
    result = results[8]
    assert (result.message, result.lost, result.lost_fragments) == (8, False, (len(new) - 1,))


def test_what_the_decoder_fails_on_comes_with_its_sentence(bench):
    decoder, out = bench
    frame = received("x", 0, 0, 0)[0]
    header = type(frame.header)(codec=99, message_symbols=len(frame.symbols))
    unknown = ReceivedFrame(header, frame.symbols, frame.noise_variance, frame.csi, 0, 900)
    post(decoder, "in", pdu.from_received_frame(unknown))
    result = pdu.to_result(out.wait(1)[0])
    assert (result.text, result.intact, result.lost, result.codec) == ("", False, False, 99)
    assert result.reason == "no codec with the number 99 is loaded"


def test_it_starts_a_worker_of_its_own():
    top, decoder, out = gr.top_block(), LamDecoder(CONFIG), Collector()
    top.msg_connect(decoder, "out", out, "in")
    top.start()
    for frame in received("Hello", 0, 0, 0):
        post(decoder, "in", pdu.from_received_frame(frame))
    assert pdu.to_result(out.wait(1)[0]).text == "Hello"
    top.stop()
    top.wait()
