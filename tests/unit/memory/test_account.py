import json

import pytest
from received import received, understood
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import ConfigError
from semcom_ota.memory.account import Account
from semcom_ota.memory.store import MemoryStore


def semcom(*words):
    return CliRunner().invoke(app, ["memory", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture
def file(tmp_path):
    with MemoryStore(9, file=tmp_path / "memory.db") as store:
        for user, message in ((0, 1), (1, 1), (0, 2), (0, 3)):
            lost = 100 if message == 3 else 0
            store.update(received(user, message, lost_samples=lost), understood(f"text {user} {message}\x1b", (1, 2)))
    return tmp_path / "memory.db"


def test_the_newest_entries_of_each_user_are_shown(file):
    done = semcom("show", file, "--last", 2)
    assert done.exit_code == 0, done.output
    assert [number for number in range(1, 4) if f"text 0 {number}\\x1b" in done.output] == [2, 3]
    assert "text 1 1" in done.output and done.output.count("stale") == 2  # those from before the gap
    assert "4 entries of 2 users, 4 frames seen" in done.output
    assert "text 0" not in semcom("show", file, "--user", 1).output


def test_everything_is_exported_as_json(file, tmp_path):
    out = tmp_path / "out.jsonl"
    assert "4 entries" in semcom("export", file, out).output
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(line["user"], line["message"]) for line in lines] == [(0, 1), (0, 2), (0, 3), (1, 1)]
    assert lines[0]["features"] == [[1.0, 2.0]] and lines[0]["reliability"] == [0.5, 0.5]
    assert "1 entries" in semcom("export", file, out, "--user", 1).output
    assert semcom("export", file, tmp_path / "no" / "folder").exit_code == 2


def test_what_is_forgotten_is_gone(file):
    assert semcom("forget", file).exit_code == semcom("forget", file, "--user", 0, "--all").exit_code == 2
    assert "3 entries forgotten" in semcom("forget", file, "--user", 0).output
    with Account(file) as account:
        assert account.users == [1]
    assert "1 entries forgotten" in semcom("forget", file, "--all").output


def test_a_memory_in_use_may_be_looked_at_and_not_changed(file):
    with MemoryStore(9, file=file) as store:
        store.update(received(2, 1), understood("newest"))
        assert "newest" in semcom("show", file).output
        refused = semcom("forget", file, "--all")
        assert refused.exit_code == 2 and "is in use" in refused.output
        with pytest.raises(ConfigError, match="is in use"):
            MemoryStore(9, file=file)
        assert len(store) == 5


def test_what_is_no_memory_is_said(tmp_path):
    for command in (("show",), ("forget", "--all"), ("export", tmp_path / "out")):
        first, *rest = command
        done = semcom(first, tmp_path / "none.db", *rest)
        assert done.exit_code == 2 and "there is no memory" in done.output
    assert not list(tmp_path.iterdir())
