"""The radio process with its workers, as separate processes, over codecs that need no torch."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from semcom_ota.codecs.base import Decoded
from semcom_ota.config import (
    ChannelConfig,
    CodecConfig,
    LinkConfig,
    LoopbackRadio,
    MemoryConfig,
    PhyConfig,
    load_channel,
)
from semcom_ota.services.process import SupervisedProcess, worker_process
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.messages import DecodeReply, from_packet, to_packet
from semcom_ota.transport.radio import RadioReply, read
from semcom_ota.transport.sockets import ReplyServer, RequestClient
from semcom_ota.transport.wire import Packet, pack
from semcom_ota.types import ReceivedMessage

pytestmark = pytest.mark.timeout(120)
FAKE_CODECS = Path(__file__).parents[1] / "data" / "fake_codecs"
TEXT = "A man rides a bicycle."


@pytest.fixture(autouse=True)
def fake_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FAKE_CODECS))


def link(channel: ChannelConfig | None = None, phy: PhyConfig | None = None, **radio: object) -> LinkConfig:
    options = {"snr_db": (20.0,), "messages_per_snr": 1000, "seed": 3} | radio
    return LinkConfig(
        codec=CodecConfig(names=("huffman", "fives")),
        phy=phy or PhyConfig(max_frame_symbols=64),
        radio=LoopbackRadio(channel=channel or load_channel("awgn"), **options),
    )


class Link:
    """Encoder worker, radio process, decoder worker, and a client of the radio process."""

    def __init__(self, config: LinkConfig, directory: Path, *arguments: str):
        endpoints = {name: ipc_endpoint(directory, name) for name in ("encoder", "decoder", "radio")}
        file = directory / "link.json"
        file.write_text(config.model_dump_json())
        command = [sys.executable, "-m", "semcom_flowgraphs.loopback", "--endpoint", endpoints["radio"]]
        command += ["--config", str(file), "--encoder", endpoints["encoder"], "--decoder", endpoints["decoder"]]
        self.radio = SupervisedProcess([*command, *arguments], "radio process")
        self.encoder = worker_process("encoder", endpoints["encoder"], config.transmitter, directory)
        self.decoder = worker_process("decoder", endpoints["decoder"], config.receiver, directory)
        self.processes = [self.encoder, self.decoder, self.radio]
        self.client = RequestClient(endpoints["radio"], config.transport)

    def send(
        self, *requests: dict, disturb: dict[int, SupervisedProcess] | None = None
    ) -> list[tuple[RadioReply, dict]]:
        """Replies in the order of the requests; after so many replies, kill -9 what `disturb` says."""
        disturb, waiting, replies = dict(disturb or {}), list(enumerate(requests)), {}
        while len(replies) < len(requests):
            for process in self.processes:
                process.check()
            while waiting and self.client.submit(waiting[0][0], Packet("transmit", waiting[0][1])):
                waiting.pop(0)
            for reply in self.client.poll(0.2):
                assert reply.key not in replies
                replies[reply.key] = read(reply.packet, RadioReply), reply.packet.arrays
                if victim := disturb.pop(len(replies), None):
                    os.kill(victim.pid, signal.SIGKILL)
        return [replies[index] for index in range(len(requests))]


@contextmanager
def running(config: LinkConfig, directory: Path, *arguments: str) -> Iterator[Link]:
    started = Link(config, directory, *arguments)
    with started.encoder, started.decoder, started.radio, started.client:
        yield started


def request(message: int = 0, text: str = TEXT, **fields: object) -> dict:
    return {"text": text, "codec": "huffman", "stream": 0, "message": message} | fields


def test_messages_arrive_and_are_accounted_for(tmp_path: Path):
    long = "The quick brown fox jumps over the lazy dog. " * 4
    with running(link(), tmp_path, "--record", str(tmp_path / "capture")) as started:
        (one, arrays), (split, _), (small, _), (empty, _), (trouble, _), (nonsense, _) = started.send(
            request(0, want_arrays=True, snr_db=20.0),
            request(1, long),
            request(2, match="fives", stream=1),
            request(3, ""),
            request(4, "!fail", codec="fives"),
            {"text": 5},
        )
    assert (one.status, one.text, one.intact, one.lost_fragments) == ("decoded", TEXT, True, [])
    assert (one.codec, one.stream, one.message, one.fragments) == ("huffman", 0, 0, 1)
    assert one.payload_symbols == len(arrays["symbols"]) == len(arrays["noise_variance"])
    assert one.mean_symbol_energy == pytest.approx(1.0)
    rows, carriers = arrays["frequency_response"].shape
    assert carriers == 52
    assert one.air_samples == rows * 80
    assert one.overhead_symbols == rows * carriers - one.payload_symbols
    assert one.snr_db_estimated == pytest.approx(20.0, abs=2.0)
    assert one.latency_ms.air == pytest.approx(one.air_samples / 1e3)
    assert one.latency_ms.total > one.latency_ms.decode >= 0
    assert (split.text, split.intact) == (long, True)
    assert split.fragments == -(-split.payload_symbols // 64) > 3
    assert small.status == "does_not_fit"
    assert "do not fit 5 symbols" in small.reason
    assert (trouble.status, trouble.reason) == ("failed", "RuntimeError: the model broke")
    assert empty.status == nonsense.status == "refused"
    assert "text" in nonsense.reason

    marks = [json.loads(line) for line in (tmp_path / "capture.frames.jsonl").read_text().splitlines()]
    assert len([mark for mark in marks if mark["fragment"] < 256]) == one.fragments + split.fragments
    assert (tmp_path / "capture").stat().st_size == 8 * sum(mark["length"] for mark in marks)


def test_what_is_not_received_is_lost_and_needs_no_timeout(tmp_path: Path):
    with running(link(load_channel("noise_only")), tmp_path) as started:
        replies = [reply for reply, _ in started.send(*[request(message) for message in range(30)])]
    assert [reply.status for reply in replies] == ["lost"] * 30
    assert all(reply.lost_fragments == [0] and reply.snr_db_estimated is None for reply in replies)
    assert all(reply.air_samples > 0 for reply in replies)


def recording(file: Path) -> dict[tuple[int, int], set[bytes]]:
    """The recorded samples of each frame, by message and fragment; more than one set of them where they differ."""
    samples, frames = np.fromfile(file, np.complex64), defaultdict(set)
    for line in file.with_name(file.name + ".frames.jsonl").read_text().splitlines():
        mark = json.loads(line)
        if mark["fragment"] < 256:
            part = samples[mark["start"] : mark["start"] + mark["length"]]
            frames[mark["message"], mark["fragment"]].add(part.tobytes())
    return dict(frames)


def lasting(reply: RadioReply) -> dict:
    """All but the times and the count of what was remembered: memory that is kept in no file dies with its worker."""
    passing = {"latency_ms", "remembered"}
    return reply.model_dump(exclude={**dict.fromkeys(passing, True), "followers": {"__all__": passing}})


def test_every_message_is_answered_whoever_is_killed_and_gets_the_same_channel(tmp_path: Path):
    phy = PhyConfig(max_frame_symbols=256, messages_per_frame=4)
    config = link(load_channel("rayleigh"), phy, snr_db=(12.0,))
    texts = [f"message {message} of these" for message in range(24)]
    texts[9] = ""  # it cannot be sent
    requests = [request(message, texts[message], want_arrays=True) for message in (*range(8), *range(20, 24))]
    for first in (8, 12, 16):
        followers = texts[first + 1 : first + 4]
        requests.insert(first // 2, request(first, texts[first], followers=followers, want_arrays=True))
    with running(config, tmp_path, "--record", str(tmp_path / "calm")) as started:
        calm = started.send(*requests)
    with running(config, tmp_path, "--record", str(tmp_path / "disturbed")) as started:
        victims = {3: started.encoder, 6: started.decoder, 9: started.radio}
        disturbed = started.send(*requests, disturb=victims)
        # All may have been answered before the last victim was missed.
        while (restarts := [process.restarts for process in victims.values()]) != [1, 1, 1]:
            assert max(restarts) <= 1
            time.sleep(0.05)
            for process in started.processes:
                process.check()
    for (one, arrays), (other, other_arrays) in zip(calm, disturbed, strict=True):
        assert lasting(one) == lasting(other)
        assert arrays.keys() == other_arrays.keys()
        for name in arrays:
            assert arrays[name].tobytes() == other_arrays[name].tobytes()
    replies = {one.message: one for reply, _ in calm for one in (reply, *reply.followers)}
    assert sorted(replies) == list(range(24)) and replies[9].status == "refused"
    assert sum(one.status == "decoded" for one in replies.values()) > 16
    alone, shared = (sum(replies[message].air_samples for message in range(first, first + 4)) for first in (0, 12))
    assert shared < 0.6 * alone
    frames = recording(tmp_path / "calm")
    assert sorted(message for message, _ in frames) == [*range(9), 10, 12, 16, *range(20, 24)]
    assert frames == recording(tmp_path / "disturbed")


def test_a_decoder_that_decodes_with_its_memory_is_killed_and_hears_what_one_does_that_was_not(tmp_path: Path):
    requests = [request(message, f"message {message}", codec="gossip") for message in range(24)]
    heard = []
    for name in ("calm", "disturbed"):
        memory = MemoryConfig(entries=64, file=tmp_path / f"{name}.sqlite", decode_with=16)
        codec = CodecConfig(names=("gossip",))
        with running(link(snr_db=(40.0,)).model_copy(update={"memory": memory, "codec": codec}), tmp_path) as started:
            victims = dict.fromkeys((5, 12), started.decoder) if name == "disturbed" else {}
            replies = started.send(*requests, disturb=victims)
        heard.append([(reply.status, reply.text) for reply, _ in replies])
    assert heard[0] == heard[1]
    assert " 16 " in heard[0][23][1]  # it knew so many when the last one came


SEED, SNR_DB, SECRET = 987654321, 17.123, "Nobody but the sender knows."


def truths() -> list[bytes]:
    """The truth in every form in which a process could be told: as text, and as a number's bytes in either order."""
    ratios = 10 ** (SNR_DB / 10), 10 ** (-SNR_DB / 10)  # the latter is the noise's variance
    forms = [str(SEED), str(SNR_DB), *map(str, ratios), SECRET]
    packed = [struct.pack(order + kind, SEED) for order in "<>" for kind in "iqfd"]
    packed += [struct.pack(order + kind, number) for order in "<>" for kind in "fd" for number in (SNR_DB, *ratios)]
    return [*(form.encode() for form in forms), SECRET.encode("utf-16-le"), *packed]


