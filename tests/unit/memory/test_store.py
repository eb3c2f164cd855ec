"""The receiver's memory: bounded, in order, unmoved by copies, one user's own, and the same after a restart."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from received import received, understood

from semcom_ota.config import ConfigError
from semcom_ota.memory.disk import MARK
from semcom_ota.memory.entry import Understood
from semcom_ota.memory.store import MemoryStore


def texts(store, user):
    return [entry.understood.text for entry in store.stream(user)]


@given(st.integers(0, 4), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=60, unique=True))
def test_each_user_keeps_its_newest_in_order(entries, messages):
    store = MemoryStore(entries)
    for user, message in messages:
        store.update(received(user, message), understood(f"{user} {message}"))
    for user in range(3):
        sent = [f"{of} {message}" for of, message in messages if of == user]
        assert texts(store, user) == sent[len(sent) - min(entries, len(sent)) :]
    assert len(store) == sum(len(store.stream(user)) for user in range(3)) and store.time == len(messages)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 1)), max_size=40))
def test_all_users_together_are_bounded_and_the_oldest_goes_first(messages):
    store = MemoryStore(100, max_bytes=1000)
    arrived = []
    for user, message, value in messages:
        if store.update(received(user, message, value), understood("x" * message)):
            arrived.append((user, message))
        assert store._bytes <= 1000
    kept = sorted((entry.number, entry.user, entry.message) for user in range(3) for entry in store.stream(user))
    assert [(user, message) for _, user, message in kept] == arrived[len(arrived) - len(kept) :]


def test_a_copy_changes_nothing_even_of_what_was_let_go(tmp_path):
    store = MemoryStore(2, file=tmp_path / "memory.db")
    for message in range(4):
        store.update(received(0, message, frames=2), understood(str(message)))
    store.close()
    with MemoryStore(2, file=tmp_path / "memory.db") as store:
        for message in range(4):
            assert store.update(received(0, message, frames=2), understood("a copy")) is None
        assert texts(store, 0) == ["2", "3"] and store.time == 8


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("entries", [100, 4])
def test_a_transmitter_that_starts_anew_loses_nothing_and_comes_behind(tmp_path, entries, restarts):
    store = MemoryStore(entries, file=tmp_path / "memory.db")
    for message in range(10):
        store.update(received(0, message), understood(f"old {message}"))
        store.update(received(1, message), understood("another user's"))
    if restarts:
        store.close()
        store = MemoryStore(entries, file=tmp_path / "memory.db")
    for message in range(5):
        store.update(received(0, message, value=1), understood(f"new {message}"))
    expected = [f"old {message}" for message in range(10)] + [f"new {message}" for message in range(5)]
    assert texts(store, 0) == expected[-entries:]
    assert [entry.sent for entry in store.stream(0)] == list(range(15))[-entries:]
    assert store.sent_at(received(0, 5, value=1)) == 15  # of a question, say
    assert store.sent_at(received(1, 10)) == 10
    assert store.update(received(0, 3, value=1), understood("a copy")) is None
    store.close()


def test_numbers_that_begin_again_cost_nothing_that_is_kept(tmp_path):
    """A transmitter started anew, or one that has sent more messages than there are numbers."""
    store = MemoryStore(200, file=tmp_path / "memory.db")
    for message in (*range(100), *range(5)):
        store.update(received(0, message, store.time), understood(f"{store.time}"))
    assert texts(store, 0) == [str(time) for time in range(105)]
    assert [entry.sent for entry in store.newest(0, 6)] == [99, *range(100, 105)]
    assert store.update(received(0, 3, 103), understood("a copy")) is None and len(store) == 105
    store.close()
    with MemoryStore(101, file=tmp_path / "memory.db") as again:  # where the first ones make room
        assert texts(again, 0) == [str(time) for time in range(4, 105)]
        again.update(received(0, 5, 200), understood("the newest"))
        assert texts(again, 0) == [*(str(time) for time in range(5, 105)), "the newest"]
        assert again.has(received(0, 3, 103))


def test_an_entry_holds_what_was_received_its_meaning_and_its_channel():
    store = MemoryStore(4, full_csi=True)
    store.update(received(3, 9, frames=2), understood("text", (3, 4), 0.25, intact=False))
    (entry,) = store.stream(3)
    said = entry.understood
    assert (entry.user, entry.message, entry.sent, entry.time) == (3, 9, 9, 2)
    assert (said.text, said.confidence, said.intact, said.modality) == ("text", 0.25, False, "text")
    assert said.features.tolist() == [[3, 4]] and entry.reliability.tolist() == [0.5, 0.5]
    assert entry.csi.snr_db == pytest.approx(10) and entry.csi.carrier_snr_db == pytest.approx(10, abs=0.01)
    whole = received(3, 9).csi[0]
    for one in entry.channel:
        assert np.allclose(one.frequency_response, whole.frequency_response) and one.snr_db == whole.snr_db
        assert np.array_equal(one.noise_variance, whole.noise_variance)
    assert len(entry.channel) == 2 and MemoryStore(4).stream(3) == []


def test_csi_from_before_a_gap_is_stale_for_every_user():
    store = MemoryStore(4)
    for user, message, lost in ((0, 1, 0), (1, 1, 0), (0, 2, 500), (0, 2, 500), (1, 2, 0)):
        store.update(received(user, message, lost_samples=lost), understood())
    stale = [[store.is_stale(entry) for entry in store.stream(user)] for user in (0, 1)]
    assert stale == [[True, False], [True, False]] and store.lost_samples == 500


def test_nothing_of_one_user_is_found_by_another():
    store = MemoryStore(4)
    store.update(received(0, 1), understood("mine", (1, 0)))
    store.update(received(1, 1), understood("yours", (1, 0.1)))
    query = np.array([1, 0], np.float32)
    assert [[entry.understood.text for entry, _ in store.nearest(user, query, 9)] for user in range(3)] == [
        ["mine"], ["yours"], []
    ]  # fmt: skip
    assert store.forget(0) == 1 and store.users == [1] and store.nearest(0, query, 9) == []
    assert store.forget() == 1 and len(store) == store._bytes == 0


def test_a_rule_decides_what_goes():
    store = MemoryStore(2, {"value": 1.0})
    for message, value in ((1, 1.0), (2, 0.2), (3, 0.3), (4, 0.4)):
        store.update(received(0, message), understood(str(message)), value)
    assert texts(store, 0) == ["1", "4"]
    assert store.update(received(0, 5), understood("of no use"), value=0.0) is None


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 300), st.integers(0, 2)), max_size=12))
def test_what_would_be_kept_is_what_is_kept(messages):
    store = MemoryStore(100)
    for user, message, frames in messages:
        came, said = received(user, message, frames=frames, lost_samples=message), understood(str(message))
        before = len(store), store.time, store.lost_samples, store.users
        coming = store.entry_of(came, said, 0.25)
        assert (len(store), store.time, store.lost_samples, store.users) == before
        kept = store.update(came, said, 0.25)
        if kept:
            parts = ("number", "user", "message", "sent", "time", "lost_samples", "value", "understood")
            assert [getattr(kept, part) for part in parts] == [getattr(coming, part) for part in parts]


def test_a_message_that_is_passed_by_takes_time_and_no_room():
    store = MemoryStore(4)
    store.update(received(0, 65534), understood("before"))
    for message, frames, lost, sent in ((65535, 3, 50, 65535), (1, 1, 0, 2**16 + 1), (65535, 3, 50, 65535)):
        came = received(0, message, frames=frames, lost_samples=lost)
        assert store.sent_at(came) == sent
        store.pass_by(came)  # the last is a copy
    store.update(received(0, 2), understood("after"))
    assert [(entry.sent, entry.time) for entry in store.stream(0)] == [(65534, 1), (2**16 + 2, 6)]
    assert len(store) == 2 and store.lost_samples == 50 and store.is_stale(store.stream(0)[0])


def test_time_goes_on_from_what_was_passed_by_even_before_anything_is_kept():
    store = MemoryStore(4)
    store.pass_by(received(3, 65535))
    assert store.users == []
    assert store.update(received(3, 0), understood()).sent == 2**16
    assert store.update(received(4, 0), understood()).sent == 0


def test_a_judgement_is_of_what_is_there_and_decides_what_goes(tmp_path):
    with MemoryStore(3, {"value": 1.0}, tmp_path / "memory.db") as store:
        numbers = [store.update(received(user, user), understood(str(user))).number for user in (0, 1)]
        numbers += [store.update(received(0, message), understood(str(message))).number for message in (5, 6)]
        judged = {numbers[0]: 0.75, numbers[2]: 0.25, 99: 1.0, numbers[3]: 0.5}
        store.update(received(0, 7), understood("7"), 0.0, judged)
        store.update(received(1, 2), understood("2"), 0.125, {numbers[0]: 0.0})  # another user's
    with MemoryStore(3, {"value": 1.0}, tmp_path / "memory.db") as store:
        assert [entry.value for entry in store.stream(0)] == [0.75, 0.25, 0.5]
        assert [entry.value for entry in store.stream(1)] == [0.0, 0.125]
        store.update(received(0, 8), understood("8"), 0.5)
        assert texts(store, 0) == ["0", "6", "8"]
        store.update(received(0, 9), understood("9"), 0.9, {numbers[0]: 0.875})  # of those judged now, the least
        assert texts(store, 0) == ["6", "8", "9"]


def test_it_is_the_same_after_a_restart(tmp_path):
    file = tmp_path / "deep" / "memory.db"
    with MemoryStore(3, {"value": 1.0}, file) as store:
        for message in range(5):
            store.update(received(1, message, lost_samples=message), understood(str(message), (message, 1)), message)
        before = store.stream(1), store.time, store.lost_samples
    with MemoryStore(3, {"value": 1.0}, file) as store:
        again = store.stream(1)
        assert [entry.number for entry in again] == [entry.number for entry in before[0]]
        assert [entry.value for entry in again] == [2, 3, 4] and (store.time, store.lost_samples) == before[1:]
        assert store.update(received(1, 4), understood("a copy")) is None
        store.update(received(1, 5), understood("5", (5, 1)))
        assert texts(store, 1) == ["3", "4", "5"]  # the newest is taken for as good as the others
        assert store.nearest(1, np.array([0, 1], np.float32), 1)[0][0].understood.text == "3"


MERGES = {"value": 0.5, "correlation": 1.0}


def test_with_the_rule_correlation_what_says_the_same_becomes_one_as_it_comes(tmp_path):
    said = (("in the kitchen", (1, 0), 0.9, 0.8), ("in the garden", (0, 1), 0.5, 0.2),
            ("in the kitchen", (), 0.4, 0.1), ("in a garden", (0.1, 1), 0.3, 0.1))  # fmt: skip
    for rule in (MERGES, {"value": 1.0, "correlation": 0.0}):
        with MemoryStore(9, rule, tmp_path / f"{len(rule)}{rule['correlation']}.db") as store:
            store.update(received(1, 0), understood("in the kitchen", (1, 0)))
            for message, (text, features, sure, value) in enumerate(said):
                store.update(received(0, message), understood(text, features, sure, sure > 0.8), value)
            found = [
                (entry.sent, one.text, one.confidence, one.intact, entry.value)
                for entry in store.stream(0) for one in [entry.understood]
            ]  # fmt: skip
            if rule is MERGES:  # the newer has the greater value, and of the same words the greater confidence
                assert found == [(2, "in the kitchen", 0.9, True, 0.8), (3, "in a garden", 0.3, False, 0.2)]
                assert store._users[0].held.value.tolist() == [0.8, 0.2] and len(store) == 3
            else:
                assert len(found) == 4


def test_what_is_late_and_was_said_again_since_is_no_news():
    store = MemoryStore(9, MERGES)
    for message, text in ((0, "begins"), (5, "the same"), (3, "the same")):
        store.update(received(0, message), understood(text))
    assert [entry.sent for entry in store.stream(0)] == [0, 5]


def test_what_was_asked_is_known_after_a_restart(tmp_path):
    for file in (None, tmp_path / "memory.db"):
        store = MemoryStore(2, {"correlation": 1.0}, file)
        for message, features in enumerate(((1, 0), (0, 1))):
            store.update(received(0, message), understood(str(message), features))
        store.pass_by(received(0, 2), np.array([3, 0.25], np.float32))
        if file:
            store.close()
            store = MemoryStore(2, {"correlation": 1.0}, file)
        store.pass_by(received(0, 2), np.array([0, 1], np.float32))  # a copy asks nothing
        store.update(received(0, 3), understood("3", (1, 1)))  # nearer to what was there last than to the first
        assert texts(store, 0) == ["0", "3"]
        store.close()


def test_entries_of_another_reader_are_read_anew(tmp_path):
    file = tmp_path / "memory.db"
    with MemoryStore(9, file=file) as store:
        for message, reader in enumerate(("old", "new", "", "old")):
            said = Understood(str(message), 0.5, True, np.full((1, 2), message, np.float32), reader=reader)
            store.update(received(message % 2, message), said)
        store.pass_by(received(0, 9), np.ones(2, np.float32))
    read = []
    with MemoryStore(9, file=file) as store:
        for number in (3, 0):
            assert store.read_anew("new", lambda *said: read.append(said) or np.full((1, 3), 7, np.float32)) == number
        assert read == [("0", 0.5), ("2", 0.5), ("3", 0.5)] and not store._users[0].held.asked.any()
        query = np.ones(3, np.float32)
        assert [entry.understood.text for entry, _ in store.nearest(0, query, 9)] == ["2", "0"]
        store.update(received(0, 10), understood("newest", (0, 0, 1)))  # the memory goes on in the other width
    with MemoryStore(9, file=file) as store:
        said = [entry.understood for user in (0, 1) for entry in store.stream(user)]
        assert [(one.text, one.reader, one.features.shape) for one in said] == [
            ("0", "new", (1, 3)), ("2", "new", (1, 3)), ("newest", "", (1, 3)), ("1", "new", (1, 2)),
            ("3", "new", (1, 3)),
        ]  # fmt: skip


def full(store, pages: int | None) -> None:
    """Let the disk have so many pages more, and no others; None: as many as it wants."""
    (now,) = store._disk._base.execute("PRAGMA page_count").fetchone()
    store._disk._base.execute(f"PRAGMA max_page_count = {2**30 if pages is None else now + pages}")


@pytest.mark.parametrize("rule", ["fifo", "value", "correlation"])
def test_a_full_disk_costs_what_comes_and_nothing_else(tmp_path, rule):
    file, long = tmp_path / "memory.db", "long " * 10_000
    with MemoryStore(3, {rule: 1.0}, file) as store:
        for message in range(3):
            store.update(received(0, message), understood(str(message), (1, message)))
        full(store, 0)
        for message in (3, 4):
            with pytest.raises(ConfigError, match=r"cannot write the memory.*full.*: make room, or name another"):
                store.update(received(0, message, lost_samples=5), understood(long, (1, 3)))
            assert texts(store, 0) == ["0", "1", "2"] and len(store) == 3
        assert (store.time, store.lost_samples) == (5, 10) and store.is_stale(store.stream(0)[0])
        assert store.nearest(0, np.array([1, 2], np.float32), 1)[0][0].understood.text == "2"
        full(store, None)
        store.update(received(0, 6), understood("6", (9, 1)), value=9)
        before, bytes_used = texts(store, 0), store._bytes
        assert len(before) == 3 and before[-1] == "6" and store.stream(0)[-1].sent == 6
    with MemoryStore(3, {rule: 1.0}, file) as store:
        assert (texts(store, 0), store._bytes, store.time, store.lost_samples) == (before, bytes_used, 6, 10)


def test_what_cannot_be_forgotten_on_the_disk_is_not_forgotten(tmp_path):
    with MemoryStore(3, file=tmp_path / "memory.db") as store:
        store.update(received(0, 1), understood("kept"))
        store._disk._base.execute("PRAGMA query_only = ON")
        with pytest.raises(ConfigError, match="cannot write"):
            store.forget()
        assert texts(store, 0) == ["kept"]
        store._disk._base.execute("PRAGMA query_only = OFF")
        assert store.forget() == 1 and store.sent_at(received(0, 0, value=7)) == 0  # its clock, too
    with MemoryStore(3, file=tmp_path / "memory.db") as store:
        assert store.sent_at(received(0, 0, value=7)) == 0


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from received import received, understood
from semcom_ota.memory.store import MemoryStore
store = MemoryStore(1000, file=Path(sys.argv[1]))
for message in range(60_000):
    store.update(received(0, message), understood(f"message {message}"))
    print(message, flush=True)
"""


