"""How long one sentence takes, stage by stage, and how many a second a decoder manages in a batch: level `waveform`."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from semcom_ota.air_config import ChannelConfig
from semcom_ota.codecs.base import Codec, DoesNotFit, Received, decode_all
from semcom_ota.config import LoopbackRadio, PhyConfig
from semcom_ota.experiments.sweep_config import symbols_for
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.services.encoder import to_frames
from semcom_ota.services.reassembly import Reassembler

STAGES = ("encode", "transmit", "receive", "decode")


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one codec."""

    milliseconds: dict[str, list[float]]  # stage (STAGES and their sum `total`; `air` is samples over rate) -> messages
    lost: int  # messages that did not fit or did not arrive: they have no times
    batches: list[float] = field(default_factory=list)  # milliseconds that a batch took to decode
    batch: int = 0  # messages in each

    def percentile(self, stage: str, percent: float) -> float:
        """Milliseconds; NaN if no message arrived."""
        values = self.milliseconds[stage]
        return float(np.percentile(values, percent)) if values else math.nan

    @property
    def sentences_per_second(self) -> float:
        """Decoded in batches, by the median batch; NaN if there was none."""
        return 1e3 * self.batch / float(np.median(self.batches)) if self.batches else math.nan


def measure(
    codec: Codec,
    texts: Sequence[str],
    *,
    budget: float = 8.0,
    snr_db: float = 6.0,
    channel: ChannelConfig | None = None,
    phy: PhyConfig | None = None,
    warm_up: int = 10,
    batch: int = 32,
    seed: int = 0,
) -> Latency:
    """Send texts one by one from codec to codec through the numpy PHY, then decode what arrived in batches.

    The channel itself is not timed. `receive` is all that a receiver does with the samples of a message and the silence
    behind it: detection, estimation, equalisation, reassembly.

    Args:
        codec: to be timed; texts that do not fit are left out.
        texts: at least one, and none twice; the last ones are sent first, for the warm-up.
        budget: payload symbols a word.
        snr_db: mean Es/N0.
        channel: None is AWGN and nothing else.
        phy: None is the default air interface.
        warm_up: messages that are sent first and not counted.
        batch: messages that are decoded together.
        seed: of noise and channel.
    """
    link = _Link(codec, phy or PhyConfig(), channel or ChannelConfig(), budget, snr_db, seed)
    times: dict[str, list[float]] = {stage: [] for stage in (*STAGES, "total", "air")}
    arrived: list[Received] = []
    for message in range(-warm_up, len(texts)):
        passed = link.send(message + warm_up, texts[message % len(texts)])
        if passed is not None and message >= 0:
            arrived.append(passed[0])
            for stage, value in passed[1].items():
                times[stage].append(value)
    full = [arrived[first : first + batch] for first in range(0, len(arrived) - batch + 1, batch)]
    batches = []
    for one in [*full[:1], *full]:  # the first one twice: the warm-up
        watch = _Stopwatch()
        decode_all(codec, one)
        batches.append(watch.lap())
    return Latency(times, len(texts) - len(arrived), batches[1:], batch)


class _Link:
    """Both ends of a link in one thread."""

    def __init__(
        self, codec: Codec, phy: PhyConfig, channel: ChannelConfig, budget: float, snr_db: float, seed: int
    ) -> None:
        self._codec, self._phy, self._channel, self._budget = codec, phy, channel, budget
        self._snr_db, self._seed = snr_db, seed
        self._transmitter, self._receiver, self._reassembler = Transmitter(phy), Receiver(phy), Reassembler()
        reach = LoopbackRadio(channel=channel).reach_samples(phy)
        self._silence = np.zeros(reach + self._receiver.lookahead_samples, np.complex64)

    def send(self, number: int, text: str) -> tuple[Received, dict[str, float]] | None:
        """A message from codec to codec: as its decoder got it, and milliseconds; None if it did not get there."""
        watch = _Stopwatch()
        try:
            encoded = self._codec.encode(text, n_symbols=symbols_for(text, self._budget), snr_db=self._snr_db)
        except DoesNotFit:
            return None
        took = dict.fromkeys(STAGES, 0.0) | {"encode": watch.lap()}
        samples, messages = 0, []
        for frame in to_frames(encoded, self._codec.number, 0, number, self._phy.max_frame_symbols):
            watch.lap()
            sent = self._transmitter.modulate(frame)
            took["transmit"] += watch.lap()
            samples += sent.size
            key = number, frame.header.fragment
            heard = impair(
                np.concatenate([sent, self._silence]), self._channel, self._phy, self._snr_db, self._seed, key
            )
            watch.lap()
            messages += [whole for one in self._receiver.process(heard) for whole in self._reassembler.push(one)]
            took["receive"] += watch.lap()
        own = [one for one in messages if (one.header.message, one.header.codec) == (number, self._codec.number)]
        if not own:
            return None
        taken = Received(own[0].symbols, own[0].noise_variance, own[0].header.codec_parameters)
        watch.lap()
        self._codec.decode(taken.symbols, taken.noise_variance, taken.parameters)
        took["decode"] = watch.lap()
        return taken, took | {"total": sum(took.values()), "air": 1e3 * samples / self._phy.sample_rate}


class _Stopwatch:
    def __init__(self) -> None:
        self._started = time.perf_counter()

    def lap(self) -> float:
        """Milliseconds since it was started, or since the lap before."""
        before, self._started = self._started, time.perf_counter()
        return 1e3 * (self._started - before)
