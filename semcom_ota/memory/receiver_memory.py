"""A receiver's memory at work: it takes in what was decoded, and answers what is asked."""

from dataclasses import replace

from semcom_ota.codecs.base import Decoded, Remembered
from semcom_ota.config import ConfigError, DeviceConfig
from semcom_ota.memory.disk import say_once
from semcom_ota.memory.entry import NO_FEATURES, Understood
from semcom_ota.memory.store import MemoryStore
from semcom_ota.memory_config import MemoryConfig
from semcom_ota.types import ReceivedMessage, Understanding


class ReceiverMemory:
    """Store and, if one is wanted, who reads it."""

    def __init__(self, config: MemoryConfig, device: DeviceConfig) -> None:
        """Open the store, load the reader; raises ConfigError if either cannot be had."""
        self.store = MemoryStore(config.entries, config.rule, config.file, config.full_csi)
        self._recall, self._decode_with = None, config.decode_with
        if config.reader is not None:
            from semcom_ota.memory.recall import Recall  # torch, which a receiver of coded text does without

            self._recall = Recall(self.store, config, device)

    def before(self, received: ReceivedMessage) -> list[Remembered]:
        """What a codec may know when it decodes a message: nothing of other users, and not the message itself."""
        if not self._decode_with:
            return []
        try:
            entries = self.store.before(received, self._decode_with)
        except ConfigError as error:  # what was remembered is lost, and what was received is not
            say_once(str(error))
            return []
        return [Remembered(entry.understood.text, entry.understood.confidence) for entry in entries]

    def take_in(self, received: ReceivedMessage, decoded: Decoded) -> Understanding:
        """Remember a message, or, if it asks, answer it.

        Args:
            received: as it came from the air.
            decoded: what its codec made of it.

        Raises:
            ConfigError: see `MemoryStore.update`.
        """
        understanding = Understanding()
        if self._recall is not None:
            understanding = self._recall.take_in(received, decoded)
        else:
            self.store.update(received, Understood(decoded.text, decoded.trust, decoded.intact, NO_FEATURES))
        return replace(understanding, remembered=self.store.count(received.header.stream))
