"""Workers as they run: real processes, real sockets, killed and stopped at bad moments."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from semcom_ota.config import CodecConfig, DeviceConfig, ReceiverConfig, TransmitterConfig, TransportConfig
from semcom_ota.services.process import ServiceFailed, worker_process
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.messages import DecodeReply, EncodeReply, EncodeRequest, Failure, from_packet, to_packet
from semcom_ota.transport.sockets import RequestClient
from semcom_ota.transport.wire import Packet
from semcom_ota.types import Csi, FrameHeader, ReceivedMessage

FAKE_CODECS = Path(__file__).parents[1] / "data" / "fake_codecs"
PATIENCE_S = 60
LETTERS = CodecConfig(names=("letters",))
TRANSPORT = TransportConfig(heartbeat_ms=100)


@pytest.fixture(autouse=True)
def fake_codecs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(FAKE_CODECS), prepend=os.pathsep)


def transmitter(**changes) -> TransmitterConfig:
    return TransmitterConfig(**{"codec": LETTERS, "transport": TRANSPORT} | changes)


def receiver() -> ReceiverConfig:
    return ReceiverConfig(codec=LETTERS, transport=TRANSPORT)


@contextlib.contextmanager
def worker(service, config, directory):
    """A running worker and a client of it."""
    endpoint = ipc_endpoint(directory, service)
    with (
        RequestClient(endpoint, config.transport) as client,
        worker_process(service, endpoint, config, directory, client.wake) as process,
    ):
        deadline = time.monotonic() + PATIENCE_S
        while not client.credit:
            client.poll(1.0)
            process.check()
            assert time.monotonic() < deadline
        yield client, process


def exchange(client, process, requests, after_poll=lambda count: None) -> dict:
    """Send all requests and collect all replies; each key must come once."""
    waiting = list(enumerate(requests))
    replies = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(replies) < len(requests):
        while waiting and client.submit(waiting[0][0], waiting[0][1]):
            waiting.pop(0)
        for reply in client.poll(1.0):
            assert reply.key not in replies
            replies[reply.key] = from_packet(reply.packet)
        after_poll(len(replies))
        process.check()
        assert time.monotonic() < deadline
    return replies


def text_of(reply: EncodeReply) -> str:
    data = np.concatenate([np.angle(frame.symbols) for frame in reply.frames]) * 256 / (2 * np.pi)
    return (np.round(data) % 256).astype(np.uint8).tobytes().decode()


def received(text: str, message: int) -> ReceivedMessage:
    data = np.frombuffer(text.encode(), np.uint8)
    header = FrameHeader(200, len(data), message=message, message_symbols=len(data))
    csi = Csi(np.ones((2, 4), np.complex64), np.full(4, 0.1, np.float32), 10.0, 5.0, 1e6, 15625.0)
    symbols = np.exp(2j * np.pi * data / 256).astype(np.complex64)
    return ReceivedMessage(header, symbols, np.full(len(data), 0.1, np.float32), (csi,))


def encode_all(count: int) -> list[Packet]:
    return [to_packet(EncodeRequest(f"message {index}", "letters", message=index)) for index in range(count)]


def decode_all(count: int) -> list[Packet]:
    return [to_packet(received(f"message {index}", index)) for index in range(count)]


@pytest.mark.parametrize("service", ["encoder", "decoder"])
def test_kill_9_in_the_middle_loses_nothing_and_answers_nothing_twice(tmp_path, service):
    config, requests = (transmitter(), encode_all(200)) if service == "encoder" else (receiver(), decode_all(200))
    killed = []
    with worker(service, config, tmp_path) as (client, process):

        def kill(count):
            if len(killed) < 2 and count > 60 * (1 + len(killed)) and process.pid not in killed:
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)

        replies = exchange(client, process, requests, kill)
        assert process.restarts == 2
        assert client.poll(0.3) == []
    texts = [
        text_of(reply) if isinstance(reply, EncodeReply) else reply.decoded.text for _, reply in sorted(replies.items())
    ]
    assert texts == [f"message {index}" for index in range(200)]


def test_a_worker_that_stood_still_answers_when_it_goes_on(tmp_path):
    stopped, noticed = [], []
    with worker("encoder", transmitter(), tmp_path) as (client, process):

        def stop(count):
            if count > 50 and not stopped:
                os.kill(process.pid, signal.SIGSTOP)
                stopped.append(process.pid)
            if stopped and not noticed and not client._connected:
                noticed.append("by the heartbeat")
                os.kill(process.pid, signal.SIGCONT)

        replies = exchange(client, process, encode_all(100), stop)
        assert noticed
        assert [text_of(reply) for _, reply in sorted(replies.items())] == [f"message {index}" for index in range(100)]
        assert process.restarts == 0


def test_a_busy_worker_is_not_taken_for_dead(tmp_path):
    with worker("encoder", transmitter(), tmp_path) as (client, process):
        requests = [to_packet(EncodeRequest("!wait 2.5", "letters")), *encode_all(3)]
        replies = exchange(
            client, process, requests, lambda count: None if client._connected else pytest.fail("taken for dead")
        )
        assert text_of(replies[0]) == "!wait 2.5"


def test_a_failing_request_is_answered_and_the_worker_lives_on(tmp_path):
    config = transmitter(codec=CodecConfig(names=("letters", "fives")))
    with worker("encoder", config, tmp_path) as (client, process):
        pid = process.pid
        requests = [
            to_packet(EncodeRequest("!fail", "letters")),
            to_packet(EncodeRequest("too long", "letters", match="fives")),
            to_packet(EncodeRequest("x", "morse")),
            Packet("nonsense"),
            to_packet(EncodeRequest("!pid", "letters")),
        ]
        replies = exchange(client, process, requests)
        assert replies[0] == Failure("failed", "RuntimeError: the model broke")
        assert [replies[key].reason for key in (1, 2, 3)] == ["does_not_fit", "bad_request", "bad_request"]
        assert "codec 'morse' is not loaded" in replies[2].sentence
        assert text_of(replies[4]) == str(pid) == str(process.pid)


def test_conventional_codecs_need_no_torch(tmp_path):
    config = ReceiverConfig(codec=CodecConfig(names=("letters", "huffman")), transport=TRANSPORT)
    with worker("decoder", config, tmp_path) as (client, process):
        replies = exchange(client, process, [to_packet(received(f"m{index}", index)) for index in (0, 1, 1)])
        assert all(isinstance(reply, DecodeReply) for reply in replies.values())
        assert "torch" not in Path(f"/proc/{process.pid}/maps").read_text()


def test_threads_are_limited_before_torch_is_imported(tmp_path):
    with worker("encoder", transmitter(device=DeviceConfig(threads=3)), tmp_path) as (client, process):
        replies = exchange(client, process, [to_packet(EncodeRequest("!threads", "letters"))])
        assert text_of(replies[0]) == "3"


def test_a_damaged_checkpoint_is_one_sentence_and_no_loop(tmp_path):
    config = transmitter(codec=CodecConfig(names=("letters", "broken")))
    reason = r"encoder worker: codec 'broken' cannot be loaded: .* not fully covered$"
    with pytest.raises(ServiceFailed, match=reason), worker("encoder", config, tmp_path):
        pass


def run_worker(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "semcom_ota.services.encoder", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.fixture
def config_file(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(transmitter().model_dump_json())
    return str(file)


def test_an_endpoint_in_use_is_one_sentence(tmp_path, config_file):
    with worker("encoder", transmitter(), tmp_path) as (client, process):
        second = run_worker("--endpoint", ipc_endpoint(tmp_path, "encoder"), "--config", config_file)
        assert second.returncode == 2 and second.stderr.count("\n") == 1
        assert "already in use by another process" in second.stderr
        exchange(client, process, encode_all(3))  # the first one is none the worse


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:5555", "tcp://10.0.0.1:5555"])
def test_a_public_bind_is_refused(endpoint, config_file):
    refused = run_worker("--endpoint", endpoint, "--config", config_file)
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert "without a key" in refused.stderr


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), ("{", "Invalid JSON"), ('{"seed": 1}', "seed: Extra inputs")]
)
def test_a_wrong_configuration_is_one_sentence(tmp_path, content, reason):
    file = tmp_path / "wrong.json"
    if content is not None:
        file.write_text(content)
    refused = run_worker("--endpoint", ipc_endpoint(tmp_path, "encoder"), "--config", str(file))
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert reason in refused.stderr


@pytest.mark.parametrize("end", ["terminate", "interrupt", "end of stdin", "end of stdin while busy"])
def test_a_worker_ends_when_it_should(tmp_path, config_file, end):
    endpoint = ipc_endpoint(tmp_path, "encoder")
    command = [sys.executable, "-m", "semcom_ota.services.encoder", "--endpoint", endpoint, "--config", config_file]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    with RequestClient(endpoint, TRANSPORT) as client:
        while not client.credit:
            client.poll(1.0)
        if end.endswith("busy"):
            client.submit("busy", to_packet(EncodeRequest("!wait 3600", "letters")))
            client.submit("busy too", to_packet(EncodeRequest("!wait 3600", "letters")))
        if end.startswith("end of stdin"):
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM if end == "terminate" else signal.SIGINT)
        assert process.wait(PATIENCE_S) in (0, -signal.SIGALRM)  # the latter if the machine is too busy
        assert process.stderr.read() == b""


def test_a_worker_that_a_block_of_gnu_radio_started_ends_too(tmp_path, config_file):
    """Its thread holds all signals back, and its children inherit that."""
    endpoint = ipc_endpoint(tmp_path, "encoder")
    command = [sys.executable, "-m", "semcom_ota.services.encoder", "--endpoint", endpoint, "--config", config_file]
    before = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    process = subprocess.Popen(command)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with RequestClient(endpoint, TRANSPORT) as client:
        while not client.credit:
            client.poll(1.0)
    process.terminate()
    assert process.wait(PATIENCE_S) in (0, -signal.SIGALRM)


def test_workers_end_with_a_killed_parent(tmp_path, config_file):
    endpoint = ipc_endpoint(tmp_path, "encoder")
    parent_code = (
        "import sys, time; from semcom_ota.services.process import SupervisedProcess\n"
        f"with SupervisedProcess([sys.executable, '-m', 'semcom_ota.services.encoder', '--endpoint', {endpoint!r},"
        f" '--config', {config_file!r}], 'worker') as process:\n"
        "    print(process.pid, flush=True); time.sleep(3600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    with RequestClient(endpoint, TRANSPORT) as client:
        while not client.credit:
            client.poll(1.0)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
