"""What a worker does: one unit of a sweep becomes rows, one a message and codec."""

from functools import lru_cache

from semcom_ota.codecs import registry
from semcom_ota.experiments import sweep_flowgraph, sweep_waveform
from semcom_ota.experiments.sweep_outcome import Outcome
from semcom_ota.experiments.sweep_plan import Measured, Task, links
from semcom_ota.phy.header import MESSAGE_SYMBOLS_BITS

SEND = {"waveform": sweep_waveform.send, "flowgraph": sweep_flowgraph.send}


def measure(task: Task) -> Measured:
    """Send the texts of a unit with every codec.

    Raises:
        ConfigError: a codec cannot be loaded, or spends more or less than the others.
        ServiceFailed: a codec or a process broke.
    """
    outcomes: dict[tuple[int, str], Outcome] = {}
    for codecs in links(task.sweep.codecs):
        outcomes |= SEND[task.sweep.level](task, codecs)
    unit, point = task.unit, task.unit.point
    rows, timings = [], []
    for message, swept in zip(unit.messages, task.texts, strict=True):
        for codec in task.sweep.codecs:
            outcome = outcomes[message, codec.label]
            key = {"unit": unit.index, "message": message, "codec": codec.label}
            overhead = _told_in_header(codec.name) if outcome.payload_symbols else 0
            row = {
                "unit": unit.index,
                "channel": point.channel,
                "csi": point.csi,
                "snr_db": point.snr_db,
                "budget": point.budget,
                "seed": unit.seed,
                "message": message,
                "codec": codec.label,
                "status": outcome.status,
                "does_not_fit": outcome.does_not_fit,
                "set": swept.set,
                "sent": swept.text,
                "received": outcome.received,
                "words": len(swept.text.split()),
                "payload_symbols": outcome.payload_symbols,
                "energy": round(outcome.energy, 4),  # beyond that, it depends on the order of summation
                "overhead_symbols": outcome.overhead_symbols,
                "overhead_bits": overhead,
                "air_samples": outcome.air_samples,
                "confidence": outcome.confidence,
                "word_confidence": outcome.word_confidence,
                "intact": outcome.intact,
                "snr_db_estimated": outcome.snr_db_estimated,
            }
            rows.append(row)
            timings.append(key | {"parameters": outcome.parameters} | outcome.milliseconds)
    return Measured(unit.index, rows, timings)


@lru_cache
def _told_in_header(codec: str) -> int:
    """Bits by which the header tells the decoder of the message: its codec's parameters, and how long it is."""
    return registry.parameter_bits(codec) + MESSAGE_SYMBOLS_BITS
