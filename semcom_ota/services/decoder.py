"""The decoder worker: received messages to text.

`python -m semcom_ota.services.decoder --endpoint E --config FILE.json`
"""

import time

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Decoded, Received, decode_after
from semcom_ota.config import ConfigError, ReceiverConfig
from semcom_ota.memory.disk import say_once
from semcom_ota.memory.receiver_memory import ReceiverMemory
from semcom_ota.services import worker
from semcom_ota.transport.messages import DecodeReply, from_packet, to_packet
from semcom_ota.transport.wire import Packet, WireError
from semcom_ota.types import ReceivedMessage, Understanding


class DecoderService:
    """Decodes one message at a time, in order, and remembers each with its channel."""

    def __init__(self, config: ReceiverConfig) -> None:
        """Load all codecs of the configuration.

        Raises:
            ConfigError: one of them cannot be loaded.
        """
        self._codecs = {codec.number: codec for codec in registry.load_all(config.codec, config.device).values()}
        self.memory = ReceiverMemory(config.memory, config.device)

    def warm_up(self) -> None:
        """Encode and decode with each codec once; see `worker.Service`."""
        for codec in self._codecs.values():
            worker.try_out(codec, decode=True)

    def answer(self, packet: Packet) -> Packet:
        """`ReceivedMessage` to `DecodeReply`; a memory in trouble says so in the log, and keeps nothing back."""
        received = from_packet(packet)
        if not isinstance(received, ReceivedMessage):
            raise WireError(f"the decoder takes no '{packet.kind}'")
        codec = self._codecs.get(received.header.codec)
        if codec is None:
            raise WireError(f"no codec with the number {received.header.codec} is loaded")
        start = time.perf_counter()
        heard = Received(received.symbols, received.noise_variance, received.header.codec_parameters)
        decoded = decode_after(codec, heard, lambda: self.memory.before(received))
        decoded = Decoded(decoded.text, float(decoded.confidence), bool(decoded.intact), float(decoded.trust))
        for sure in (decoded.confidence, decoded.trust):
            if not 0 <= sure <= 1:
                raise ValueError(f"codec '{codec.name}' gave a confidence of {sure}, which is not in 0..1")
        try:
            understanding = self.memory.take_in(received, decoded)
        except ConfigError as error:  # a full disk, say: what was received is delivered all the same
            say_once(str(error))
            understanding = Understanding()
        return to_packet(DecodeReply(decoded, (time.perf_counter() - start) * 1e3, understanding))

    def notice(self, packet: Packet) -> None:
        """The decoder takes none.

        Raises:
            WireError: always.
        """
        raise WireError(f"the decoder takes no notice '{packet.kind}'")


if __name__ == "__main__":
    worker.run(ReceiverConfig, DecoderService)
