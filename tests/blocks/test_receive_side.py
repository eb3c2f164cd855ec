"""The receive side behind a made-up radio: what it writes down, and what it does when something cannot follow."""

import json
import time
from pathlib import Path

import numpy as np
import pmt
import pytest
from radio_bench import Chopper, Server, gr, wait_until
from semcom_flowgraphs import receive_side
from semcom_flowgraphs.receive_side import ReceiveSide

from semcom_ota.codecs.conventional import Utf8
from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig, LinkConfig, PhyConfig
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.radio.health import Health
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.recording.frame_log import read_log
from semcom_ota.services.decoder import DecoderService
from semcom_ota.services.encoder import to_frames
from semcom_ota.transport.endpoint import ipc_endpoint

pytestmark = pytest.mark.timeout(120)
LINK = LinkConfig(codec=CodecConfig(names=("utf8",)), phy=PhyConfig(max_frame_symbols=400))
CODEC = Utf8(LINK.codec, DeviceConfig())
GAP = np.zeros(500, np.complex64)
TEXTS = [f"Message {number}." for number in range(30)]
FIRST_TIME = 7_000_000  # microseconds, which are samples


class MadeUpRadio(Chopper):
    """Samples with a gap, and a gain that is only noted."""

    def __init__(self, samples: np.ndarray, waits: bool = True, gap: tuple[int, int] = (0, 0), gain_db: float = 30.0):
        super().__init__(samples, {}, 1)
        port = PortSettings(device="made up", sample_rate=1e6, gain_db=gain_db, gain_range_db=(0.0, 60.0))
        self.settings = RadioSettings(kind="uhd", level="flowgraph", waits=waits, receiver=port)
        self.total_samples = len(samples)
        self.gap, self.gains, self.gone = gap, [], False

    def work(self, inputs, outputs):
        before = self.position
        if before == len(self.samples):
            time.sleep(0.001)
            return 0
        count = super().work(inputs, outputs)
        for offset, lost in ((0, 0), self.gap):
            if before <= offset < before + count:
                seconds, rest = divmod(FIRST_TIME + offset + lost, 10**6)
                value = pmt.make_tuple(pmt.from_uint64(seconds), pmt.from_double(rest / 1e6))
                self.add_item_tag(0, offset, pmt.intern("rx_time"), value)
        return count

    def watch(self) -> None:
        if self.gone:
            raise ConfigError("the device is gone: plug it in")

    def set_rx_gain(self, gain_db: float) -> float:
        self.gains.append(float(round(gain_db)))
        return self.gains[-1]


class Slow(DecoderService):
    def answer(self, packet):
        time.sleep(0.01)
        return super().answer(packet)


def on_air(texts: list[str]) -> np.ndarray:
    transmitter, parts = Transmitter(LINK.phy), [GAP]
    for message, text in enumerate(texts):
        frames = to_frames(CODEC.encode(text), CODEC.number, 0, message, LINK.phy.max_frame_symbols)
        parts += [part for frame in frames for part in (transmitter.modulate(frame), GAP)]
    samples = 0.1 * np.concatenate(parts)
    noise = np.random.default_rng(1).normal(scale=0.001, size=(2, len(samples)))
    return (samples + noise[0] + 1j * noise[1]).astype(np.complex64)


def receive(tmp_path: Path, radio: MadeUpRadio, decoder=DecoderService, link=LINK, watch_s: float = 0.0):
    """The lines that are written while all of the radio's samples are received, and the side itself."""
    endpoint = ipc_endpoint(tmp_path, "decoder")
    with Server(endpoint, link.transport, decoder(link.receiver)), (tmp_path / "results").open("w") as lines:
        top = gr.top_block()
        side = ReceiveSide(top, radio, link, tmp_path / "frames", lines, endpoint, tmp_path / "recorded")
        top.start()
        wait_until(lambda: (side.watch(), side.over)[1])
        until = time.monotonic() + watch_s
        wait_until(lambda: (side.watch(), time.monotonic() > until)[1])
        side.finish()
        top.stop()
        top.wait()
    return [json.loads(line) for line in (tmp_path / "results").read_text().splitlines()], side


def test_what_is_written_down(tmp_path: Path):
    samples = on_air([*TEXTS[:10], "A long one. " * 40])
    frames = Receiver(LINK.phy).process(samples)
    gap = frames[5].stop_sample - 40  # behind its header
    radio = MadeUpRadio(samples, gap=(gap, 3000))
    lines, side = receive(tmp_path, radio)
    assert lines[0] == {"radio": radio.settings.model_dump(mode="json"), "recorded": 0}

    (event,) = (line["event"] for line in lines if "event" in line)
    (cut,) = event.pop("cut")
    assert (cut["message"], cut["start"]) == (5, frames[5].start_sample)
    assert event == {"kind": "overflow", "sample": gap, "at_s": (gap + 3000) / 1e6, "lost_samples": 3000}
    results = sorted((line["result"] for line in lines if "result" in line), key=lambda result: result["message"])
    received = [result["message"] for result in results]
    assert received == [number for number in range(11) if number != 5]
    assert [result["text"] for result in results[:-1]] == [TEXTS[number] for number in received[:-1]]
    assert [result["lost_samples"] for result in results] == [3000 * (n == 6) for n in received]
    for result in results:
        behind = result["start_sample"] >= gap
        assert result["received_s"] == pytest.approx((result["start_sample"] + 3000 * behind) / 1e6)
        assert Health(**result["health"]).lost_samples == 3000 or not behind
    assert side.health == Health(overflows=1, lost_samples=3000)

    look = lines[-1]
    assert look["health"] == side.health.as_dict() and look["gain_db"] == 30.0
    assert look["at_s"] == pytest.approx((len(samples) + 3000) / 1e6)
    assert side.frame_rx.snr_db == look["snr_db"] > 20
    assert np.array_equal(np.fromfile(tmp_path / "recorded", np.complex64), samples)
    assert len(list(read_log(tmp_path / "frames"))) == side.frame_rx.frames


