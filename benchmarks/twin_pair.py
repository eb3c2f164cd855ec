"""Two software USRPs, two processes, free-running clocks, a script of faults: is every one of them accounted for?

    python benchmarks/twin_pair.py [--sentences 1000] [--snr 10] [--seed 0] [--data DIR] [--out DIR] [--json FILE]
    python benchmarks/twin_pair.py --no-faults --phy wide5 --codec text-jscc --sentences 600 --every 0.1

A lab with two devices of +-2.5 ppm that drift, `semcom rx` on one and `semcom tx` on the other, at 2.4 GHz. The lab's
log is the truth (semcom_ota/experiments/twin_account.py). Every sentence is sent with every codec. Exit status 1 if a
fault is not accounted for, or fewer arrived than asked for. What a busy machine does besides is listed, and no excuse.
The second line: a minute at 5 MS/s in real time, and no overflow that we cause; the devices overflow if nobody reads.
"""

import argparse
import contextlib
import json
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import run_folder
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.experiments.twin_account import TwinAccount, account
from semcom_ota.training.corpus import load_test_captions
from semcom_ota.twin.lab_config import LabConfig, LabDevice
from semcom_ota.twin.link_budget import link_loss_db

SEMCOM = [sys.executable, "-m", "semcom_ota.cli"]
CHECKED = frozenset({"utf8", "huffman", "text-jscc"})
TX_GAIN_DB, RX_GAIN_DB, CARRIER_HZ = 60.0, 40.0, 2.4e9
LEAD_MS = 50.0
ASKED = 0.995
START_S, WAIT_S = 120.0, 0.1


def lab(link: LinkConfig, snr_db: float, seed: int, faults: dict[str, Any] | None) -> LabConfig:
    """Two devices at opposite ends of their tolerance, and a path that makes this SNR."""
    ends = [
        LabDevice(oscillator_ppm=ppm, drift_ppm=0.4, drift_period_s=period) for ppm, period in ((2.1, 60), (-2.1, 45))
    ]
    loss_db = link_loss_db(
        link.phy, snr_db=snr_db, rms=link.radio.bursts.rms, tx_gain_db=TX_GAIN_DB, rx_gain_db=RX_GAIN_DB,
        transmitter=ends[0], receiver=ends[1],
    )  # fmt: skip
    return LabConfig.model_validate({
        "seed": seed,
        "devices": {"A": ends[0], "B": ends[1]},
        "paths": [{"from": "A", "to": "B", "loss_db": loss_db}],
        "random_faults": faults and {"seed": seed, "transmitter": "A", "receiver": "B"} | faults,
    })  # fmt: skip


def link_of(phy: str) -> LinkConfig:
    """The same gains at both ends whatever is asked of the devices, so that the SNR is the one of the lab."""
    gains = {"transmitter": {"gain_db": TX_GAIN_DB}, "receiver": {"gain_db": RX_GAIN_DB}}
    radio = {"kind": "uhd", "frequency_hz": CARRIER_HZ, "bursts": {"lead_ms": LEAD_MS}, **gains}
    return LinkConfig.model_validate({"phy": phy, "radio": radio})


