from dataclasses import replace

import numpy as np
import pytest
from readers import ASKED, TOLD, save_tiny_reader
from received import csi, received

from semcom_ota.codecs.base import Decoded
from semcom_ota.config import DeviceConfig, MemoryConfig
from semcom_ota.memory.entry import NO_FEATURES, Understood
from semcom_ota.memory.reader import MemoryReader
from semcom_ota.memory.recall import Recall
from semcom_ota.memory.store import MemoryStore
from semcom_ota.types import Task

CPU = DeviceConfig(device="cpu")


@pytest.fixture
def make(reader_folder):
    """A store and what reads it."""

    def made(**changes):
        config = MemoryConfig(reader=reader_folder, **changes)
        store = MemoryStore(config.entries, config.rule)
        return store, Recall(store, config, CPU)

    return made


@pytest.fixture
def minded(monkeypatch):
    """What the reader had in mind at each answer."""
    recollections, answer = [], MemoryReader.answer

    def noted(self, question, memory, *rest):
        recollections.append(memory)
        return answer(self, question, memory, *rest)

    monkeypatch.setattr(MemoryReader, "answer", noted)
    return recollections


def say(recall, message, text, user=0, task=Task.AUTO, confidence=1.0, value=0, snr_db=10.0):
    came = replace(received(user, message, value, task=task), csi=(csi(snr_db),))
    return recall.take_in(came, Decoded(text, confidence, True))


def texts(store, user=0):
    return [entry.understood.text for entry in store.stream(user)]


def test_what_is_told_is_remembered_with_its_meaning(make, reader_folder):
    store, recall = make()
    for message, text in enumerate((TOLD[0], ASKED[0], "")):  # also what looks like a question
        assert say(recall, message, text, task=Task.TELL, confidence=0.5).answer is None
    reader = MemoryReader(reader_folder, CPU)
    assert texts(store) == [TOLD[0], ASKED[0], ""]
    for entry in store.stream(0):
        expected = reader.read(entry.understood.text, 0.5).features
        assert np.allclose(entry.understood.features, expected, atol=1e-2) and entry.understood.confidence == 0.5


def test_what_is_asked_is_answered_and_not_kept(make, minded):
    store, recall = make()
    say(recall, 0, TOLD[0])
    for message, text in enumerate((ASKED[0], TOLD[1], ""), 1):
        made = say(recall, message, text, task=Task.ASK)
        assert made.answer is not None and 0 <= made.answer_confidence <= 1
    assert texts(store) == [TOLD[0]] and store.time == 4
    assert [memory.ages.tolist() for memory in minded] == [[1], [2], [3]]  # questions are messages, too


@pytest.mark.parametrize("task", [Task.AUTO, 3, 15])
def test_otherwise_it_goes_by_what_the_text_wants(make, task):
    store, recall = make()
    told, asked = say(recall, 0, TOLD[0], task=task), say(recall, 1, ASKED[0], task=task)
    assert (told.intent, told.answer) == ("tell", None)
    assert asked.intent == "ask" and asked.answer is not None
    assert texts(store) == [TOLD[0]]


def test_who_asks_before_anything_was_told_gets_no_answer(make, minded):
    _, recall = make()
    say(recall, 0, TOLD[0], user=1)
    refused = say(recall, 0, ASKED[0], user=0)
    assert (refused.answer, refused.answer_confidence, minded) == ("", 0.0, [])
    say(recall, 1, TOLD[1], user=0)
    assert say(recall, 2, ASKED[0], user=0).answer_confidence > 0


def test_a_memory_that_keeps_nothing_answers_too(make, minded):
    _, recall = make(entries=0)
    say(recall, 0, TOLD[0])
    assert 0 <= say(recall, 1, ASKED[0]).answer_confidence <= 1
    assert minded[0].numbers.tolist() == []


def test_nothing_of_one_user_comes_into_the_answer_to_another(make, minded):
    (_, alone), (store, shared) = make(), make()
    for message, text in enumerate(TOLD[:6]):
        say(shared, message, text, user=0)
    for recall in (alone, shared):
        say(recall, 0, TOLD[9], user=1)
    among, known = say(shared, 1, ASKED[0], user=1), say(alone, 1, ASKED[0], user=1)
    assert among == known and say(shared, 6, ASKED[0], user=0) != known
    assert [len(memory.numbers) for memory in minded] == [1, 1, 6]
    assert minded[0].numbers.tolist() == [store.stream(1)[0].number]


def test_no_more_comes_to_mind_than_the_configuration_says(make, minded):
    _, recall = make(context=3)
    for message, text in enumerate(TOLD[:8]):
        say(recall, message, text)
    say(recall, 8, ASKED[0])
    assert len(minded[0].numbers) == 3 and set(minded[0].ages.tolist()) >= {1, 2}


