"""Does the work of a bench on all cores, prints figures as they come, and keeps them from a kill."""

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from semcom_ota.experiments.bench.figures import Figure, Measurement, NotAvailable
from semcom_ota.experiments.run_folder import write_json
from semcom_ota.services.process import ServiceFailed


def measure(
    plan: Sequence[Measurement],
    executor: Executor,
    description: dict[str, Any],
    json: Path | None,
    console: Console,
) -> tuple[list[Figure], list[str]]:
    """Work through a plan. A measurement that fails is told, new errors with a traceback, and the others go on.

    Args:
        plan: what to measure, in this order.
        executor: does the shards.
        description: the `run` part of the JSON file.
        json: written again after every measurement, so that a kill loses only the one under way.
        console: figures are printed here as they come.

    Returns:
        The figures, and the titles of the measurements that failed.

    Raises:
        ConfigError: the JSON file cannot be written.
        ServiceFailed: a worker process died.
    """
    found: list[Figure] = []
    failed: list[str] = []
    told_before: set[str] = set()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))

    def say(text: str) -> None:
        console.print(escape(text), highlight=False, soft_wrap=True)

    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=sum(shard.cost for measurement in plan for shard in measurement.shards))
        for measurement in plan:
            progress.update(task, description=measurement.title)
            try:
                results = _shards(measurement, executor, lambda cost: progress.advance(task, cost))
                figures = list(measurement.conclude(results))
            except BrokenProcessPool as error:
                raise ServiceFailed("a worker process was killed; if for memory, use fewer --workers") from error
            except NotAvailable as error:
                say(f"not measured: {', '.join(measurement.names)}: {error}")
            except Exception as error:  # a bug in what is measured: an hour of figures does not end with it
                failed.append(measurement.title)
                if repr(error) not in told_before:
                    told_before.add(repr(error))
                    say("".join(traceback.format_exception(error)))
                say(f"FAILED: {measurement.title}: {error!r}")
            else:
                found += figures
                say(told(measurement.title, figures))
            if json:
                run = description | {"failed": failed}
                write_json(json, {"run": run, "figures": [figure.as_dict() for figure in found]})
    return found, failed


def _shards(measurement: Measurement, executor: Executor, advance: Callable[[float], None]) -> list[Any]:
    """Results in the shards' order, however they come."""
    if measurement.alone:
        results = []
        for shard in measurement.shards:
            results.append(executor.submit(shard.function, *shard.arguments).result())
            advance(shard.cost)
        return results
    futures = {executor.submit(shard.function, *shard.arguments): shard for shard in measurement.shards}
    try:
        for future in as_completed(futures):
            future.result()
            advance(futures[future].cost)
    finally:
        for future in futures:
            future.cancel()
    return [future.result() for future in futures]


def told(title: str, figures: Sequence[Figure]) -> str:
    """Figures as people read them: the conditions that all share above, the others beside each."""
    first = figures[0].conditions
    shared = {
        name: value for name, value in first.items() if all(other.conditions.get(name) == value for other in figures)
    }
    lines = [": ".join(part for part in (title, _said(shared)) if part)]
    for figure in figures:
        own = {name: value for name, value in figure.conditions.items() if name not in shared}
        lines.append(f"  {figure.name:<25} {figure!s:<40} {_said(own)}".rstrip())
    return "\n".join(lines)


def _said(conditions: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in conditions.items()
        if not isinstance(value, list)
    )
