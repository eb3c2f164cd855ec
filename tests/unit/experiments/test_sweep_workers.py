import os
import sys
import types
from pathlib import Path

import pytest
from obedient_worker import obey

from semcom_ota.config import ConfigError
from semcom_ota.experiments.sweep_config import SweepConfig
from semcom_ota.experiments.sweep_plan import Measured, SweptText, Task, plan
from semcom_ota.experiments.sweep_workers import ATTEMPTS, GivenUp, LocalWorkers, RayWorkers

SWEEP = {"texts": {"set": "demo"}, "codecs": ["utf8"], "channels": ["awgn"], "snr_db": [3], "unit_messages": 1}
CONFIG = SweepConfig.model_validate(SWEEP)


def tasks(*texts):
    units = plan(CONFIG, len(texts))
    return [Task(unit, CONFIG, (SweptText(text, "made up"),)) for unit, text in zip(units, texts, strict=True)]


def all_of(workers, given):
    """Results by unit."""
    waiting, found, under_way = list(given), [], 0
    while waiting or under_way:
        while waiting and under_way < workers.slots:
            workers.submit(waiting.pop(0))
            under_way += 1
        results = workers.finished()
        under_way -= len(results)
        found += results
    return {result.unit.index if isinstance(result, GivenUp) else result.unit: result for result in found}


def test_a_unit_whose_worker_dies_is_measured_again_and_given_up_in_the_end(tmp_path):
    given = tasks("one", f"die 1 {tmp_path}/once", f"die 99 {tmp_path}/always", "two")
    with LocalWorkers(2, 1, obey) as workers:
        found = all_of(workers, given)
        pids = [pid for executor in workers._idle for pid in executor._processes]
    assert [type(found[unit]) for unit in range(4)] == [Measured, Measured, GivenUp, Measured]
    assert found[0].rows == [{"threads": "1"}]
    assert "died 3 times" in found[2].reason and (tmp_path / "always").stat().st_size == ATTEMPTS
    assert pids and not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_what_a_worker_refuses_is_raised_here():
    with pytest.raises(ConfigError, match="it is not fair"), LocalWorkers(1, 1, obey) as workers:
        all_of(workers, tasks("refuse"))


def test_without_ray_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="pip install ray"):
        RayWorkers("auto", None)


class FakeRay(types.ModuleType):
    """As much of Ray as is called: a task runs when it is waited for."""

    def __init__(self):
        super().__init__("ray")
        self.said, self.ended = {}, []
        self.exceptions = types.SimpleNamespace(RayError=RuntimeError, RayTaskError=LookupError)

    def init(self, address, runtime_env, **options):
        if address == "nowhere":
            raise ConnectionError("no such\n  cluster")
        self.said |= {"address": address, **runtime_env["env_vars"]}

    def cluster_resources(self):
        return {"CPU": 3.0}

    def remote(self, **options):
        self.said |= options
        return lambda function: types.SimpleNamespace(remote=lambda task: (function, task))

    def wait(self, references, num_returns):
        return references[-num_returns:], references[:-num_returns]  # the last one comes first

    def get(self, reference):
        function, task = reference
        if task.texts[0].text == "crash":
            raise RuntimeError("worker crashed")
        try:
            return function(task)
        except Exception as error:
            wrapped = LookupError("a traceback\nof many lines")
            wrapped.cause = error
            raise wrapped from error

    def cancel(self, reference, force):
        self.ended.append(reference)

    def shutdown(self):
        self.ended.append("all")


@pytest.fixture
def ray(monkeypatch):
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return fake


def test_a_cluster_measures_as_many_units_at_a_time_as_it_has_cpus(ray):
    with RayWorkers("auto", None, measure=obey) as workers:
        found = all_of(workers, tasks("one", "crash", "two", "three", "four"))
    assert workers.slots == 3 and sorted(found) == [0, 1, 2, 3, 4] and isinstance(found[1], GivenUp)
    assert (ray.said["address"], ray.said["max_retries"], ray.said["num_gpus"]) == ("auto", ATTEMPTS - 1, 0)
    assert ray.said["OMP_NUM_THREADS"] == "1" and ray.ended == ["all"]


def test_ray_itself_measures_what_local_workers_do(monkeypatch):
    pytest.importorskip("ray", reason="Ray is no part of the set-up: pip install ray")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)  # where `obey` is
    given = tasks("one", "two", "three")
    with LocalWorkers(1, 1, obey) as here, RayWorkers("local", 2, measure=obey) as there:
        assert all_of(there, given) == all_of(here, given)


def test_what_a_task_on_a_cluster_refuses_is_raised_here_and_the_rest_is_cancelled(ray):
    with pytest.raises(ConfigError, match=r"^it is not fair$"), RayWorkers("auto", 2, measure=obey) as workers:
        all_of(workers, tasks("one", "refuse"))
    assert len(ray.ended) == 2 and ray.ended[-1] == "all"


def test_no_cluster_is_one_sentence(ray):
    with pytest.raises(ConfigError, match=r"no Ray at 'nowhere' \(no such cluster\): use auto"):
        RayWorkers("nowhere", None)
