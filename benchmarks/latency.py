"""Latency of one sentence, stage by stage, and throughput of a batch, of every codec: the table in docs/results.md.

    python benchmarks/latency.py [--data DIR] [--count 200] [--codec A,B] [--device cpu,cuda] [--threads 2]
                                 [--snr=-3,0,6] [--budget 8] [--batch 32] [--seed 0] [--json FILE]

Level `waveform`, one process, AWGN with a random frequency offset and delay: encode, transmit (symbols to samples),
receive (detection to equalised symbols, and reassembly), decode; the channel itself is not timed. Captions of
Multi30k's test_2016_flickr with --data, else the captions that ship. Ten sentences are sent first and not counted.
How long a search takes depends on the SNR, so there may be several. Nothing else should be running.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from semcom_ota.codecs import registry
from semcom_ota.codecs.device import named_device
from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig, load_channel
from semcom_ota.experiments import provenance, run_folder
from semcom_ota.experiments.latency import STAGES, Latency, measure
from semcom_ota.experiments.model_size import parameters
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.radio_config import MAX_SNR_DB, MIN_SNR_DB
from semcom_ota.training.corpus import load_test_captions


def main() -> None:
    """Time every codec on every device and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets (docs/data.md)")
    parser.add_argument("--count", type=at_least(1), default=200, help="sentences, if there are so many")
    parser.add_argument("--codec", default=",".join(registry.names()))
    parser.add_argument("--device", default="", help="by default cpu, and cuda where there is one")
    parser.add_argument("--threads", type=at_least(1), default=2)
    parser.add_argument("--snr", type=decibels, default="6", help="dB, one or several: --snr=-3,0,6")
    parser.add_argument("--budget", type=at_least(0.125, float), default=8.0, help="payload symbols a word")
    parser.add_argument("--batch", type=at_least(1), default=32, help="sentences that are decoded together")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    asked = [name for name in arguments.device.split(",") if name]
    for name in asked:
        named_device(name)

    texts = load_test_captions(arguments.data) if arguments.data else read_lines(SENTENCES / "captions.txt")
    texts = texts[: arguments.count]  # none twice: some codecs know again what they encoded last
    said = vars(arguments) | {"snr": ",".join(f"{snr_db:g}" for snr_db in arguments.snr)}
    document: dict[str, Any] = {
        "machine": provenance.machine(),
        "versions": provenance.versions(run_folder.VERSIONS),
        "commit": provenance.commit(),
        "settings": {name: str(value) for name, value in said.items() if name not in ("json", "data")},
        "texts": f"{len(texts)} captions of {'Multi30k test_2016_flickr' if arguments.data else 'those that ship'}",
        "rows": [],
    }
    print(
        f"{document['texts']}, {arguments.budget:g} symbols a word, seed {arguments.seed}; "
        f"{document['machine']['processor']}, {arguments.threads} threads; median / 99th percentile, ms\n"
    )
    speed = f"sentences a second, batch of {arguments.batch}"
    head = ("codec", "SNR (dB)", "device", "weights (millions)", *STAGES, "end to end", "on the air", speed, "lost")
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for device in asked or devices():
        for name in arguments.codec.split(","):
            settings = CodecConfig(names=(name,), symbols_per_word=max(arguments.budget, 1.0))
            codec = registry.load(name, settings, DeviceConfig(device=device, threads=arguments.threads))
            for snr_db in arguments.snr:
                found = measure(
                    codec, texts, budget=arguments.budget, snr_db=snr_db, channel=load_channel("awgn"),
                    batch=arguments.batch, seed=arguments.seed,
                )  # fmt: skip
                what = {"codec": name, "snr_db": snr_db, "device": device_name(device), "parameters": parameters(codec)}
                document["rows"].append(what | record(found))
                print(line(document["rows"][-1]), flush=True)
    if arguments.json:
        run_folder.write_json(arguments.json, document)


def at_least(least: float, kind: type[int] | type[float] = int) -> Callable[[str], float]:
    """A number for argparse."""

    def number(told: str) -> float:
        if not least <= (value := kind(told)) < 2**31:
            raise argparse.ArgumentTypeError(f"{told} is not at least {least:g}")
        return value

    return number


def decibels(told: str) -> list[float]:
    """SNRs for argparse."""
    values = [float(value) for value in told.split(",")]
    if not all(MIN_SNR_DB <= value <= MAX_SNR_DB for value in values):
        raise argparse.ArgumentTypeError(f"SNRs go from {MIN_SNR_DB:g} to {MAX_SNR_DB:g} dB")
    return values


def devices() -> list[str]:
    """What there is."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def device_name(device: str) -> str:
    """A GPU by its model."""
    return device if device == "cpu" else str(torch.cuda.get_device_name(device))


def record(found: Latency) -> dict[str, Any]:
    """Figures of a codec at one SNR."""
    stages = {
        stage: {"p50_ms": found.percentile(stage, 50), "p99_ms": found.percentile(stage, 99)}
        for stage, values in found.milliseconds.items()
        if values
    }
    return {
        "messages": len(found.milliseconds["total"]),
        "lost": found.lost,
        "stages": stages,
        "batch": found.batch,
        "sentences_per_second": found.sentences_per_second if found.batches else None,
    }


def line(row: dict[str, Any]) -> str:
    """Of the table."""
    stages = row["stages"]
    cells = [
        f"{stages[stage]['p50_ms']:.1f} / {stages[stage]['p99_ms']:.1f}" if stage in stages else ""
        for stage in (*STAGES, "total", "air")
    ]
    speed = "" if row["sentences_per_second"] is None else f"{row['sentences_per_second']:.0f}"
    what = (row["codec"], f"{row['snr_db']:g}", row["device"], f"{row['parameters'] / 1e6:.1f}")
    return "| " + " | ".join([*what, *cells, speed, str(row["lost"])]) + " |"


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        print(f"latency.py: {error}", file=sys.stderr)
        raise SystemExit(2) from error
