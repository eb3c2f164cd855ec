"""What a reader does with a store: it gives what is kept a meaning, says what it will be worth, and answers."""

from dataclasses import replace

import numpy as np

from semcom_ota.codecs.base import Decoded
from semcom_ota.config import ConfigError, DeviceConfig
from semcom_ota.memory.context import recollect, recollection_of
from semcom_ota.memory.disk import say_once
from semcom_ota.memory.entry import Understood
from semcom_ota.memory.reader import Answer, MemoryReader, Sense
from semcom_ota.memory.reader_model import INTENTS
from semcom_ota.memory.store import MemoryStore
from semcom_ota.memory_config import MemoryConfig
from semcom_ota.types import FloatArray, ReceivedMessage, Task, Understanding

ASKS = "ask"
"""The intent of a question."""
SERVICES = frozenset(INTENTS) - {"tell", ASKS}

NOTHING_KNOWN = Answer("", 0.0, np.empty(0, np.int64), np.empty(0, np.float32))
"""To a user of whom nothing is remembered yet; a receiver that keeps nothing at all answers questions by themselves."""


class Recall:
    """Reader and store together."""

    def __init__(self, store: MemoryStore, config: MemoryConfig, device: DeviceConfig) -> None:
        """For a store, which the reader reads first where it did not read it yet (`MemoryStore.read_anew`).

        Raises:
            ConfigError: the reader that `config` names cannot be loaded, or the store not be written.
        """
        if config.reader is None:
            raise ValueError("no reader is named")
        self._store, self._config = store, config
        self._reader = MemoryReader(config.reader, device)
        store.read_anew(self._reader.fingerprint, lambda text, sure: self._reader.read(text, sure).features)

    def take_in(self, received: ReceivedMessage, decoded: Decoded) -> Understanding:
        """See `ReceiverMemory.take_in`. What the message wants selects what is made of it.

        A question is answered from the memory; a request for a service is passed on, by the name of the service, as
        the answer; anything else is remembered. The header's task decides, or, where it does not, the intent.
        """
        sense = self._reader.read(decoded.text, decoded.trust)
        task = received.header.task
        if task == Task.ASK or (task != Task.TELL and sense.intent == ASKS):
            answer = self._answer(received, sense)
            return Understanding(sense.intent, answer.text, answer.confidence)
        if task != Task.TELL and sense.intent in SERVICES:
            self._pass_by(received)
            return Understanding(sense.intent, sense.intent, sense.intent_probability)
        said = Understood(decoded.text, decoded.trust, decoded.intact, sense.features, reader=self._reader.fingerprint)
        self._remember(received, said)
        return Understanding(sense.intent)

    def _answer(self, received: ReceivedMessage, question: Sense) -> Answer:
        user, query = received.header.stream, question.features[0]
        now = self._store.sent_at(received)
        self._pass_by(received, query)
        known = recollect(self._store, user, query, self._config.context, now)
        if self._config.entries and not len(known.numbers):
            return NOTHING_KNOWN
        if self._config.shuffled_csi:
            order = np.random.default_rng(now).permutation(len(known.csi))
            known = replace(known, csi=known.csi[order])
        return self._reader.answer(question, known, self._config.left_out)

    def _pass_by(self, received: ReceivedMessage, query: FloatArray | None = None) -> None:
        """Take note of a message that is not kept; an answer takes nothing of what could not be written."""
        try:
            self._store.pass_by(received, query)
        except ConfigError as error:
            say_once(str(error))

    def _remember(self, received: ReceivedMessage, understood: Understood) -> None:
        """Where something has to go by its value, the reader says first what all that is in question will be worth."""
        user, own, judged = received.header.stream, None, {}
        full = self._store.count(user) >= self._config.entries
        if self._config.rule.get("value") and full and not self._store.has(received):
            coming = self._store.entry_of(received, understood)
            entries = [*self._store.in_question(user, self._config.context - 1), coming]
            now = max(entry.sent for entry in entries)
            known = recollection_of(entries, self._store, self._reader.width, now)
            judged = dict(zip(known.numbers.tolist(), self._reader.worth(known).tolist(), strict=True))
            own = judged.pop(coming.number)
        self._store.update(received, understood, own, judged)