def test_what_was_kept_is_there_after_a_kill(tmp_path):
    file = tmp_path / "memory.db"
    command = [sys.executable, "-c", KILLED, str(file), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        last = next(int(line) for line in process.stdout if int(line) >= 30)
        process.send_signal(signal.SIGKILL)
    with MemoryStore(1000, file=file) as store:
        kept = texts(store, 0)
        assert len(kept) >= last + 1 and kept == [f"message {message}" for message in range(len(kept))]
        assert store.time == len(kept)


def test_a_file_that_is_no_memory_is_refused(tmp_path):
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(ConfigError, match="cannot open the memory"):
        MemoryStore(1, file=tmp_path / "text")
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(ConfigError, match="another program's"):
        MemoryStore(1, file=tmp_path / "other")
    with sqlite3.connect(tmp_path / "older") as older:
        older.execute(f"PRAGMA application_id = {MARK - 1}")
        older.execute("CREATE TABLE entries (number INTEGER PRIMARY KEY)")
    with pytest.raises(ConfigError, match="of another version of semcom: delete it, or name another"):
        MemoryStore(1, file=tmp_path / "older")


@pytest.mark.parametrize(
    "damage",
    [
        "features = x'00'",
        "vectors = 7",
        "user = 999",
        "channel = x'0102'",
        "text = NULL",
        "number = -5, features = 'a'",
    ],
)
def test_a_damaged_entry_is_one_sentence(tmp_path, damage):
    file = tmp_path / "memory.db"
    with MemoryStore(3, file=file) as store:
        store.update(received(0, 1), understood("text", (1, 2)))
    base = sqlite3.connect(file)
    try:
        base.execute(f"UPDATE entries SET {damage}")
        base.commit()
    except sqlite3.IntegrityError:
        return  # the table itself refuses it
    finally:
        base.close()
    with pytest.raises(ConfigError, match="is damaged"):
        store = MemoryStore(3, file=file)
        [store.stream(user) for user in store.users]


@pytest.mark.parametrize("damage", ["clock = x'00'", "clock = 'x'", "asked = x'01'", "user = 'x', asked = 7"])
def test_a_damaged_user_is_one_sentence_and_the_file_is_let_go(tmp_path, damage):
    file = tmp_path / "memory.db"
    with MemoryStore(3, file=file) as store:
        store.update(received(0, 1), understood("text", (1, 2)))
    base = sqlite3.connect(file)
    try:
        base.execute(f"UPDATE users SET {damage}")
        base.commit()
    except sqlite3.IntegrityError:
        return  # the table itself refuses it
    finally:
        base.close()
    for _ in range(2):
        with pytest.raises(ConfigError, match="is damaged"):
            MemoryStore(3, file=file)
