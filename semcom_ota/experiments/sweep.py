"""`semcom sweep`: works through a plan, keeps what it measures, goes on where it was left, stops when it is enough."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from semcom_ota.codecs import registry
from semcom_ota.config import CHECKPOINTS, MAX_TEXT_BYTES, ConfigError, shipped
from semcom_ota.experiments import provenance
from semcom_ota.experiments.radio_process import progress
from semcom_ota.experiments.run_folder import VERSIONS
from semcom_ota.experiments.statistics import bleu_signature
from semcom_ota.experiments.sweep_config import SweepConfig, SweepTexts
from semcom_ota.experiments.sweep_plan import Point, SweptText, Task, Unit, plan
from semcom_ota.experiments.sweep_record import SweepRecord
from semcom_ota.experiments.sweep_stopping import PointProgress
from semcom_ota.experiments.sweep_workers import GivenUp, Workers
from semcom_ota.experiments.texts import SENTENCES, gather
from semcom_ota.phy.numerology import Numerology
from semcom_ota.training.corpus import load_test_captions, load_validation_captions


@dataclass(frozen=True, slots=True)
class Finished:
    """How a sweep ended."""

    units: int  # that count
    measured: int  # of them, this time
    rows: int
    given_up: tuple[GivenUp, ...]  # there is no result without these: run it again


def texts_of(texts: SweepTexts, data: Path | None) -> list[SweptText]:
    """What a sweep sends.

    Args:
        texts: as its file says it.
        data: folder of the data sets (docs/data.md).

    Raises:
        ConfigError: they are not there, or too few.
    """
    sets: dict[str, list[str]]
    if texts.data is not None:
        if data is None:
            raise ConfigError(f"the texts are those of {texts.data}: name the folder of the data sets with --data")
        sets = {
            texts.data: load_test_captions(data) if texts.data == "multi30k-test" else load_validation_captions(data)
        }
    else:
        files = [texts.file] if texts.file else [SENTENCES / f"{name}.txt" for name in texts.set or ()]
        sets = {file.stem: gather([], file) for file in files}
    for name, own in sets.items():
        if len(own) < texts.together:
            raise ConfigError(f"texts.together is {texts.together}, and '{name}' has {len(own)} texts: make it smaller")
    found = [
        SweptText(" ".join(own[first : first + texts.together]), name)
        for name, own in sets.items()
        for first in range(0, len(own) - texts.together + 1, texts.together)
    ]
    if any(len(one.text.encode()) > MAX_TEXT_BYTES for one in found):
        raise ConfigError(f"a text is longer than {MAX_TEXT_BYTES} bytes, which no message can be: put fewer together")
    if texts.count is not None and len(found) < texts.count:
        raise ConfigError(f"texts.count is {texts.count}, and there are {len(found)} texts: ask for fewer")
    return found[: texts.count]


def run(
    sweep: SweepConfig, texts: Sequence[SweptText], folder: Path, start: Callable[[], Workers], quiet: bool
) -> Finished:
    """Measure what is missing in the folder of a sweep.

    Args:
        sweep: what to measure.
        texts: what is sent, at least one.
        folder: of the sweep; one of the same sweep goes on.
        start: makes the workers, once the folder has been found to be good.
        quiet: no progress bar.

    Raises:
        ConfigError: the sweep cannot work, is not fair, or the folder is not its own.
        ServiceFailed: a codec or a process broke.
    """
    Numerology(sweep.phy)  # an air interface that cannot work is refused before there is a folder
    units = plan(sweep, len(texts))
    points = _points(units, sweep)
    with SweepRecord(folder, manifest(sweep, texts, units), units, len(sweep.codecs)) as record:
        for unit, rows in record.rows():
            points[units[unit].point].add(unit, rows)
        before = record.units
        given_up: list[GivenUp] = []
        if any(progress.done < len(progress.needed) for progress in points.values()):
            with start() as workers:
                given_up = _measure(sweep, texts, units, points, record, workers, quiet)
        needed = [unit.index for unit in units if unit.index in points[unit.point].needed]
        if not given_up:
            record.finish(needed)
        counted = record.units.intersection(needed)
        rows_of = len(sweep.codecs)
        return Finished(
            len(counted), len(counted - before), rows_of * sum(len(units[i].messages) for i in counted), tuple(given_up)
        )


def _measure(
    sweep: SweepConfig,
    texts: Sequence[SweptText],
    units: Sequence[Unit],
    points: dict[Point, PointProgress],
    record: SweepRecord,
    workers: Workers,
    quiet: bool,
) -> list[GivenUp]:
    """Keep the workers busy with the first units of the plan that are missing, until none is."""
    before = record.units
    # Whether a unit is still needed is asked when its turn comes.
    missing = (unit for unit in units if unit.index not in before and unit.index in points[unit.point].needed)
    under_way: set[int] = set()
    given_up: list[GivenUp] = []
    with progress(quiet) as bar:
        done, total = _share(points)
        task = bar.add_task("starting", completed=done, total=total)
        while True:
            for unit in islice(missing, workers.slots - len(under_way)):
                workers.submit(Task(unit, sweep, tuple(texts[unit.messages.start : unit.messages.stop])))
                under_way.add(unit.index)
            if not under_way:
                return [lost for lost in given_up if lost.unit.index in points[lost.unit.point].needed]
            first = units[min(under_way)].point
            done, total = _share(points)
            where = f"{first.channel}, {first.snr_db:g} dB" if record.units else "loading the codecs"
            bar.update(task, completed=done, total=total, description=where)
            for result in workers.finished():
                if isinstance(result, GivenUp):
                    under_way.remove(result.unit.index)
                    given_up.append(result)
                else:
                    under_way.remove(result.unit)
                    record.add(result)
                    points[units[result.unit].point].add(result.unit, result.rows)


def _points(units: Sequence[Unit], sweep: SweepConfig) -> dict[Point, PointProgress]:
    own: dict[Point, list[Unit]] = {}
    for unit in units:
        own.setdefault(unit.point, []).append(unit)
    return {point: PointProgress(units, sweep.stop) for point, units in own.items()}


def _share(points: dict[Point, PointProgress]) -> tuple[int, int]:
    """Units that are done, and of how many; points that stop early make these fewer."""
    return sum(point.done for point in points.values()), sum(len(point.needed) for point in points.values())


def manifest(sweep: SweepConfig, texts: Sequence[SweptText], units: Sequence[Unit]) -> dict[str, Any]:
    """What is needed to get the same rows again; `config_sha256` is of all that they depend on, but for our code."""
    config = sweep.model_dump(mode="json", exclude={"codecs": {"__all__": {"codec": {"names"}}}})
    what = {
        "config": config,
        "texts_sha256": _sha256("\0".join(f"{text.set}\0{text.text}" for text in texts).encode()),
        "weights_sha256": _weights(sweep),
    }
    if code := _code_of_strangers(sweep):
        what["code_sha256"] = code
    rows = sum(len(unit.messages) for unit in units) * len(sweep.codecs)
    return {
        "name": sweep.name,
        "level": sweep.level,
        "config_sha256": _sha256(json.dumps(what, sort_keys=True).encode()),
        **what,
        "plan": {"units": len(units), "texts": len(texts), "rows": rows},
        "commit": provenance.commit(),
        "versions": provenance.versions(VERSIONS),
        "machine": provenance.machine() | {"device": _device(sweep.device.device)},
        "bleu": bleu_signature(),
    }


def _weights(sweep: SweepConfig) -> dict[str, str]:
    """Digests of what the codecs may load from this machine; of what ships, as the commit says, the weights alone."""
    found = {}
    for one in sweep.codecs:
        named = [Path(value) for value in one.codec.model_dump().values() if isinstance(value, Path)]
        named = [shipped(value) or value for value in named]
        if one.codec.language_model is not None:
            from semcom_ota.codecs.model_folder import local_folder  # torch, for nothing else here

            named.append(local_folder(one.codec.language_model))
        for folder in (CHECKPOINTS / one.name, CHECKPOINTS / "language-model", *named):
            ours = folder.is_relative_to(CHECKPOINTS)
            files = folder.rglob("*.safetensors" if ours else "*")
            for file in sorted(file for file in files if file.suffix in (".safetensors", ".json")):
                found[str(file.relative_to(CHECKPOINTS) if ours else file)] = _digest(file)
    return found


def _device(name: str) -> str:
    """What `auto` is on this machine, and a GPU's model."""
    import torch

    from semcom_ota.codecs.device import named_device

    try:
        device = named_device(name)
    except ConfigError:  # it is elsewhere: on a cluster
        return name
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else device.type


def _code_of_strangers(sweep: SweepConfig) -> dict[str, str]:
    """Digests of the modules of codecs that are not ours: no commit of ours tells one version from another."""
    modules = {name: registry.module_of(name) for name in {one.name for one in sweep.codecs}}
    return {name: _digest(file) for name, file in sorted(modules.items()) if file is not None}


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