@pytest.mark.parametrize("waits", [True, False])
def test_a_slow_decoder_holds_a_file_back_and_costs_a_device_whole_frames(waits: bool, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(receive_side, "BACKLOG", 3)
    lines, side = receive(tmp_path, MadeUpRadio(on_air(TEXTS), waits), Slow)
    received = [line["result"]["message"] for line in lines if "result" in line]
    dropped = [line["event"]["dropped"][0]["message"] for line in lines if "event" in line]
    assert sorted(received + dropped) == list(range(len(TEXTS)))
    assert side.health.dropped_frames == len(dropped)
    assert not dropped if waits else dropped


def test_the_gain_follows_and_is_told(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(receive_side, "LOOK_S", 0.0)
    link = LinkConfig.model_validate({"radio": {"kind": "uhd", "receiver": {"automatic_gain": True}}})
    noise = np.random.default_rng(1).normal(scale=2.0, size=(200_000, 2)).clip(-1, 1).astype(np.float32)
    radio = MadeUpRadio(noise.view(np.complex64)[:, 0])
    lines, side = receive(tmp_path, radio, link=link.model_copy(update={"codec": LINK.codec}))
    events = [line["event"] for line in lines if "event" in line]
    assert radio.gains and [event["gain_db"] for event in events] == radio.gains
    assert {event["kind"] for event in events} == {"gain"} and radio.gains[0] == 10.0
    assert side.health.clipped_samples > 50_000
    assert lines[-1]["gain_db"] == radio.gains[-1]


def test_the_level_is_told_twice_a_second(tmp_path: Path):
    tone = 0.5 * np.exp(2j * np.pi * 0.01 * np.arange(50_000)).astype(np.complex64)
    lines, _ = receive(tmp_path, MadeUpRadio(tone), watch_s=1.2)
    looks = [line for line in lines if "health" in line]
    heard = [look for look in looks if look["level_dbfs"] is not None]
    assert heard and len(looks) >= 3  # two, and the last one
    assert heard[0]["level_dbfs"] == pytest.approx(-6.02, abs=0.01) and heard[0]["snr_db"] is None


def test_a_device_that_is_gone_is_said(tmp_path: Path):
    radio = MadeUpRadio(on_air(TEXTS[:1]))
    radio.gone = True
    with (tmp_path / "results").open("w") as lines:
        side = ReceiveSide(gr.top_block(), radio, LINK, tmp_path / "frames", lines)
        with pytest.raises(ConfigError, match="plug it in"):
            side.watch()


def test_a_full_disk_and_a_folder_that_cannot_be_made_are_said(tmp_path: Path, monkeypatch):
    radio = MadeUpRadio(on_air(TEXTS[:1]))
    with (tmp_path / "results").open("w") as lines:
        with pytest.raises(ConfigError, match="choose another --out"):
            ReceiveSide(gr.top_block(), radio, LINK, tmp_path / "results" / "run" / "frames", lines)
        side = ReceiveSide(gr.top_block(), radio, LINK, tmp_path / "frames", lines, record=tmp_path / "recorded")
        side.watch()
        monkeypatch.setattr(receive_side, "LOOK_S", 0.0)
        monkeypatch.setattr(receive_side, "LEAST_FREE_BYTES", 2**80)
        with pytest.raises(ConfigError, match="make room"):
            side.watch()


def test_what_clips_behind_the_last_look_is_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(receive_side, "LOOK_S", float("inf"))
    clipped = np.full(700, 1 + 1j, np.complex64)
    lines, side = receive(tmp_path, MadeUpRadio(np.concatenate([clipped, on_air(TEXTS[:2])])))
    assert side.health.clipped_samples == lines[-1]["health"]["clipped_samples"] == 700
    assert lines[-1]["peak_dbfs"] == 0


def test_a_recording_is_whole_before_the_flowgraph_is_stopped(tmp_path: Path):
    """As it must be for a process that is ended by a signal."""
    samples, record = on_air(TEXTS[:1])[:-1], tmp_path / "recorded"
    assert samples.nbytes % 4096  # a buffer of the C library
    endpoint = ipc_endpoint(tmp_path, "decoder")
    with Server(endpoint, LINK.transport, DecoderService(LINK.receiver)), (tmp_path / "results").open("w") as lines:
        top = gr.top_block()
        side = ReceiveSide(top, MadeUpRadio(samples), LINK, tmp_path / "frames", lines, endpoint, record)
        top.start()
        deadline = time.monotonic() + 10
        wait_until(lambda: record.stat().st_size == samples.nbytes or time.monotonic() > deadline)
        written = np.fromfile(record, np.complex64)
        side.finish()
        top.stop()
        top.wait()
    assert np.array_equal(written, samples)