def test_what_is_asked_decides_what_the_rule_of_correlation_keeps(make):
    kept = []
    for asked in (ASKED[:1], ()):
        store, recall = make(entries=3, rule="correlation")
        say(recall, 0, TOLD[0])
        for message, text in enumerate(asked, 1):
            say(recall, message, text, task=Task.ASK)
        held = store._users[0].held.asked
        kept.append(bool(held.size and held.any()))
    assert kept == [True, False]


WORTH = [0.9, 0.1, 0.5, 0.8, 0.2, 0.7]


def test_the_rule_of_value_drops_what_the_reader_thinks_worthless(make, monkeypatch):
    monkeypatch.setattr(MemoryReader, "worth", lambda self, memory: np.array([WORTH[i] for i in memory.numbers]))
    store, recall = make(entries=2, rule="value")
    kept = []
    for message in range(6):
        say(recall, message, TOLD[message], task=Task.TELL)
        kept.append([TOLD.index(text) for text in texts(store)])
    assert kept == [[0], [0, 1], [0, 2], [0, 3], [0, 3], [0, 3]]
    assert [entry.value for entry in store.stream(0)] == [0.9, 0.8]


def test_the_reader_judges_a_users_whole_memory_with_what_is_coming(make, monkeypatch):
    judged = []

    def worth(self, memory):
        judged.append((memory.ages.tolist(), memory.features.shape[0]))
        return np.zeros(len(memory.numbers))

    monkeypatch.setattr(MemoryReader, "worth", worth)
    _, recall = make(entries=2, rule={"value": 1.0, "freshness": 0.5})
    for message, user in ((0, 0), (0, 1), (2, 0), (1, 1), (5, 0)):
        say(recall, message, TOLD[message], user=user, task=Task.TELL)
    assert judged == [([5, 3, 0], 3)]


@pytest.mark.parametrize("rule", ["fifo", "correlation", "freshness"])
def test_another_rule_does_not_ask_the_reader(make, monkeypatch, rule):
    monkeypatch.setattr(MemoryReader, "worth", lambda *_: 1 / 0)
    store, recall = make(entries=2, rule=rule)
    for message in range(4):
        say(recall, message, TOLD[message], task=Task.TELL)
    assert len(store) == 2


def test_a_reader_that_judges_for_itself_keeps_as_many_as_it_may(make):
    store, recall = make(entries=3, rule="value")
    for message, text in enumerate(TOLD):
        say(recall, message, text, task=Task.TELL)
    assert len(store) == 3 and all(0 <= entry.value <= 1 for entry in store.stream(0))


def test_a_channel_can_be_that_of_another_entry(make, minded):
    for shuffled in (False, True):
        _, recall = make(shuffled_csi=shuffled)
        for message, text in enumerate(TOLD[:8]):
            say(recall, message, text, task=Task.TELL, snr_db=3.0 * message)
        say(recall, 8, ASKED[0], task=Task.ASK)
    right, mixed = (memory.csi for memory in minded)
    assert not np.array_equal(right, mixed)
    assert np.array_equal(right[np.lexsort(right.T)], mixed[np.lexsort(mixed.T)])


def test_without_a_name_there_is_no_reader():
    with pytest.raises(ValueError, match="no reader"):
        Recall(MemoryStore(1), MemoryConfig(), CPU)


def test_a_copy_of_what_is_kept_is_judged_by_nobody(make):
    store, recall = make(entries=3, rule="value")
    for message, text in enumerate(TOLD[:5]):
        say(recall, message, text, task=Task.TELL)
    before = {entry.number: entry.value for entry in store.stream(0)}
    kept = store.stream(0)[-1]
    say(recall, kept.message, kept.understood.text, task=Task.TELL)
    assert {entry.number: entry.value for entry in store.stream(0)} == before


def test_what_was_kept_without_a_reader_is_no_hindrance(make):
    store, recall = make(entries=3, rule="value")
    for message in range(3):
        store.update(received(0, message), Understood(TOLD[message], 1.0, True, NO_FEATURES))
    for message in range(3, 6):
        say(recall, message, TOLD[message], task=Task.TELL)
    assert len(store) == 3 and say(recall, 7, ASKED[0], task=Task.ASK).answer is not None


def test_a_late_message_takes_its_place_before_it_is_judged(make, monkeypatch):
    judged, worth = [], MemoryReader.worth
    monkeypatch.setattr(MemoryReader, "worth", lambda self, memory: judged.append(memory) or worth(self, memory))
    store, recall = make(entries=2, rule="value")
    for message in (1, 9, 4):
        say(recall, message, TOLD[message], task=Task.TELL)
    assert judged[-1].ages.tolist() == [8, 5, 0] and len(store) == 2


