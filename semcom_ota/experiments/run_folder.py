"""What a run leaves behind: effective configuration, one line a message, a summary that programs read."""

import contextlib
import hashlib
import itertools
import json
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semcom_ota.config import SHIPPED, WEIGHTS, ConfigError, LinkConfig, ReceiverConfig
from semcom_ota.experiments import provenance
from semcom_ota.experiments.statistics import bleu_signature, text_quality

VERSIONS = ("semcom-ota", "numpy", "torch", "transformers", "pyzmq", "sacrebleu")
STAGES = ("encode", "transmit", "air", "receive", "decode")


def prepare(folder: Path) -> Path:
    """Create a run folder.

    Raises:
        ConfigError: it cannot be written, or already holds a run.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_unused(folder)
        (folder / "config.json").touch()
    except OSError as error:
        raise ConfigError(f"cannot write to '{folder}' ({error.strerror}): choose another --out") from error
    return folder


def check_unused(folder: Path) -> None:
    """Raise ConfigError if a folder holds a run."""
    if (folder / "summary.json").exists():
        raise ConfigError(f"'{folder}' already holds a run: choose another --out")


def check_folder(folder: Path) -> None:
    """Raise ConfigError as `prepare` does, and leave nothing behind: for a run that may be given up."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    begun = (folder / "config.json").exists()
    try:
        prepare(folder)
    finally:
        with contextlib.suppress(OSError):
            if not begun:
                (folder / "config.json").unlink(missing_ok=True)
            for each in missing:
                each.rmdir()


def default_folder() -> Path:
    """A new folder below `runs/`, named after the moment."""
    stem = time.strftime("%Y%m%d-%H%M%S")
    names = itertools.chain([stem], (f"{stem}-{count}" for count in itertools.count(2)))
    return next(folder for name in names if not (folder := Path("runs") / name).exists())


def describe(level: str, config: LinkConfig | ReceiverConfig, seed: int) -> dict[str, Any]:
    """The `run` part of a summary: what is needed to get the same figures again."""
    weights = (config.codec.checkpoint or SHIPPED) / WEIGHTS
    digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else ""
    text = config.model_dump_json(exclude={"transport": True, "codec": {"checkpoint"}}) + digest
    return {
        "level": level,
        "seed": seed,
        "commit": provenance.commit(),
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "snr_per_sample_minus_snr_db": round(10 * math.log10(config.phy.used_carriers / config.phy.fft_size), 2),
        "bleu": bleu_signature(),
        "versions": provenance.versions(VERSIONS),
    }


def points(
    messages: Iterable[dict[str, Any]],
    channel: str,
    config: LinkConfig | ReceiverConfig,
    seed: int,
    mask: str,
    texts: int | None = None,
) -> list[dict[str, Any]]:
    """A point for each codec and SNR, in the order in which they were sent.

    Every message counts. Symbols, energy and air samples are those that were really spent: a message that fitted no
    order spent none.

    Args:
        messages: lines of `messages.jsonl`.
        channel: its name.
        config: `symbols_per_word` and the memory's size are taken from it.
        seed: of the bootstrap.
        mask: kind of mask.
        texts: how many there are, where all of them are sent at one SNR after the other; an SNR that comes again then
            sends the same again, which the bootstrap draws together.
    """
    groups: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for message in messages:
        groups.setdefault((message["snr_db"], message["codec"]), []).append(message)
    known = {
        "channel": channel,
        "budget": config.codec.symbols_per_word,
        "task": "text",
        "memory": config.memory.label,
        "mask": mask,
        "csi": "estimated",
    }
    return [
        {"codec": codec, "snr_db": snr_db} | known | _point(group, seed, texts)
        for (snr_db, codec), group in groups.items()
    ]


def _point(group: Sequence[dict[str, Any]], seed: int, texts: int | None) -> dict[str, Any]:
    sent = [message for message in group if message["payload_symbols"] > 0]
    words = sum(len(message["sent"].split()) for message in sent)
    symbols = sum(message["payload_symbols"] for message in sent)
    energy = sum(message["mean_symbol_energy"] * message["payload_symbols"] for message in sent)
    latency = [message["latency_ms"]["total"] for message in sent if "total" in message["latency_ms"]]
    statuses = [message["status"] for message in group]
    point = {
        "messages": len(group),
        "delivered": statuses.count("delivered"),
        "corrupted": statuses.count("corrupted"),
        "lost": statuses.count("lost"),
        "does_not_fit": sum(message["does_not_fit"] for message in group),
        "failed": sum(message["failed"] for message in group),
        "payload_symbols_per_word": symbols / words if words else 0.0,
        "overhead_symbols": sum(message["overhead_symbols"] for message in sent),
        "air_samples": sum(message["air_samples"] for message in sent),
        "mean_symbol_energy": energy / symbols if symbols else 0.0,
    }
    text = None if texts is None else [message["message"] % texts for message in group]
    quality = text_quality([m["sent"] for m in group], [m["received"] for m in group], seed, text)
    for name, estimate in quality.items():
        point |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return point | {
        "latency_ms_p50": float(np.percentile(latency, 50)) if latency else None,
        "latency_ms_p99": float(np.percentile(latency, 99)) if latency else None,
    }


def median_stages(messages: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Median milliseconds of each stage that was timed, by codec, over the messages that went on the air."""
    stages: dict[str, dict[str, float]] = {}
    for codec in dict.fromkeys(message["codec"] for message in messages):
        rows = [m["latency_ms"] for m in messages if m["codec"] == codec and m["payload_symbols"]]
        timed = {stage: [row[stage] for row in rows if stage in row] for stage in STAGES}
        if any(timed.values()):
            stages[codec] = {stage: float(np.median(times)) for stage, times in timed.items() if times}
    return stages


def check_writable(path: Path) -> None:
    """Raise ConfigError if `path` cannot be written; what it holds stays."""
    existed = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise ConfigError(f"cannot write '{path}' ({error.strerror}): choose another file") from error
    if not existed:
        path.unlink()


def kept_lines(file: Path) -> list[dict[str, Any]]:
    """What a benchmark has measured so far, a JSON object a line; without a last one that a kill cut short.

    Raises:
        ConfigError: it holds something else, or cannot be read.
    """
    problem = f"'{file}' is not what is measured here: name another with --out"
    try:
        *lines, last = file.read_bytes().split(b"\n") if file.exists() else [b""]
        kept = [json.loads(line) for line in lines]
        if last and (whole := _whole(last)) is not None:
            kept.append(whole)
    except (OSError, ValueError) as error:
        raise ConfigError(problem) from error
    if not all(isinstance(one, dict) for one in kept) or (last and not last.startswith(b"{")):
        raise ConfigError(problem)
    return kept


def keep_line(file: Path, measured: dict[str, Any]) -> None:
    """Add a line to what `kept_lines` reads, in the place of one that a kill cut short.

    Raises:
        ConfigError: as `kept_lines`, or it cannot be written.
    """
    lines = [*kept_lines(file), measured]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.part")
        part.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise ConfigError(f"cannot write '{file}' ({error.strerror}): choose another file") from error


def _whole(line: bytes) -> Any:
    """What a line without an end says, or None if it was cut short."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON file, at one stroke where it is a file: whoever is killed meanwhile leaves the old one whole.

    Raises:
        ConfigError: it cannot be written.
    """
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # such as /dev/stdout
            path.write_text(text, encoding="utf-8")
            return
        path = path.resolve()
        part = path.with_name(f"{path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write '{path}' ({error.strerror}): choose another file") from error
