"""What `semcom qa` could reach at best: every line is understood as it was sent."""

from collections.abc import Iterator, Sequence

import numpy as np

from semcom_ota.codecs.base import Decoded
from semcom_ota.config import LinkConfig
from semcom_ota.experiments.qa_plan import Line, Outcome
from semcom_ota.memory.receiver_memory import ReceiverMemory
from semcom_ota.types import Csi, FrameHeader, ReceivedMessage

SNR_DB = 30.0
"""Of a channel that nothing is lost on."""


class ErrorFreeLevel:
    """No codec, no air: reader and memory alone."""

    def __init__(self, link: LinkConfig):
        """Load the reader; raises ConfigError if it cannot be had."""
        self._memory = ReceiverMemory(link.memory, link.device)
        variance = np.full(link.phy.used_carriers, 10 ** (-SNR_DB / 10), np.float32)
        response = np.ones((1, len(variance)), np.complex64)
        self._csi = Csi(response, variance, SNR_DB, 0.0, link.phy.sample_rate, link.phy.sample_rate / link.phy.fft_size)

    def run(self, lines: Sequence[Line], snr_db: float, seed: int) -> Iterator[tuple[Line, Outcome]]:
        """Yields each line with what the reader made of it, in order; `snr_db` and `seed` do not matter."""
        self._memory.store.forget()
        for line in lines:
            header = FrameHeader(
                0, task=line.task, stream=line.stream, message=line.message, message_symbols=len(line.text)
            )
            symbols = np.frombuffer(line.text.encode("utf-32-le"), np.uint32).astype(np.complex64)
            variance = np.full(len(symbols), 10 ** (-SNR_DB / 10), np.float32)
            received = ReceivedMessage(header, symbols, variance, (self._csi,))
            understanding = self._memory.take_in(received, Decoded(line.text, 1.0, True))
            yield line, Outcome("delivered", line.text, understanding)
