import json
from dataclasses import replace

import numpy as np
import pytest
from received import received, understood
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import ConfigError
from semcom_ota.memory.account import Account
from semcom_ota.memory.store import MemoryStore
from semcom_ota.types import Csi


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


def test_a_channel_that_was_kept_is_exported_in_full(file, tmp_path):
    with MemoryStore(9, file=tmp_path / "whole.db", full_csi=True) as store:
        came = received(0, 1, frames=2)
        response = np.arange(6).reshape(2, 3) * (0.123456 - 2j)
        odd = Csi(response.astype(np.complex64), np.array([0.1, np.inf, 1e-5], np.float32), -np.inf, 7.0, 1e6, 15625.0)
        store.update(replace(came, csi=(came.csi[0], odd)), understood("text"))
    lines = {}
    for one in (file, tmp_path / "whole.db"):
        semcom("export", one, tmp_path / "out.jsonl")
        lines[one] = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert lines[file]["channel"] == []
    first, second = lines[tmp_path / "whole.db"]["channel"]
    assert (first["shape"], first["real"], first["imaginary"]) == ([3, 4], [1.0] * 12, [0.0] * 12)
    assert first["sample_rate"] == 1e6 and first["carrier_spacing_hz"] == 15625.0 and first["sro_ppm"] == 0.0
    found = np.array(second["real"]) + 1j * np.array(second["imaginary"])
    assert np.allclose(found.reshape(second["shape"]), response, rtol=1e-3)
    assert second["noise_variance"] == [0.1, None, 1e-5] and (second["snr_db"], second["cfo_hz"]) == (None, 7.0)


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


def test_an_account_is_of_one_state_however_much_is_written_meanwhile(file):
    with MemoryStore(2, file=file) as store, Account(file) as account:
        before = [(entry.user, entry.message) for entry in account.entries(0)]
        for message in range(10, 14):  # all that the account has seen makes room
            store.update(received(0, message), understood("newer"))
        assert [(entry.user, entry.message) for entry in account.entries()] == [*before, (1, 1)]
        assert (account.count(), account.time) == (3, 4) and len(before) == 2
        with Account(file) as later:
            assert [entry.message for entry in later.entries(0)] == [12, 13] and later.time == 8


@pytest.fixture
def long(tmp_path):
    """A memory of many pages."""
    with MemoryStore(99, file=tmp_path / "memory.db") as store:
        for message in range(50):
            store.update(received(0, message), understood("text " * 200))
    return tmp_path / "memory.db"


def spoil(file):
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.seek(3 * 4096)
        stream.write(b"\xa5" * (size - 3 * 4096))


@pytest.mark.parametrize("command", [("show",), ("export", "out"), ("forget", "--all")])
def test_damaged_pages_are_one_sentence(long, command, monkeypatch):
    monkeypatch.chdir(long.parent)
    spoil(long)
    done = semcom(command[0], long, *command[1:])
    assert done.exit_code == 2 and "is damaged" in done.output and "Traceback" not in done.output
    with pytest.raises(ConfigError, match=r"^the memory .* is damaged \(.*\): delete it, or name another$"):
        MemoryStore(99, file=long)


def test_pages_that_are_damaged_meanwhile_are_one_sentence(long):
    with MemoryStore(99, file=long) as store:
        store._disk._base.execute("PRAGMA shrink_memory")  # nothing is read from what was read before
        spoil(long)
        for use in (lambda: store.stream(0), lambda: store.update(received(0, 99), understood()), store.forget):
            with pytest.raises(ConfigError, match=r"is damaged .*: delete it, or name another"):
                use()
        assert len(store) == 50


def test_what_is_no_memory_is_said(tmp_path):
    for command in (("show",), ("forget", "--all"), ("export", tmp_path / "out")):
        first, *rest = command
        done = semcom(first, tmp_path / "none.db", *rest)
        assert done.exit_code == 2 and "there is no memory" in done.output
    assert not list(tmp_path.iterdir())
