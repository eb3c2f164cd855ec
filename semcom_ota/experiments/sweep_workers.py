"""Who measures the units of a sweep: processes on this machine, or a Ray cluster. The rows do not depend on it.

A worker may die (killed, or for want of memory); its unit is measured again, `ATTEMPTS` times in all. An error is not
tried again: it would be the same.
"""

import contextlib
import importlib
import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from semcom_ota.config import ConfigError
from semcom_ota.experiments.process_pool import THREADS, children_end, pool, threads_of_children
from semcom_ota.experiments.sweep_plan import Measured, Task, Unit

ATTEMPTS = 3
NO_RAY = "--ray needs Ray, which is not installed: run 'pip install ray', here and on the cluster"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A unit whose worker died each time."""

    unit: Unit
    reason: str


Result = Measured | GivenUp
Measure = Callable[[Task], Measured]


def measure(task: Task) -> Measured:
    """What a worker does. Nothing heavy is imported before it does it."""
    from semcom_ota.experiments import sweep_unit

    return sweep_unit.measure(task)


class Workers(Protocol):
    """Measures units, several at a time. A context: whoever leaves it ends the workers."""

    slots: int
    """Units that are measured at a time."""

    def submit(self, task: Task) -> None:
        """Hand over a unit; never more than `slots` that have not come back."""
        ...

    def finished(self) -> list[Result]:
        """Wait until at least one unit is done, and return those that are.

        Raises:
            ConfigError, ServiceFailed: what a worker raised.
        """
        ...

    def __enter__(self) -> Self:
        """Be ready."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers, at once if there is an error."""
        ...


@dataclass(slots=True)
class _Attempt:
    """A unit that is being measured."""

    task: Task
    executor: ProcessPoolExecutor
    number: int


class LocalWorkers:
    """Processes on this machine. Each has a pool of its own: if one dies, it is known at which unit."""

    def __init__(self, slots: int, threads: int = 1, measure: Measure = measure) -> None:
        """So many processes, each with so many threads; they start when there is work for them."""
        self.slots = slots
        self._threads = threads
        self._measure = measure
        self._idle: list[ProcessPoolExecutor] = []
        self._under_way: dict[Future[Measured], _Attempt] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """See `Workers`."""
        self._stack.enter_context(threads_of_children(self._threads))
        self._stack.callback(self._shut_down)
        self._stack.enter_context(children_end())
        self._idle = [pool(1) for _ in range(self.slots)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See `Workers`."""
        self._stack.__exit__(kind, error, trace)

    def submit(self, task: Task) -> None:
        """See `Workers`."""
        self._start(_Attempt(task, self._idle.pop(), 1))

    def finished(self) -> list[Result]:
        """See `Workers`."""
        while True:
            done = wait(self._under_way, return_when=FIRST_COMPLETED).done
            results = [result for future in done if (result := self._result(future)) is not None]
            if results:
                return results

    def _start(self, attempt: _Attempt) -> None:
        self._under_way[attempt.executor.submit(self._measure, attempt.task)] = attempt

    def _result(self, future: Future[Measured]) -> Result | None:
        attempt = self._under_way.pop(future)
        try:
            measured = future.result()
        except BrokenProcessPool:
            attempt.executor.shutdown(wait=False)
            attempt.executor, unit = pool(1), attempt.task.unit
            if attempt.number == ATTEMPTS:
                self._idle.append(attempt.executor)
                return GivenUp(unit, f"its worker died {ATTEMPTS} times; if for want of memory, use fewer --workers")
            _log.warning("a worker died at %s, which is measured again", unit)
            attempt.number += 1
            self._start(attempt)
            return None
        self._idle.append(attempt.executor)
        return measured

    def _shut_down(self) -> None:
        for executor in (*self._idle, *(attempt.executor for attempt in self._under_way.values())):
            executor.shutdown(cancel_futures=True)


class RayWorkers:
    """Tasks on a Ray cluster, which starts them again itself when a machine or a process is gone.

    The project has to be installed on all of its machines, in the same version, and with the same files at the paths
    that the sweep names.
    """

    def __init__(
        self, address: str, slots: int | None, gpu: bool = False, threads: int = 1, measure: Measure = measure
    ) -> None:
        """Connect.

        Args:
            address: `local` starts a cluster on this machine, `auto` finds one that runs here, `ray://HOST:PORT`.
            slots: units at a time; None is one for each CPU of the cluster.
            gpu: each of them needs one.
            threads: of each.
            measure: what they do.

        Raises:
            ConfigError: Ray is not installed, or there is no cluster.
        """
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise ConfigError(NO_RAY) from error
        variables = dict.fromkeys(THREADS, str(threads))
        try:
            self._ray.init(
                address=address, runtime_env={"env_vars": variables}, logging_level=logging.ERROR, log_to_driver=False
            )
        except Exception as error:  # ConnectionError, ValueError, ...: whatever Ray makes of an address
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(f"no Ray at '{address}' ({reason}): use auto, local or ray://HOST:PORT") from error
        self.slots = slots or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        options = {"num_cpus": threads, "num_gpus": int(gpu), "max_retries": ATTEMPTS - 1}
        self._remote = self._ray.remote(**options)(measure)
        self._under_way: dict[Any, Unit] = {}

    def __enter__(self) -> Self:
        """See `Workers`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See `Workers`."""
        for reference in self._under_way:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def submit(self, task: Task) -> None:
        """See `Workers`."""
        self._under_way[self._remote.remote(task)] = task.unit

    def finished(self) -> list[Result]:
        """See `Workers`."""
        done, _ = self._ray.wait(list(self._under_way), num_returns=1)
        return [self._result(reference, self._under_way.pop(reference)) for reference in done]

    def _result(self, reference: Any, unit: Unit) -> Result:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:  # what the task raised, wrapped
            raise error.cause from error
        except errors.RayError as error:
            return GivenUp(unit, f"its worker was lost {ATTEMPTS} times: {type(error).__name__}")
