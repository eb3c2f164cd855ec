import sqlite3

import numpy as np
import pytest
from readers import ASKED, TOLD, WIDTH
from received import received

from semcom_ota.codecs.base import Decoded, Remembered
from semcom_ota.config import ConfigError, DeviceConfig, MemoryConfig
from semcom_ota.memory.receiver_memory import ReceiverMemory
from semcom_ota.types import Task, Understanding

CPU = DeviceConfig(device="cpu")


@pytest.mark.parametrize("task", Task)
def test_without_a_reader_everything_is_kept_and_nothing_is_understood(task):
    memory = ReceiverMemory(MemoryConfig(entries=2, rule="freshness"), CPU)
    for message, text in enumerate((TOLD[0], ASKED[0], "")):
        made = memory.take_in(received(1, message, frames=2, task=task), Decoded(text, 0.25, False))
        assert made == Understanding(remembered=min(message + 1, 2)) and made.answer is None
    kept = memory.store.stream(1)
    assert [entry.understood.text for entry in kept] == [ASKED[0], ""] and memory.store.time == 6
    assert all(entry.understood.features.size == 0 and entry.task == task for entry in kept)
    assert [(entry.understood.confidence, entry.understood.intact) for entry in kept] == [(0.25, False)] * 2


def test_with_a_reader_it_is_kept_with_its_meaning_or_answered(reader_folder):
    memory = ReceiverMemory(MemoryConfig(reader=reader_folder), CPU)
    assert memory.take_in(received(0, 0), Decoded(TOLD[0], 1.0, True)).answer is None
    assert memory.take_in(received(0, 1), Decoded(ASKED[0], 1.0, True)).answer is not None
    (entry,) = memory.store.stream(0)
    assert entry.understood.text == TOLD[0] and entry.understood.features.shape == (1, WIDTH)


def test_what_was_kept_with_a_reader_is_answered_from_after_a_restart(reader_folder, tmp_path):
    config = MemoryConfig(reader=reader_folder, file=tmp_path / "memory.db")
    question = received(0, 9, task=Task.ASK), Decoded(ASKED[0], 1.0, True)
    before = ReceiverMemory(config, CPU)
    for message, text in enumerate(TOLD[:5]):
        before.take_in(received(0, message), Decoded(text, 1.0, True))
    first = before.take_in(*question)
    before.store.close()
    after = ReceiverMemory(config, CPU)
    again = after.take_in(*question)
    after.store.close()
    assert (first.intent, first.answer) == (again.intent, again.answer)
    assert np.isclose(first.answer_confidence, again.answer_confidence, atol=1e-3)  # the disk keeps half precision


def test_a_reader_that_is_not_there_ends_the_start_with_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="no reader in") as caught:
        ReceiverMemory(MemoryConfig(reader=tmp_path), CPU)
    assert "\n" not in str(caught.value)


def test_a_codec_decodes_with_the_newest_of_its_user_and_never_with_the_message_itself():
    memory, none = (ReceiverMemory(MemoryConfig(decode_with=count), CPU) for count in (2, 0))
    for stream, message, text in ((0, 0, "a"), (0, 1, "b"), (1, 0, "secret"), (0, 2, "c")):
        for one in (memory, none):
            one.take_in(received(stream, message), Decoded(text, 0.25, False, 0.5))
    assert memory.before(received(0, 3)) == [Remembered("b", 0.5), Remembered("c", 0.5)]
    assert memory.before(received(0, 2)) == [Remembered("a", 0.5), Remembered("b", 0.5)]  # a copy: as the first time
    assert memory.before(received(0, 1)) == [Remembered("a", 0.5)]
    memory.take_in(received(0, 1, value=7), Decoded("new", 1.0, True))  # of a new start, under a number used before
    assert memory.before(received(0, 1, value=7)) == [Remembered("b", 0.5), Remembered("c", 0.5)]
    assert memory.before(received(2, 0)) == none.before(received(0, 3)) == []


def test_a_damaged_memory_tells_codecs_nothing_and_keeps_nothing_back(tmp_path, caplog):
    memory = ReceiverMemory(MemoryConfig(decode_with=2, file=tmp_path / "memory.db"), CPU)
    memory.take_in(received(0, 0), Decoded("a", 1.0, True))
    with sqlite3.connect(tmp_path / "memory.db") as disk:
        disk.execute("DELETE FROM entries")
    assert memory.before(received(0, 1)) == []
    assert "damaged" in caplog.text
