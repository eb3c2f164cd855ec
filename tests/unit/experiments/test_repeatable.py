"""benchmarks/repeatable.py: a sweep that is killed again and again, and what is told of it."""

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from semcom_ota.config import ConfigError

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "repeatable.py"
LINES_OF = dict.fromkeys(range(5), 2)
SWEEP = """
import json, pathlib, sys, time
forgets, folder = sys.argv[1] == "forgets", pathlib.Path(sys.argv[2])
folder.mkdir(exist_ok=True)
names = "timings.jsonl", "rows.jsonl"
if forgets:
    for name in names:
        (folder / name).unlink(missing_ok=True)
rows = folder / "rows.jsonl"
for unit in range(len(rows.read_text().splitlines()) // 2 if rows.exists() else 0, 5):
    time.sleep(0.1)
    for name in names:
        with (folder / name).open("a") as file:
            file.write(2 * (json.dumps({"unit": unit, "encode_ms": time.time()}) + "\\n"))
"""


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("repeatable_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks for it there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def start(kind):
    command = [sys.executable, "-I", "-S", "-c", SWEEP, kind]
    return lambda folder: subprocess.Popen([*command, str(folder)], start_new_session=True)


def test_a_sweep_is_killed_until_it_ends_by_itself(script, tmp_path):
    killed = script.kill_again_and_again(start("goes on"), tmp_path / "killed", LINES_OF, 0.25, random.Random(0))
    assert killed.kills >= killed.amid and killed.kills > 0 and not killed.twice
    assert script.kept(tmp_path / "killed", LINES_OF).keys() == LINES_OF.keys()


def test_units_that_a_sweep_measures_twice_are_found(script, tmp_path):
    killed = script.kill_again_and_again(start("forgets"), tmp_path / "killed", LINES_OF, 0.3, random.Random(0))
    assert 0 in killed.twice and "units were measured twice: 0" in script.verdict({"first": {}}, killed)


def test_a_sweep_that_fails_is_one_sentence(script, tmp_path):
    def fails(_):
        return subprocess.Popen(["false"], start_new_session=True)

    with pytest.raises(ConfigError, match="'semcom sweep' ended with status 1"):
        script.kill_again_and_again(fails, tmp_path / "killed", LINES_OF, 60.0, random.Random(0))


def test_a_unit_that_a_kill_cut_short_is_not_there(script, tmp_path):
    lines = [json.dumps({"unit": unit}) + "\n" for unit in (3, 3, 1, 1)]
    (tmp_path / "timings.jsonl").write_text("".join(lines))
    (tmp_path / "rows.jsonl").write_text("".join(lines)[:-1])
    assert script.kept(tmp_path, LINES_OF) == {3: [b'{"unit": 3}'] * 2}
    assert script.kept(tmp_path / "none", LINES_OF) == {}


def test_figures_are_the_same_whenever_and_however_fast_they_were_measured(script):
    summary = {"run": 1, "manifest": 1, "notes": [], "latency": 1, "points": [{"bleu1": 0.5}]}
    others = [summary | {name: 2} for name in ("run", "manifest", "notes", "latency")]
    assert {script.of_figures(other) for other in others} == {script.of_figures(summary)}
    assert script.of_figures(summary | {"points": [{"bleu1": 0.25}]}) != script.of_figures(summary)


def test_what_differs_is_named(script):
    same = {"rows.jsonl": "a", "figures": "b"}
    found = {"first": same, "second": same, "killed": same}
    assert script.verdict(found, script.Killed()) is None
    other = found | {"killed": same | {"figures": "c"}}
    assert script.verdict(other, script.Killed()) == "'killed' differs from 'first': figures"
