"""What a reader does with a store: it gives what is kept a meaning, says what it will be worth, and answers."""

from dataclasses import replace

import numpy as np

from semcom_ota.codecs.base import Decoded
from semcom_ota.config import DeviceConfig
from semcom_ota.memory.context import recollect, recollection_of
from semcom_ota.memory.entry import Understood
from semcom_ota.memory.reader import Answer, MemoryReader, Sense
from semcom_ota.memory.store import MemoryStore
from semcom_ota.memory_config import MemoryConfig
from semcom_ota.types import ReceivedMessage, Task, Understanding

ASKS = "ask"
"""The intent of a question."""


class Recall:
    """Reader and store together."""

    def __init__(self, store: MemoryStore, config: MemoryConfig, device: DeviceConfig) -> None:
        """For a store; raises ConfigError if the reader that `config` names cannot be loaded."""
        if config.reader is None:
            raise ValueError("no reader is named")
        self._store, self._config = store, config
        self._reader = MemoryReader(config.reader, device)

    def take_in(self, received: ReceivedMessage, decoded: Decoded) -> Understanding:
        """See `ReceiverMemory.take_in`."""
        sense = self._reader.read(decoded.text, decoded.confidence)
        task = received.header.task
        if task == Task.ASK or (task != Task.TELL and sense.intent == ASKS):
            answer = self._answer(received, sense)
            return Understanding(sense.intent, answer.text, answer.confidence)
        self._remember(received, Understood(decoded.text, decoded.confidence, decoded.intact, sense.features))
        return Understanding(sense.intent)

    def _answer(self, received: ReceivedMessage, question: Sense) -> Answer:
        user, query = received.header.stream, question.features[0]
        now = self._store.pass_by(received)
        self._store.ask(user, query)
        known = recollect(self._store, user, query, self._config.context, now)
        if self._config.shuffled_csi:
            order = np.random.default_rng(now).permutation(len(known.csi))
            known = replace(known, csi=known.csi[order])
        return self._reader.answer(question, known, self._config.left_out)

    def _remember(self, received: ReceivedMessage, understood: Understood) -> None:
        """Where something has to go by its value, the reader says first what all there is will be worth."""
        user, own = received.header.stream, None
        full = self._store.count(user) >= self._config.entries
        if "value" in self._config.rule and full and not self._store.has(received):
            coming = self._store.entry_of(received, understood)
            entries = [*self._store.stream(user), coming]
            now = max(entry.sent for entry in entries)
            known = recollection_of(entries, self._store, self._reader.width, now)
            values = dict(zip(known.numbers.tolist(), self._reader.worth(known).tolist(), strict=True))
            own = values.pop(coming.number)
            self._store.judge(list(values), list(values.values()))
        self._store.update(received, understood, own)