def test_no_truth_reaches_the_receiving_side(tmp_path: Path):
    config, told = link(load_channel("awgn"), snr_db=(SNR_DB,), seed=SEED), []
    # What is looked for can be found: the radio process, which simulates the channel, is told.
    assert [truth for truth in truths() if truth in config.model_dump_json().encode()] == [b"987654321", b"17.123"]

    started = Link(config, tmp_path)
    with started.decoder:
        while not (tmp_path / "decoder").exists():
            started.decoder.check()
            time.sleep(0.05)
        process_files = Path(f"/proc/{started.decoder.pid}")
        told += [(process_files / name).read_bytes() for name in ("cmdline", "environ")]
        told.append((tmp_path / "decoder.json").read_bytes())

    in_its_place = ReplyServer(ipc_endpoint(tmp_path, "decoder"), config.transport)
    with in_its_place, started.encoder, started.radio, started.client:
        waiting, replies = [request(message, SECRET, snr_db=SNR_DB) for message in range(3)], []
        while len(replies) < 3:
            started.radio.check()
            while waiting and started.client.submit(waiting[0]["message"], Packet("transmit", waiting[0])):
                waiting.pop(0)
            for asked in in_its_place.poll(0.05):
                told.append(pack(asked.packet))
                assert isinstance(from_packet(asked.packet), ReceivedMessage)
                in_its_place.reply(asked, to_packet(DecodeReply(Decoded("Whatever.", 1.0, True), 0.0)))
            replies += [read(reply.packet, RadioReply) for reply in started.client.poll(0.05)]
    assert [reply.text for reply in replies] == ["Whatever."] * 3
    assert len(told) == 3 + 3
    assert not [truth for data in told for truth in truths() if truth in data]


