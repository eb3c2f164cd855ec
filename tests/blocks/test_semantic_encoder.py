import time
from pathlib import Path

import numpy as np
import pytest
from radio_bench import Collector, Server, gr, pmt, post, wait_until
from semcom_blocks import SemanticEncoder, pdu

from semcom_ota.config import CodecConfig, MaskConfig, PhyConfig, TransmitterConfig
from semcom_ota.services.encoder import EncoderService
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.messages import EncodeRequest, from_packet, to_packet
from semcom_ota.types import LinkReport

pytestmark = pytest.mark.timeout(60)
CONFIG = TransmitterConfig(codec=CodecConfig(names=("huffman", "utf8")), phy=PhyConfig(max_frame_symbols=64))


class Bench:
    def __init__(self, endpoint: str, config: TransmitterConfig = CONFIG):
        self.top, self.out, self.failed = gr.top_block(), Collector(), Collector()
        self.encoder = SemanticEncoder(config, endpoint)
        self.top.msg_connect(self.encoder, "out", self.out, "in")
        self.top.msg_connect(self.encoder, "failed", self.failed, "in")

    def __enter__(self) -> "Bench":
        self.top.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.top.stop()
        self.top.wait()


def texts(seed: int, count: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("abcdefgh 123äß😀"), rng.integers(1, 150))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(2))
def test_the_frames_are_those_of_the_encoder_in_the_order_of_the_texts(seed: int, tmp_path: Path):
    rng, endpoint, service = np.random.default_rng(seed), ipc_endpoint(tmp_path, "encoder"), EncoderService(CONFIG)
    requests = [
        pdu.TextRequest(
            text,
            ("utf8", "huffman")[message % 2],
            5,
            message,
            ("", "utf8")[seed],
            (None, 12.0)[seed],
            task=message % 16,
        )
        for message, text in enumerate(texts(seed, 20))
    ]
    expected = []
    for request in requests:
        encode = EncodeRequest(
            request.text,
            request.codec,
            5,
            request.message,
            match=request.match or None,
            snr_db=request.snr_db,
            task=request.message % 16,
        )
        expected += from_packet(service.answer(to_packet(encode))).frames
    assert len(expected) > len(requests)

    with Server(endpoint, CONFIG.transport, EncoderService(CONFIG)), Bench(endpoint) as bench:
        for request in requests:
            post(bench.encoder, "in", pdu.from_text_request(request))
            if rng.random() < 0.3:
                time.sleep(rng.random() * 0.05)  # so that they reach the worker in bursts of any size
        got = [pdu.to_semantic_frame(message) for message in bench.out.wait(len(expected))]
        assert pdu.scalar(bench.out.messages[0], "encode_ms") > 0
    for one, other in zip(got, expected, strict=True):
        assert one.header == other.header
        np.testing.assert_array_equal(one.symbols, other.symbols)
    assert not bench.failed.messages


def test_a_text_that_cannot_be_sent_fails_with_a_sentence_and_holds_nothing_up(tmp_path: Path):
    endpoint = ipc_endpoint(tmp_path, "encoder")
    with Server(endpoint, CONFIG.transport, EncoderService(CONFIG)), Bench(endpoint) as bench:
        for message, (text, codec) in enumerate(
            [("", "utf8"), ("x", "unheard-of"), ("x" * 2**21, "utf8"), ("x", "utf8")]
        ):
            post(bench.encoder, "in", pdu.from_text_request(pdu.TextRequest(text, codec, message=message)))
        bench.out.wait(1)
        failures = [pdu.split(message) for message in bench.failed.wait(3)]
    assert [meta["message"] for meta, _ in failures] == [0, 1, 2]
    assert {meta["reason"] for meta, _ in failures} == {"bad_request"}
    assert b"unheard-of" in failures[1][1].tobytes()


SHARED = CONFIG.model_copy(update={"phy": PhyConfig(messages_per_frame=3, max_frame_symbols=64)})


def test_frames_of_texts_that_belong_together_come_out_together_whatever_fails(tmp_path: Path):
    endpoint, long = ipc_endpoint(tmp_path, "encoder"), "a long one " * 5
    batches = [["a", "b", "c"], ["", "d", ""], ["", ""], [long, "e"], ["f"], ["g", "h", "i", "j"], ["k"]]
    expected = ["0+", "1+", "2", "4", "8+", "8+", "8+", "9", "10", "11+", "12+", "13", "14", "15"]
    with Server(endpoint, CONFIG.transport, EncoderService(CONFIG)), Bench(endpoint, SHARED) as bench:
        texts = [
            (text, left > 0) for batch in batches for left, text in zip(range(len(batch))[::-1], batch, strict=True)
        ]
        for message, (text, more) in enumerate(texts):
            request = pdu.TextRequest(text, "utf8", 0, message, snr_db=20.0, more=more)
            post(bench.encoder, "in", pdu.from_text_request(request))
        frames = bench.out.wait(len(expected))
        assert [pdu.split(message)[0]["message"] for message in bench.failed.wait(4)] == [3, 5, 6, 7]
    said = [(pdu.to_semantic_frame(frame).header.message, pdu.split(frame)[0]["more"]) for frame in frames]
    assert [f"{message}{'+' * more}" for message, more in said] == expected


