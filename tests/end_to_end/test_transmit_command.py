"""`semcom tx` as a user runs it: real processes, and the recording of what it transmitted."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import LinkConfig, load_link
from semcom_ota.phy.receiver import Receiver
from semcom_ota.radio.settings import RadioSettings
from semcom_ota.radio.time_spec import TimeSpec

pytestmark = pytest.mark.timeout(120)
SEMCOM = [sys.executable, "-m", "semcom_ota.cli"]
TEXTS = ["A man rides a bicycle.", "Two dogs run over the green grass.", "A boy in a red shirt jumps into a pool. " * 6]


def semcom(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SEMCOM, *map(str, arguments)], capture_output=True, text=True, timeout=100, **options)


def link_file(folder: Path, text: str) -> Path:
    file = folder / "link.yml"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LinkConfig, str]:
    """Three texts, one of them in several frames, with two codecs, twice, onto a recording; also by a busy machine."""
    folder = tmp_path_factory.mktemp("tx")
    file = link_file(
        folder,
        f"phy: {{preset: indoor, max_frame_symbols: 128}}\n"
        f"radio: {{kind: file, transmit: {folder}/sent.sigmf-meta, bursts: {{peak: 0.3, gap_ms: 2, lead_ms: 500}}}}\n",
    )
    texts = [argument for text in TEXTS for argument in ("--text", text)]
    options = ("--codec", "huffman,utf8", "--repeat", 2, "--out", folder / "run", "--json", folder / "out.json")
    done = semcom("tx", file, *texts, *options)
    assert done.returncode == 0, done.stderr
    return folder, load_link(file), done.stdout


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "run" / "messages.jsonl").read_text().splitlines()]


def test_every_message_is_acknowledged_and_accounted_for(finished: tuple[Path, LinkConfig, str]):
    folder, _, said = finished
    rows = rows_of(folder)
    assert [(row["message"], row["stream"]) for row in rows] == [(m, s) for m in range(6) for s in (0, 1)]
    assert [row["sent"] for row in rows] == [text for text in TEXTS * 2 for _ in range(2)]
    assert {row["status"] for row in rows} == {"acknowledged"}
    for row in rows:
        assert row["air_samples"] == sum(burst["samples"] - 512 for burst in row["bursts"])
        assert [burst["fragment"] for burst in row["bursts"]] == list(range(len(row["bursts"])))
    assert max(len(row["bursts"]) for row in rows) > 1
    assert all(first["payload_symbols"] == second["payload_symbols"] for first, second in zip(rows[::2], rows[1::2]))  # noqa: B905
    assert rows[-1]["health"]["acknowledged"] == sum(len(row["bursts"]) for row in rows)

    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert summary == json.loads((folder / "out.json").read_text())
    assert summary["run"]["level"] == "recording"
    settings = RadioSettings.model_validate_json((folder / "run" / "radio.json").read_text())
    assert settings.transmitter.sample_rate == 1e6
    assert (folder / "run" / "events.jsonl").read_text() == ""
    for words in ("sent.sigmf-meta", "acknowledged", "limited samples"):
        assert words in said


def test_what_is_on_the_air_is_what_was_said_to_be(finished: tuple[Path, LinkConfig, str]):
    folder, link, _ = finished
    samples = np.fromfile(folder / "sent.sigmf-data", np.complex64)
    bursts = sorted((burst for row in rows_of(folder) for burst in row["bursts"]), key=lambda burst: burst["tx_time"])
    silent, end = np.ones(len(samples), bool), 0
    for burst in bursts:
        start = round(float(TimeSpec(*burst["tx_time"])) * 1e6)
        assert start - end >= 2000
        end = start + burst["samples"]
        frame = samples[start + 256 : end - 256]
        assert np.sqrt(np.mean(np.abs(frame) ** 2)) == pytest.approx(0.15, rel=0.1)
        silent[start + 256 : end - 256] = False
        at_peak = np.count_nonzero(np.abs(frame) > 0.3 * 0.999999)
        assert 0 <= at_peak - burst["limited"] <= 1  # one may be as high by itself, to the last bit of a float
    assert not samples[silent].any()
    assert np.abs(samples).max() <= 0.3 * 1.00001
    assert sum(burst["limited"] for burst in bursts) > 0

    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, len(samples) + 10_000)) * 0.15 / 30
    received = Receiver(link.phy).process(
        (np.pad(samples, (0, 10_000)) + noise[0] + 1j * noise[1]).astype(np.complex64)
    )
    sent = [(row["message"], row["stream"], burst["fragment"]) for row in rows_of(folder) for burst in row["bursts"]]
    assert [(f.header.message, f.header.stream, f.header.fragment) for f in received] == sent


def refusal(folder: Path, monkeypatch: pytest.MonkeyPatch, radio: str, *options: str) -> str:
    """The sentence with which a run is refused in this very process, with nothing begun."""
    monkeypatch.chdir(folder)
    file = link_file(folder, f"radio: {radio}")
    ended = CliRunner().invoke(app, ["tx", str(file), *options])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert list(folder.iterdir()) == [file]
    (sentence,) = ended.stderr.splitlines()
    return sentence


def test_a_device_transmits_with_permission_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sentence = refusal(tmp_path, monkeypatch, "{kind: uhd}", "--text", "Hi.")
    for word in ("--transmit", "attenuators", "least gain", "licence"):
        assert word in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--codec", "morse", "--text", "Hi."), "unknown codec 'morse'"),
        ((), "nothing to send"),
        (("--text", "Hi.", "--device", "A"), "--device is for a link with a tuned radio"),
        (("--text", "Hi.", "--repeat", "65537"), "send fewer"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], words: str
):
    radio = "{kind: file, transmit: sent.sigmf-meta}"
    assert words in refusal(tmp_path, monkeypatch, radio, *options)


def test_ctrl_c_ends_it_in_order_and_keeps_what_was_sent(tmp_path: Path):
    file = link_file(tmp_path, f"radio: {{kind: file, transmit: {tmp_path}/sent.sigmf-meta}}")
    options = [
        "--text",
        "Hi.",
        "--codec",
        "utf8",
        "--repeat",
        "60000",
        "--every",
        "0.05",
        "--out",
        str(tmp_path / "run"),
    ]
    with subprocess.Popen([*SEMCOM, "tx", str(file), *options], stderr=subprocess.PIPE, text=True) as run:
        rows = tmp_path / "run" / "messages.jsonl"
        while not rows.exists() or len(rows.read_text().splitlines()) < 3:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=30) == 130
        assert "Traceback" not in run.stderr.read()
    kept = [json.loads(line) for line in rows.read_text().splitlines()]
    assert [row["message"] for row in kept] == list(range(len(kept)))
    (point,) = json.loads((tmp_path / "run" / "summary.json").read_text())["points"]
    assert point["messages"] == point["acknowledged"] == len(kept) < 60000


def test_the_radio_process_loads_no_torch_and_ends_with_its_parent(tmp_path: Path):
    code = "import sys; from semcom_flowgraphs.tx import main; print(sorted({'torch', 'zmq'} & sys.modules.keys()), "
    code += "flush=True); main()"
    file = link_file(tmp_path, f"radio: {{kind: file, transmit: {tmp_path}/sent.sigmf-meta}}")
    (tmp_path / "link.json").write_text(load_link(file).model_dump_json())
    command = [sys.executable, "-c", code, "--endpoint", f"ipc://{tmp_path}/radio"]
    command += ["--config", str(tmp_path / "link.json"), "--encoder", f"ipc://{tmp_path}/encoder"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as radio:
        assert radio.stdout.readline() == "['zmq']\n"
        while not (tmp_path / "radio").exists():
            time.sleep(0.05)
        radio.stdin.close()
        assert radio.wait(20) == 0