def process(*arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "semcom_flowgraphs.loopback", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def arguments(directory: Path) -> list[str]:
    file = directory / "link.json"
    file.write_text(link().model_dump_json())
    workers = ["--encoder", f"ipc://{directory}/encoder", "--decoder", f"ipc://{directory}/decoder"]
    return ["--endpoint", f"ipc://{directory}/radio", "--config", str(file), *workers]


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "stdin"])
def test_it_ends_when_told_and_when_its_parent_is_gone(tmp_path: Path, end: str):
    with process(*arguments(tmp_path)) as radio:
        while not (tmp_path / "radio").exists():
            time.sleep(0.05)
        radio.stdin.close() if end == "stdin" else radio.send_signal(getattr(signal, end))
        assert radio.wait(20) == 0


def test_an_endpoint_in_use_is_one_sentence(tmp_path: Path):
    with process(*arguments(tmp_path)) as first:
        while not (tmp_path / "radio").exists():
            time.sleep(0.05)
        with process(*arguments(tmp_path)) as second:
            errors = second.stderr.read()
        first.send_signal(signal.SIGTERM)
    assert second.returncode == 2
    assert len(errors.splitlines()) == 1
    assert "in use" in errors


def test_no_gnu_radio_is_one_sentence(tmp_path: Path):
    (tmp_path / "gnuradio.py").write_text("raise ImportError('numpy 2 is too new')")
    with process("--help", env=os.environ | {"PYTHONPATH": str(tmp_path)}) as radio:
        _, errors = radio.communicate()
    assert radio.returncode == 2
    assert len(errors.splitlines()) == 1
    assert "GNU Radio cannot be imported (numpy 2 is too new)" in errors


def test_a_configuration_that_cannot_work_is_one_sentence(tmp_path: Path):
    file = tmp_path / "link.json"
    for content, word in (("{", "JSON"), ('{"phy": {"used_carriers": 51}}', "even")):
        file.write_text(content)
        with process("--endpoint", f"ipc://{tmp_path}/radio", "--config", str(file)) as radio:
            _, errors = radio.communicate()
        assert radio.returncode == 2
        assert len(errors.splitlines()) == 1
        assert word in errors


def test_the_radio_process_loads_no_torch():
    code = "import sys, semcom_flowgraphs.loopback; sys.exit(bool({'torch', 'transformers'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], check=True)