@contextlib.contextmanager
def running(arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command in a process of its own; ended as by Ctrl-C."""
    with log.open("wb") as said:
        process = subprocess.Popen(SEMCOM + arguments, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)


def wait_for(file: Path, holds: str, process: subprocess.Popen[bytes]) -> None:
    """Until a file holds these words."""
    until = time.monotonic() + START_S
    while not (file.exists() and holds in file.read_text()):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"'{holds}' is not in {file.name}: see the logs beside it")
        time.sleep(WAIT_S)


def rows(file: Path) -> list[dict[str, Any]]:
    """Of a file of JSON lines; none if it is not there."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def exchange(folder: Path, link: LinkConfig, lab_config: LabConfig, receive: list[str], transmit: list[str]) -> None:
    """Run lab, receiver and transmitter, each as a user would."""
    (folder / "lab.yml").write_text(lab_config.model_dump_json(by_alias=True), encoding="utf-8")
    (folder / "link.yml").write_text(link.model_dump_json(), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="semcom-lab-") as sockets, contextlib.ExitStack() as stack:
        address = f"type=twin,lab={sockets},serial="
        truth = folder / "truth.jsonl"
        devices = ["twin", str(folder / "lab.yml"), "--lab", sockets, "--log", str(truth)]
        process = stack.enter_context(running(devices, folder / "twin.log"))
        wait_for(truth, '"begun"', process)
        ends = {end: [str(folder / "link.yml"), "--out", str(folder / end), "--quiet"] for end in ("rx", "tx")}
        receiver = running(["rx", *ends["rx"], "--device", address + "B", *receive], folder / "rx.log")
        process = stack.enter_context(receiver)
        wait_for(truth, '"rx_started"', process)
        command = [*SEMCOM, "tx", *ends["tx"], "--device", address + "A", "--transmit", *transmit]
        with (folder / "tx.log").open("wb") as said:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        if done.returncode not in (0, 1):  # 1: messages were not sent, as the script has it
            raise SystemExit(f"semcom tx ended with status {done.returncode}: see tx.log in {folder}")
        time.sleep(2)  # what is in the air, and in the buffers


def held(folder: Path) -> TwinAccount:
    """The account of a run."""
    sent, received = rows(folder / "tx" / "messages.jsonl"), rows(folder / "rx" / "messages.jsonl")
    events = rows(folder / "rx" / "events.jsonl")
    return account(rows(folder / "truth.jsonl"), sent, received, events, "A", "B", CHECKED)


def in_time(folder: Path, link: LinkConfig) -> str:
    """How long samples were taken for, and whether frames were received all along."""
    times = [row["received_s"] for row in rows(folder / "rx" / "messages.jsonl")]
    if not times:
        return "nothing was received"
    truth = {row["kind"]: row["true_s"] for row in rows(folder / "truth.jsonl") if row["kind"].startswith("rx_")}
    seconds = Counter(int(time) for time in times)
    least = min(seconds[second] for second in range(int(min(times)) + 1, int(max(times))))
    return (
        f"{truth['rx_stopped'] - truth['rx_started']:.0f} s at {link.phy.sample_rate / 1e6:g} MS/s; messages for"
        f" {max(times) - min(times):.0f} s, at least {least} in every second of them"
    )


def main() -> None:
    """Run, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--codec", default="huffman,text-jscc", help="the first one sets the symbols")
    parser.add_argument("--phy", default="indoor")
    parser.add_argument("--snr", type=float, default=10.0, help="Es/N0 of a data subcarrier in dB")
    parser.add_argument("--every", type=float, default=0.04, help="seconds from one message to the next")
    parser.add_argument("--no-faults", action="store_true", help="nothing goes wrong but what we do wrong ourselves")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="folder of the data sets (docs/data.md): captions of Multi30k's test")
    parser.add_argument("--out", type=Path, help="keep all files there; by default a new folder below runs/")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()

    folder = run_folder.prepare(arguments.out or run_folder.default_folder())
    if arguments.data:
        texts = load_test_captions(arguments.data)[: arguments.sentences]
    else:
        shipped = read_lines(SENTENCES / "captions.txt") + read_lines(SENTENCES / "questions.txt")
        texts = [shipped[index % len(shipped)] for index in range(arguments.sentences)]
    (folder / "sentences.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    link = link_of(arguments.phy)
    bursts = len(texts) * len(arguments.codec.split(","))
    faults = {
        "bursts": bursts,
        "samples": int(bursts * arguments.every * link.phy.sample_rate),
        **{kind: max(1, bursts // 100) for kind in ("overflows", "underflows", "lates", "fades", "sequence_errors")},
    }
    transmit = ["--input", str(folder / "sentences.txt"), "--codec", arguments.codec, "--snr", str(arguments.snr)]
    lab_config = lab(link, arguments.snr, arguments.seed, None if arguments.no_faults else faults)
    exchange(folder, link, lab_config, ["--codec", arguments.codec], [*transmit, "--every", str(arguments.every)])

    found = held(folder)
    share = found.whole_share
    kinds = Counter((finding.kind, finding.accounted) for finding in found.findings)
    print(f"{platform.machine()}, {platform.system()}, seed {arguments.seed}; all files are in {folder}\n")
    print(f"{in_time(folder, link)}\n")
    print("| what the lab did | times | accounted for |\n| --- | --- | --- |")
    for kind in sorted({finding.kind for finding in found.findings}):
        print(f"| {kind} | {kinds[kind, True] + kinds[kind, False]} | {kinds[kind, True]} |")
    print(f"\nmessages that no fault touched: {found.untouched}, whole: {found.whole}")
    print(f"= {100 * share.value:.2f} % [{100 * share.low:.2f}, {100 * share.high:.2f}]; asked: {100 * ASKED:g} %")
    print(f"wrong texts that a checksum let pass: {len(found.false)}")
    for problem in [f"NOT ACCOUNTED FOR: {f.kind}, {f.detail}" for f in found.findings if not f.accounted]:
        print(problem)
    for problem in found.unexpected:
        print(f"NOT IN THE SCRIPT: {problem}")
    if arguments.json:
        run_folder.write_json(arguments.json, {
            "run": {"seed": arguments.seed, "machine": platform.machine(), "snr_db": arguments.snr},
            "faults": {kind: {"times": kinds[kind, True] + kinds[kind, False], "accounted": kinds[kind, True]}
                       for kind in sorted({kind for kind, _ in kinds})},
            "untouched": found.untouched, "whole": found.whole,
            "whole_low": share.low, "whole_high": share.high, "false": len(found.false),
            "unexpected": found.unexpected,
        })  # fmt: skip
    accounted = all(finding.accounted for finding in found.findings)
    passed = found.complete if arguments.no_faults else accounted and share.value >= ASKED
    sys.exit(0 if passed and not found.false else 1)


if __name__ == "__main__":
    main()