def test_a_question_that_comes_twice_counts_once(make):
    store, recall = make()
    said = [say(recall, 3, ASKED[0], task=Task.ASK) for _ in range(2)]
    assert said[0] == said[1] and store.time == 1


def test_a_question_to_a_transmitter_that_started_anew_comes_behind_all(make, minded):
    _, recall = make()
    for message in range(10):
        say(recall, message, TOLD[message], task=Task.TELL)
    for message in range(5):
        say(recall, message, TOLD[10 + message], task=Task.TELL, value=1)
    say(recall, 5, ASKED[0], task=Task.ASK, value=1)
    assert minded[0].numbers.tolist() == list(range(15)) and minded[0].ages.tolist() == list(range(15, 0, -1))


@pytest.mark.parametrize("rule", [{"value": 1.0}, {"value": 0.1, "freshness": 1.0}])
def test_no_more_is_judged_at_a_time_than_comes_to_mind(make, monkeypatch, rule):
    """Not all that there is; but what goes was judged for the message that it goes for."""
    judged, kept = [], []

    def worth(self, memory):
        judged.append(memory.numbers.tolist())
        return np.random.default_rng(memory.numbers).random(len(memory.numbers))

    monkeypatch.setattr(MemoryReader, "worth", worth)
    for _ in range(2):
        store, recall = make(entries=30, rule=rule, context=8)
        kept.append([])
        for message in range(90):
            before = {entry.number for entry in store.stream(0)}
            say(recall, message, TOLD[message % 20], task=Task.TELL)
            if message >= 30:
                (gone,) = (before | {message}) - {entry.number for entry in store.stream(0)}
                assert gone in judged[-1] and message in judged[-1] and len(judged[-1]) == 8
                kept[-1].append(gone)
    assert kept[0] == kept[1] and judged[:60] == judged[60:]
    assert set(range(60)) <= {number for some in judged for number in some}


def test_a_budget_of_one_judges_what_comes(make):
    store, recall = make(entries=3, rule="value", context=1)
    for message in range(8):
        say(recall, message, TOLD[message], task=Task.TELL)
    assert len(store) == 3


def test_another_reader_reads_what_is_kept_before_it_answers_from_it(reader_folder, tmp_path, minded):
    other = save_tiny_reader(tmp_path / "other", seed=1)
    readers = [MemoryReader(folder, CPU) for folder in (reader_folder, other)]
    config = MemoryConfig(reader=reader_folder, file=tmp_path / "memory.db")
    with MemoryStore(9, file=config.file) as store:
        recall = Recall(store, config, CPU)
        for message in range(3):
            say(recall, message, TOLD[message], task=Task.TELL, confidence=0.5)
        say(recall, 3, ASKED[0], task=Task.ASK)
        store.update(received(0, 4), Understood(TOLD[4], 0.5, True, NO_FEATURES))  # by a receiver without a reader
    for reader, folder in zip(readers[::-1], (other, reader_folder), strict=True):
        with MemoryStore(9, file=config.file) as store:
            say(Recall(store, config.model_copy(update={"reader": folder}), CPU), 5, ASKED[1], task=Task.ASK)
            texts = [TOLD[0], TOLD[1], TOLD[2], TOLD[4]]
            expected = np.concatenate([reader.read(text, 0.5).features for text in texts])
            assert np.allclose(minded[-1].features, expected, atol=1e-2)
            assert {entry.understood.reader for entry in store.stream(0)} == {reader.fingerprint}
    assert not np.allclose(minded[-1].features, minded[-2].features, atol=0.1)


def test_a_question_is_answered_when_nothing_can_be_written(reader_folder, tmp_path, minded, caplog):
    config = MemoryConfig(reader=reader_folder, file=tmp_path / "memory.db")
    with MemoryStore(9, file=config.file) as store:
        recall = Recall(store, config, CPU)
        say(recall, 0, TOLD[0], task=Task.TELL)
        store._disk._base.execute("PRAGMA query_only = ON")
        answers = [say(recall, message, ASKED[0], task=Task.ASK).answer for message in (1, 2)]
        assert None not in answers and [memory.ages.tolist() for memory in minded] == [[1], [2]]
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        f"cannot write the memory '{config.file}'"
    ]


def test_a_request_selects_its_service_and_is_no_memory(make, monkeypatch):
    store, recall = make()
    read = MemoryReader.read
    monkeypatch.setattr(
        MemoryReader, "read", lambda *what: replace(read(*what), intent="GetWeather", intent_probability=0.8)
    )
    asked = say(recall, 0, "Will it rain in Geneva?")
    assert (asked.intent, asked.answer, asked.answer_confidence) == ("GetWeather", "GetWeather", 0.8)
    assert texts(store) == []
    assert say(recall, 1, "Will it rain in Geneva?", task=Task.TELL).answer is None
    assert texts(store) == ["Will it rain in Geneva?"] and store.stream(0)[0].sent == 1
