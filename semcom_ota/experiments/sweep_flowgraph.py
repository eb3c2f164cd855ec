"""Level `flowgraph`: a unit of a sweep through GNU Radio, as `semcom loopback` sends it: processes and sockets."""

import contextlib
from collections.abc import Sequence
from typing import Any

from semcom_ota.config import LinkConfig, LoopbackRadio
from semcom_ota.experiments import loopback
from semcom_ota.experiments.radio_process import MAX_MESSAGES
from semcom_ota.experiments.sweep_config import SweptCodec, symbols_for
from semcom_ota.experiments.sweep_outcome import Outcome, check_spending
from semcom_ota.experiments.sweep_plan import Task, names
from semcom_ota.experiments.sweep_reading import STAGES
from semcom_ota.services.process import ServiceFailed


def send(task: Task, codecs: Sequence[SweptCodec]) -> dict[tuple[int, str], Outcome]:
    """Send the texts of a unit with the codecs of one link, interleaved frame by frame.

    Returns:
        (message, label) -> what became of it.

    Raises:
        ConfigError: a codec does not spend what it is granted.
        ServiceFailed: a process cannot be started, was given up, or failed at a message.
    """
    link = link_of(task, codecs)
    transmissions = [
        loopback.Transmission(
            message, stream, one.name, None, task.unit.point.snr_db, text, symbols_for(text, task.unit.point.budget)
        )
        for message, text in zip(task.unit.messages, (swept.text for swept in task.texts), strict=True)
        for stream, one in enumerate(codecs)
    ]
    outcomes: dict[tuple[int, str], Outcome] = {}
    with contextlib.ExitStack() as stack:
        for index, result, _ in loopback.exchange(transmissions, link, None, stack):
            sent = transmissions[index]
            label = codecs[sent.stream].label
            outcomes[sent.message, label] = _outcome(label, sent, result)
    return outcomes


def link_of(task: Task, codecs: Sequence[SweptCodec]) -> LinkConfig:
    """The link that carries the codecs of one link of a unit."""
    sweep, unit = task.sweep, task.unit
    channel = next(one.channel for one in sweep.channels if one.name == unit.point.channel)
    return LinkConfig(
        codec=codecs[0].codec.model_copy(update={"names": names(codecs)}),
        device=sweep.device,
        phy=sweep.phy,
        radio=LoopbackRadio(
            channel=channel, snr_db=(unit.point.snr_db,), messages_per_snr=MAX_MESSAGES, seed=unit.seed
        ),
    )


def _outcome(label: str, sent: loopback.Transmission, result: dict[str, Any]) -> Outcome:
    if result["failed"]:
        raise ServiceFailed(f"codec '{label}', message {sent.message}: {result['reason'] or 'it failed'}")
    if result["does_not_fit"]:
        return Outcome(does_not_fit=True)
    symbols = result["payload_symbols"]
    energy = result["mean_symbol_energy"] * symbols
    check_spending(label, sent.message, symbols, energy, sent.n_symbols or 0)
    return Outcome(
        status=result["status"],
        received=result["received"],
        payload_symbols=symbols,
        energy=energy,
        overhead_symbols=result["overhead_symbols"],
        air_samples=result["air_samples"],
        confidence=result["confidence"],
        word_confidence=result["word_confidence"],
        intact=result["status"] == "delivered",
        snr_db_estimated=result["snr_db_estimated"],
        milliseconds={f"{stage}_ms": result["latency_ms"][stage] for stage in STAGES},
    )
