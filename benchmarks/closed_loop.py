"""A mask that follows the channel: one run in which everything happens, and what forecasts are worth under Doppler.

    python benchmarks/closed_loop.py [--messages 2000] [--seed 0] [--out runs/closed_loop] [--picture FILE.png]

Level `flowgraph`, estimated CSI, by `semcom loopback`. In the first run the SNR steps over a channel that fades from
message to message (`pedestrian`), the way back is cut and restored, and the decoder is killed and comes back with its
memory. The others send a short sentence again and again at 12 dB, over Rayleigh fading at three Doppler frequencies.
What is said comes from the runs' own logs; intervals are 95 %, of the means of 20 batches in a row (what is measured of
one message after the other is not independent). Exit status 2 if a run fails.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from semcom_ota.air_config import ChannelConfig
from semcom_ota.experiments import mask_following, plots, provenance
from semcom_ota.experiments.texts import SENTENCES

STEPS_DB = (12, 0, 12, 3, 15)
CUT, KILLED = (90, 104), 130
DOPPLER_HZ = (11, 22, 44)
INTERVAL_S = 0.005
IN_FLIGHT = 2
BATCHES = 20
MASK = f"mask: {{kind: theory, reference_snr_db: 3, in_flight: {IN_FLIGHT}}}\n"


def main() -> None:
    """All runs, then what their logs say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000, help="at each Doppler frequency (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/closed_loop"), help="a new folder (%(default)s)")
    parser.add_argument("--picture", type=Path, help="also write the plot of the first run's report to this file")
    said = parser.parse_args()
    if said.messages < 10 * BATCHES:
        parser.error(f"--messages takes at least {10 * BATCHES}")
    if said.out.exists():
        parser.error(f"'{said.out}' is there already: choose another --out")
    said.out.mkdir(parents=True)
    print(f"{provenance.machine()}, commit {provenance.commit()}, seed {said.seed}\n")
    everything(said)
    print(
        "\n| Doppler (cycles a frame) | messages | what was expected off by (dB) | last report (dB) | better by (%) |"
    )
    print("| --- | --- | --- | --- | --- |")
    for doppler_hz in DOPPLER_HZ:
        print(forecast(said, doppler_hz), flush=True)


def everything(said: argparse.Namespace) -> None:
    """The run with steps, fading, a cut and a kill."""
    link = said.out / "link.yml"
    link.write_text(f"{MASK}memory: {{file: {json.dumps(str(said.out / 'memory.db'))}}}\n")
    snrs = ",".join(map(str, STEPS_DB))
    folder = run(
        said, "everything", "--link", link, "--codec", "lam-prior", "--channel", "pedestrian", f"--snr={snrs}",
        "--input", SENTENCES / "captions.txt", "--cut-reports", f"{CUT[0]}:{CUT[1]}", "--kill-decoder", KILLED,
    )  # fmt: skip
    summary, rows = log(folder)
    for step in summary["mask"]["steps"]:
        frames = "never" if step["frames"] is None else f"after {step['frames']} frames"
        print(f"{step['before_db']:g} to {step['after_db']:g} dB at message {step['message']}: followed {frames}")
    off, last = summary["mask"]["expected_error_db"], summary["mask"]["last_report_error_db"]
    print(f"expected SNR off by {off:.2f} dB, last report by {last:.2f} dB (steps and fades together)")
    blind = [row["message"] for row in rows if row["outlook"] == "stale" and not row["masked_symbols"]]
    print(f"reports of {CUT[0]} to {CUT[1]} cut: nothing masked from {blind[0]} to {blind[-1]} ({len(blind)} messages)")
    entries = [rows[KILLED + place]["remembered"] for place in (0, 1)]
    print(f"decoder killed behind {KILLED}, with {entries[0]} entries: {entries[1]} after the next message")
    arrived = [row["status"] for row in rows]
    print(", ".join(f"{arrived.count(status)} {status}" for status in sorted(set(arrived))))
    print(f"report: {folder / 'report.html'}")
    if said.picture is not None:
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
        said.picture.write_bytes(plots.mask_over_time(rows, events))


def forecast(said: argparse.Namespace, doppler_hz: float) -> str:
    """A row of the table: the mask's forecasts beside the last reports."""
    name = f"doppler-{doppler_hz:g}"
    channel, link, texts = (said.out / f"{name}.{kind}" for kind in ("channel.yml", "link.yml", "txt"))
    fading = ChannelConfig(fading="rayleigh", max_doppler_hz=doppler_hz, message_interval_s=INTERVAL_S)
    channel.write_text(fading.model_dump_json(), encoding="utf-8")
    link.write_text(MASK)
    texts.write_text("A dog.\n" * said.messages, encoding="utf-8")
    _, rows = log(
        run(said, name, "--link", link, "--codec", "huffman", "--channel", channel, "--snr=12", "--input", texts)
    )
    offs = mask_following.errors(rows, IN_FLIGHT)
    made, last = np.array(offs).T
    batches = [100 * (1 - np.mean(one) / np.mean(other)) for one, other in _batches(made, last)]
    better = f"{np.mean(batches):.0f} {_interval(batches)}"
    return f"| {doppler_hz * INTERVAL_S:g} | {len(offs)} | {made.mean():.2f} | {last.mean():.2f} | {better} |"


def run(said: argparse.Namespace, name: str, *arguments: object) -> Path:
    """`semcom loopback`, and the folder that it leaves."""
    folder = said.out / name
    command = [sys.executable, "-m", "semcom_ota.cli", "loopback", "--seed", said.seed, "--out", folder, "--quiet"]
    done = subprocess.run([*map(str, command), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        print(f"closed_loop.py: {done.stderr.strip()}", file=sys.stderr)
        raise SystemExit(2)
    return folder


def log(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Summary and messages of a run."""
    with (folder / "messages.jsonl").open(encoding="utf-8") as lines:
        return json.loads((folder / "summary.json").read_text(encoding="utf-8")), [json.loads(line) for line in lines]


def _batches(made: np.ndarray, last: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(np.array_split(made, BATCHES), np.array_split(last, BATCHES), strict=True))


def _interval(values: list[float]) -> str:
    half = float(student.ppf(0.975, len(values) - 1)) * np.std(values, ddof=1) / math.sqrt(len(values))
    return f"[{np.mean(values) - half:.0f}, {np.mean(values) + half:.0f}]"


if __name__ == "__main__":
    main()
