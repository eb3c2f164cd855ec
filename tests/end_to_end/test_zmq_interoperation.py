"""Our transmitter and our receiver over ZMQ, with a plain GNU Radio flowgraph, or a bare socket, on the other side."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zmq

from semcom_ota.codecs.conventional import Utf8
from semcom_ota.config import CodecConfig, DeviceConfig, LinkConfig
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.services.encoder import to_frames
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.radio import RadioRequest
from semcom_ota.transport.sockets import RequestClient
from semcom_ota.transport.wire import Packet

pytestmark = pytest.mark.timeout(120)
TEXTS = [f"Message number {number} goes to software that is not ours." for number in range(12)]
PLAIN_RECEIVER = """
import sys
from gnuradio import blocks, gr, zeromq
top = gr.top_block()
source = zeromq.req_source(gr.sizeof_gr_complex, 1, sys.argv[1], 10, False)
sink = blocks.file_sink(gr.sizeof_gr_complex, sys.argv[2])
sink.set_unbuffered(True)
top.connect(source, sink)
top.start()
sys.stdin.read()
top.stop()
top.wait()
"""
PLAIN_TRANSMITTER = """
import sys
from gnuradio import blocks, gr, zeromq
top = gr.top_block()
source = blocks.file_source(gr.sizeof_gr_complex, sys.argv[2])
sink = zeromq.rep_sink(gr.sizeof_gr_complex, 1, sys.argv[1], 10, False)
top.connect(source, sink)
top.start()
sys.stdin.read()
top.stop()
top.wait()
"""


def link(endpoint: str) -> LinkConfig:
    radio = {"kind": "zmq", "transmit": endpoint, "receive": endpoint}
    return LinkConfig.model_validate({"codec": {"names": ["utf8"]}, "radio": radio})


def plain(program: str, *arguments: object) -> subprocess.Popen:
    """A process that imports gnuradio and nothing of ours: it runs elsewhere, on the system's own Python."""
    command = [f"{sys.base_prefix}/bin/python3", "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", env={**os.environ, "PYTHONPATH": ""})


@contextlib.contextmanager
def process(child: subprocess.Popen):
    """Until it is told to end, which it is by the end of its standard input."""
    try:
        yield child
        child.stdin.close()
        assert child.wait(20) == 0
    finally:
        child.kill()


def our_transmitter(folder: Path, config: LinkConfig) -> subprocess.Popen:
    (folder / "link.json").write_text(config.model_dump_json())
    module = [sys.executable, "-m", "semcom_flowgraphs.tx", "--config", str(folder / "link.json")]
    return subprocess.Popen([*module, "--endpoint", ipc_endpoint(folder, "tx")], stdin=subprocess.PIPE)


def send(folder: Path, config: LinkConfig, texts: list[str]) -> list[dict]:
    """What the transmitter says of each."""
    requests, said = list(enumerate(texts)), {}
    with RequestClient(ipc_endpoint(folder, "tx"), config.transport) as client:
        while len(said) < len(texts):
            while requests:
                number, text = requests[0]
                request = RadioRequest(text=text, codec="utf8", message=number)
                if not client.submit(number, Packet("transmit", request.model_dump())):
                    break
                requests.pop(0)
            said |= {reply.key: reply.packet.fields for reply in client.poll(0.2)}
    return [said[number] for number in range(len(texts))]


def decoded(samples: np.ndarray, config: LinkConfig) -> dict[int, str]:
    codec = Utf8(CodecConfig(), DeviceConfig())
    frames = Receiver(config.phy).process(samples)
    return {
        frame.header.message: codec.decode(frame.symbols, frame.noise_variance, frame.header.codec_parameters).text
        for frame in frames
    }


def test_a_plain_gnu_radio_flowgraph_receives_what_we_transmit(tmp_path: Path):
    """It takes samples as fast as it can: no burst comes late for it."""
    config, file = link(ipc_endpoint(tmp_path, "iq")), tmp_path / "iq.cf32"
    with process(our_transmitter(tmp_path, config)):
        with process(plain(PLAIN_RECEIVER, config.radio.receive, file)):
            said = send(tmp_path, config, TEXTS)
            last = said[-1]["bursts"][-1]
            end = sum(last["tx_time"]) + 2 * last["samples"] / config.phy.sample_rate
            while file.stat().st_size < 8 * end * config.phy.sample_rate:
                time.sleep(0.01)
        assert {reply["status"] for reply in said} == {"acknowledged"}
    samples = np.fromfile(file, np.complex64)
    assert decoded(samples, config) == dict(enumerate(TEXTS))
    starts = [round(sum(reply["bursts"][0]["tx_time"]) * config.phy.sample_rate) for reply in said]
    padding = config.radio.bursts.padding_samples
    assert all(samples[start + padding] and not samples[start : start + padding].any() for start in starts)


def test_a_request_of_one_byte_is_answered_as_srsran_expects_it(tmp_path: Path):
    """Raw complex64 and nothing else, zeros as long as nothing is sent; none at all if there are none just now."""
    config = link(ipc_endpoint(tmp_path, "iq"))
    with process(our_transmitter(tmp_path, config)), zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, 60_000)
        socket.connect(config.radio.transmit)
        answers = []
        while sum(map(len, answers)) < 8 * 20_000:
            socket.send(b"\xff")
            answers.append(socket.recv())
    assert len(answers) > 1 and not any(len(answer) % 8 for answer in answers)
    assert not any(b"".join(answers))


def test_our_receiver_is_fed_by_a_plain_gnu_radio_flowgraph(tmp_path: Path):
    """Which serves modulated frames from a file."""
    config, file = link(ipc_endpoint(tmp_path, "iq")), tmp_path / "sent.cf32"
    codec, transmitter = Utf8(CodecConfig(), DeviceConfig()), Transmitter(config.phy)
    parts = [np.zeros(3000, np.complex64)]
    for number, text in enumerate(TEXTS):
        (frame,) = to_frames(codec.encode(text), codec.number, 0, number, config.phy.max_frame_symbols)
        parts += [transmitter.modulate(frame), np.zeros(1000 + 77 * number, np.complex64)]
    rng = np.random.default_rng(1)
    samples = np.concatenate([*parts, np.zeros(20_000, np.complex64)])
    samples += rng.normal(scale=0.02, size=2 * len(samples)).astype(np.float32).view(np.complex64)
    samples.tofile(file)
    (tmp_path / "link.json").write_text(config.model_dump_json())
    results = tmp_path / "results"
    results.touch()
    command = [sys.executable, "-m", "semcom_flowgraphs.rx", "--config", str(tmp_path / "link.json")]
    command += ["--results", str(results), "--frames", str(tmp_path / "frames")]

    def told(kind: str) -> list[dict]:
        lines = [json.loads(line) for line in results.read_text().split("\n")[:-1] if line]
        return [line[kind] for line in lines if kind in line]

    theirs = plain(PLAIN_TRANSMITTER, config.radio.receive, file)
    with process(theirs), process(subprocess.Popen(command, stdin=subprocess.PIPE)):
        while len(told("result")) < len(TEXTS):
            time.sleep(0.05)
        results.with_name("results.finish").touch()
        while not told("done"):
            time.sleep(0.05)
    assert [(result["message"], result["text"]) for result in told("result")] == list(enumerate(TEXTS))
    assert all(result["intact"] for result in told("result")) and not told("event")
    starts = np.cumsum([len(part) for part in parts])[:-1:2]
    found = [1e6 * result["received_s"] for result in told("result")]
    np.testing.assert_allclose(found, starts, atol=3)