def test_a_text_that_others_wait_for_is_taken_though_the_queue_is_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("semcom_blocks.semantic_encoder.QUEUE", 2)
    endpoint = ipc_endpoint(tmp_path, "encoder")
    with Bench(endpoint, SHARED) as bench:
        for message, more in enumerate([True, True, False, True, True, False]):
            post(bench.encoder, "in", pdu.from_text_request(pdu.TextRequest("x", "utf8", 0, message, more=more)))
        assert [pdu.split(message)[0]["message"] for message in bench.failed.wait(3)] == [3, 4, 5]
        with Server(endpoint, CONFIG.transport, EncoderService(CONFIG)):
            assert [pdu.to_semantic_frame(frame).header.message for frame in bench.out.wait(3)] == [0, 1, 2]


def test_what_a_hand_made_text_leaves_out_is_filled_in(tmp_path: Path):
    endpoint = ipc_endpoint(tmp_path, "encoder")
    with Server(endpoint, CONFIG.transport, EncoderService(CONFIG)), Bench(endpoint) as bench:
        post(bench.encoder, "in", pdu.from_text_request(pdu.TextRequest("x", "utf8", message=65535)))
        post(bench.encoder, "in", pmt.intern("x"))
        post(bench.encoder, "in", pmt.from_long(1))
        wait_until(lambda: bench.encoder.dropped == 1)
        headers = [pdu.to_semantic_frame(message).header for message in bench.out.wait(2)]
    assert [(header.message, header.codec) for header in headers] == [(65535, 1), (0, 2)]


def test_link_reports_reach_the_worker(tmp_path: Path):
    endpoint = ipc_endpoint(tmp_path, "encoder")
    report = LinkReport(3, 4, 0, 9, 11.5, -100.0, np.array([1, 2, 3], np.float32))
    server = Server(endpoint, CONFIG.transport, EncoderService(CONFIG))
    with server, Bench(endpoint) as bench:
        wait_until(lambda: bench.encoder.ready)
        post(bench.encoder, "report", pmt.intern("no report"))
        post(bench.encoder, "report", pdu.from_link_report(report))
        wait_until(lambda: len(server.notices) == 1)
        assert bench.encoder.dropped == 1
    seen = from_packet(server.notices[0])
    assert (seen.stream, seen.message, seen.frame, seen.snr_db) == (3, 4, 9, 11.5)
    np.testing.assert_array_equal(seen.carrier_snr_db, report.carrier_snr_db)


def link_report(message: int, snr_db: float) -> LinkReport:
    return LinkReport(0, message, 0, message, snr_db, 0.0, np.full(4, snr_db, np.float32))


def following(**settings: float) -> TransmitterConfig:
    mask = MaskConfig(kind="theory", reference_snr_db=0.0, margin=0.0, **settings)
    return CONFIG.model_copy(update={"mask": mask})


def test_a_text_waits_for_the_report_that_it_is_masked_by(tmp_path: Path):
    endpoint, config = ipc_endpoint(tmp_path, "encoder"), following(patience_ms=60_000)
    server = Server(endpoint, config.transport, EncoderService(config), in_order=True)
    with server, Bench(endpoint, config) as bench:
        for message in range(6):
            post(bench.encoder, "in", pdu.from_text_request(pdu.TextRequest("x", "utf8", 0, message, n_symbols=60)))
        bench.out.wait(2)
        post(bench.encoder, "report", pdu.from_link_report(link_report(1, 12.0)))  # newer than the third may know
        time.sleep(0.2)
        assert len(bench.out.messages) == 2
        post(bench.encoder, "report", pdu.from_link_report(link_report(0, 6.0)))
        bench.out.wait(4)
        post(bench.encoder, "report", pdu.make({"over": True, "stream": 0, "message": 2}, b""))
        post(bench.encoder, "report", pdu.make({"over": True}, b""))
        bench.out.wait(5)
        assert bench.encoder.dropped == 1
        known = [pdu.to_masked(message) for message in bench.out.messages]
    assert [mask.outlook for mask in known] == ["unknown", "unknown", "reported", "reported", "reported"]
    assert [mask.snr_db for mask in known[2:]] == pytest.approx([6, 12, 12], abs=1e-4)
    assert 0 < known[2].symbols < known[3].symbols == known[4].symbols


def test_a_report_that_does_not_come_is_not_waited_for_for_ever(tmp_path: Path):
    endpoint, config = ipc_endpoint(tmp_path, "encoder"), following(patience_ms=50, in_flight=1)
    with Server(endpoint, config.transport, EncoderService(config)), Bench(endpoint, config) as bench:
        for message in range(3):
            post(bench.encoder, "in", pdu.from_text_request(pdu.TextRequest("x", "utf8", 0, message)))
        known = [pdu.to_masked(message) for message in bench.out.wait(3)]
    assert {(mask.symbols, mask.outlook) for mask in known} == {(0, "unknown")}


def test_it_starts_a_worker_of_its_own():
    with Bench("") as bench:
        post(bench.encoder, "in", pdu.from_text_request(pdu.TextRequest("Hello", "utf8")))
        bench.out.wait(1)
