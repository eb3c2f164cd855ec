"""What the measurements with GNU Radio share: one core, figures as `bench` has them, and the command line."""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnuradio import gr

TIME_LIMIT_S = 120.0
"""For one flowgraph: what has not ended by then is stopped, and counted as it is."""

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spent:
    """Time that a flowgraph took."""

    processor_s: float  # of all its threads
    wall_s: float


def run(flowgraph: gr.top_block) -> Spent:
    """Run a flowgraph until its sources end."""
    limit = threading.Timer(TIME_LIMIT_S, flowgraph.stop)
    limit.start()
    processor, wall = time.process_time(), time.perf_counter()
    flowgraph.run()
    spent = Spent(time.process_time() - processor, time.perf_counter() - wall)
    limit.cancel()
    return spent


@contextmanager
def one_core() -> Iterator[None]:
    """Threads that start in here share one processor core (GNU Radio starts one for each block)."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def figure(name: str, value: float, low: float, high: float, unit: str, **conditions: Any) -> Figure:
    """A figure with its 95 % interval, or the range of what was measured several times."""
    return {"name": name, "value": value, "low": low, "high": high, "unit": unit, "conditions": conditions}


def speed(name: str, samples: int, seconds: list[float], **conditions: Any) -> Figure:
    """MS/s: the best of some runs over so many samples, and their range.

    The best, since whatever else the machine has to do can only slow a run down.
    """
    rates = sorted(samples / one / 1e6 for one in seconds)
    return figure(name, rates[-1], rates[0], rates[-1], "MS/s", **conditions, runs=len(rates), samples=samples)


def main(measure: Callable[[bool, int], Iterator[Figure]], description: str) -> None:
    """Measure, tell each figure on standard error, write all of them as JSON."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer points and packets: under a minute")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", required=True, metavar="FILE", help="where the figures go; - is standard output")
    options = parser.parse_args()
    gr.logging().set_default_level(gr.log_levels.off)  # it goes to standard output, and can be a line a packet
    figures = []
    for found in measure(options.quick, options.seed):
        value = f"{found['name']}: {found['value']:.4g} [{found['low']:.4g}, {found['high']:.4g}] {found['unit']}"
        print(value, *(f"{name} {said}" for name, said in found["conditions"].items()), sep="; ", file=sys.stderr)
        figures.append(found)
    text = json.dumps({"figures": figures}, indent=1) + "\n"
    try:
        sys.stdout.write(text) if options.json == "-" else Path(options.json).write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"cannot write '{options.json}': {error.strerror}", file=sys.stderr)
        sys.exit(2)
