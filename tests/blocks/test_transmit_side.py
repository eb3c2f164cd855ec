"""From texts to bursts on a radio, and what became of each, for whatever the radio says."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from radio_bench import Server, gr, wait_until
from scripted_radio import ScriptedRadio
from semcom_blocks import pdu
from semcom_flowgraphs.transmit_side import TransmitSide

from semcom_ota.config import CodecConfig, ConfigError, LinkConfig, PhyConfig
from semcom_ota.phy.numerology import Numerology
from semcom_ota.radio.health import Health
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.radio_config import BurstConfig, LoopbackRadio
from semcom_ota.services.encoder import EncoderService
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.radio import TransmitReply

pytestmark = pytest.mark.timeout(60)
LONG = "The quick brown fox jumps over the lazy dog. " * 2


def link(messages_per_frame: int = 1) -> LinkConfig:
    return LinkConfig(
        codec=CodecConfig(names=("huffman", "utf8")),
        phy=PhyConfig(max_frame_symbols=64 * messages_per_frame, messages_per_frame=messages_per_frame),
        radio=LoopbackRadio(bursts=BurstConfig(lead_ms=20, gap_ms=1, padding_samples=100)),
    )


class Bench:
    """A transmit side in front of a scripted radio."""

    def __init__(self, config: LinkConfig, endpoint: str, script: tuple[str, ...]):
        self.config, self.top, self.radio = config, gr.top_block(), ScriptedRadio(*script)
        self.side = TransmitSide(self.top, self.radio, config, endpoint)
        self.replies: dict[int, TransmitReply] = {}

    def submit(self, *texts: str, first: int = 0, **fields: object) -> None:
        for message, text in enumerate(texts, first):
            request = pdu.TextRequest(text, "utf8", 3, message, **fields)
            assert self.side.desk.submit(self.side.desk.passage("token", request, False))

    def finish(self, count: int) -> list[TransmitReply]:
        """Wait for so many replies; in order of message."""
        numerology = Numerology(self.config.phy)
        while len(self.replies) < count:
            self.side.watch()
            for (passage,) in self.side.desk.finished():
                assert passage.token == "token"
                reply = TransmitReply.model_validate(self.side.desk.account(passage, numerology))
                assert reply.message not in self.replies
                self.replies[reply.message] = reply
            time.sleep(0.002)
        assert not self.side.desk.busy
        return [self.replies[message] for message in sorted(self.replies)]


@contextmanager
def running(tmp_path: Path, *script: str, config: LinkConfig | None = None) -> Iterator[Bench]:
    config = config or link()
    endpoint = ipc_endpoint(tmp_path, "encoder")
    with Server(endpoint, config.transport, EncoderService(config.transmitter)):
        bench = Bench(config, endpoint, script)
        bench.top.start()
        wait_until(lambda: bench.side.ready)
        yield bench
        bench.top.stop()
        bench.top.wait()


def test_each_message_leaves_with_what_became_of_its_bursts(tmp_path: Path):
    script = ("acknowledged", "late", "underflow", "underflow acknowledged", "sequence_error", "unacknowledged")
    with running(tmp_path, *script) as bench:
        bench.submit("one", "two", "three", "four", "five", "six", "", "eight")
        replies = bench.finish(8)
        health = bench.side.health
    assert [reply.status for reply in replies] == [
        "acknowledged", "late", "underflow", "underflow", "failed", "unacknowledged", "refused", "acknowledged"
    ]  # fmt: skip
    sent = [*replies[:6], replies[7]]
    assert [reply.bursts[0].fate for reply in sent] == [
        "acknowledged", "late", "underflow", "underflow", "sequence_error", "unacknowledged", "acknowledged"
    ]  # fmt: skip
    assert health == Health(acknowledged=2, late=1, underflows=2, sequence_errors=1)
    assert replies[7].health["late"] == 1
    assert "raise bursts.lead_ms" in replies[1].reason
    assert replies[0].reason == replies[7].reason == ""
    assert all(reply.reason for reply in replies[1:7])

    assert len(bench.radio.device.bursts) == 7
    for reply, burst in zip(sent, bench.radio.device.bursts, strict=True):
        assert len(reply.bursts) == 1
        assert reply.bursts[0].samples == burst["packet_len"] == len(burst["samples"]) == reply.air_samples + 200
        assert reply.bursts[0].tx_time == burst["tx_time"]
        assert (burst["frame"]["stream"], burst["frame"]["message"]) == (3, reply.message)
        assert reply.mean_symbol_energy == pytest.approx(1.0)
        assert reply.overhead_symbols + reply.payload_symbols == reply.air_samples // 80 * 52


def test_a_message_of_several_frames_is_as_good_as_its_worst_burst(tmp_path: Path):
    with running(tmp_path, "acknowledged", "late", "acknowledged") as bench:
        bench.submit(LONG)
        (reply,) = bench.finish(1)
    assert len(reply.bursts) > 3
    assert reply.status == "late"
    assert reply.reason.startswith(f"1 of {len(reply.bursts)} bursts")
    assert [burst.fragment for burst in reply.bursts] == list(range(len(reply.bursts)))
    times = [TimeSpec(*burst.tx_time) for burst in reply.bursts]
    for burst, time_of, next_time in zip(reply.bursts, times, times[1:], strict=False):
        assert next_time.since(time_of) >= burst.samples / 1e6 + 0.001 - 1e-9


def test_messages_that_wait_share_a_burst_and_its_fate(tmp_path: Path):
    script = ["late", "acknowledged"] * 20
    with running(tmp_path, *script, config=link(messages_per_frame=4)) as bench:
        bench.radio.stopped_at = TimeSpec(5, 0.25)
        bench.submit(*[f"message {message}" for message in range(40)])
        wait_until(lambda: all(passage.encoded for passage in list(bench.side.desk._passages.values())))
        bench.radio.stopped_at = None
        replies = bench.finish(40)
    bursts = {burst.tx_time: burst for reply in replies for burst in reply.bursts}
    assert len(bursts) == len(bench.radio.device.bursts) < 40
    for reply in replies:
        assert [reply.status] == [burst.fate for burst in reply.bursts]
    for tx_time, burst in bursts.items():
        sharing = [reply for reply in replies if reply.bursts[0].tx_time == tx_time]
        assert sum(reply.air_samples for reply in sharing) == burst.samples - 200
    assert {reply.status for reply in replies} == {"late", "acknowledged"}


def test_little_is_modulated_ahead_of_a_radio_that_takes_its_time(tmp_path: Path):
    with running(tmp_path) as bench:
        bench.radio.stopped_at = TimeSpec(5, 0.25)
        bench.submit(*[f"message {message}" for message in range(200)])
        device, desk = bench.radio.device, bench.side.desk
        wait_until(lambda: len(device.bursts) > 0)

        def modulated() -> int:
            return sum(bool(passage.sent) for passage in list(desk._passages.values()))

        before = -1
        while modulated() != before or not before:
            before = modulated()
            time.sleep(0.1)
        ends = [TimeSpec(*burst["tx_time"]).after(burst["packet_len"] / 1e6) for burst in device.bursts]
        assert 2 <= len(ends) <= 16  # 40 ms of bursts of more than 2.5 ms, and the one beyond
        assert before <= len(ends) + 4
        bench.radio.stopped_at = None
        replies = bench.finish(200)
    assert {reply.status for reply in replies} == {"acknowledged"}


def test_a_radio_that_is_gone_is_an_error(tmp_path: Path):
    with running(tmp_path) as bench:
        bench.radio.gone = True
        with pytest.raises(ConfigError, match="plug it in"):
            bench.finish(1)
