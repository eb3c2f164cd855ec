"""`semcom bench phy`: every figure of the air interface, level `waveform`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from semcom_ota.config import ConfigError
from semcom_ota.experiments import provenance
from semcom_ota.experiments.bench import (
    acquisition,
    channel_code,
    flowgraphs,
    malformed,
    modulation,
    payload,
    robustness,
    speed,
    spending,
)
from semcom_ota.experiments.bench.catalogue import PHY_FIGURES
from semcom_ota.experiments.bench.claims import PHY_CLAIMS
from semcom_ota.experiments.bench.figures import Figure, Measurement
from semcom_ota.experiments.bench.run import measure
from semcom_ota.experiments.process_pool import processes

PARTS = (spending, speed, flowgraphs, acquisition, payload, modulation, channel_code, robustness, malformed)
VERSIONS = ("semcom-ota", "numpy", "scipy", "numba")


def plan(seed: int, quick: bool, names: Sequence[str]) -> list[Measurement]:
    """What to measure so that the figures of these names come out; no names are all of them.

    Raises:
        ConfigError: there is no such figure.
    """
    for name in names:
        if name not in PHY_FIGURES:
            raise ConfigError(f"unknown figure '{name}': 'semcom bench phy --help' lists them")
    whole = [measurement for part in PARTS for measurement in part.measurements(seed, quick)]
    return [measurement for measurement in whole if not names or set(names) & set(measurement.names)]


def run(
    seed: int, quick: bool, names: Sequence[str], workers: int | None, json: Path | None, console: Console
) -> tuple[list[Figure], list[str]]:
    """Measure, print, write, and say which claims hold.

    Args:
        seed: of everything random.
        quick: far fewer frames, with intervals to match.
        names: figures; none are all.
        workers: processes; None is one for each core that this process may use. They do not change the figures.
        json: file for the figures.
        console: where to print.

    Returns:
        The figures, and the titles of measurements that failed.

    Raises:
        ConfigError: an unknown figure, or the file cannot be written.
    """
    measurements = plan(seed, quick, names)
    with processes(workers or len(os.sched_getaffinity(0))) as executor:
        figures, failed = measure(measurements, executor, describe(seed, quick), json, console)
    measured = {name for measurement in measurements for name in measurement.names}
    claims = [claim for claim in PHY_CLAIMS if claim.name in measured]
    if claims:
        console.print("\nClaims, by the worst figure of each (?: its interval reaches to the other side):")
    for claim in claims:
        console.print(str(claim.judge(figures)), highlight=False, markup=False, soft_wrap=True)
    return figures, failed


def describe(seed: int, quick: bool) -> dict[str, Any]:
    """The `run` part of the JSON file."""
    return {
        "level": "waveform",
        "quick": quick,
        "seed": seed,
        "commit": provenance.commit(),
        "versions": provenance.versions(VERSIONS),
        "machine": provenance.machine(),
    }
