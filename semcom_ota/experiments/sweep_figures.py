"""The figures of a sweep: points, SNRs at a level, gaps in dB, what became of messages, what was spent, calibration."""

from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semcom_ota.codecs.base import POWER_TOLERANCE
from semcom_ota.experiments.calibration import Bin, Calibration, calibration
from semcom_ota.experiments.comparison import Crossing, crossing, difference, draws, gap
from semcom_ota.experiments.statistics import Estimate, clustered_proportion, estimate, proportion
from semcom_ota.experiments.sweep_config import symbols_for
from semcom_ota.experiments.sweep_data import Curve, SweepData, curve_name
from semcom_ota.experiments.sweep_reading import STAGES, Row, Timing
from semcom_ota.experiments.trust import is_wrong, wrong_counts

LEVELS = {"bleu1": (0.85, 0.9, 0.95), "bleu1_guess": (0.9,), "similarity": (0.9,), "exact_match": (0.9,)}
"""Figure -> the levels whose SNR is stated."""
WHOLE_ONLY = ("bleu1_guess",)
"""Figures whose levels are not stated apart for short and long messages."""
FADE_DB = 1.5
"""A message whose receiver estimated an SNR so far below the channel's mean met a fade.

Without one, no estimate is as far off; to lose a scheme with a cliff near the mean, a shallow one is enough.
"""

Record = dict[str, Any]


def points(data: SweepData) -> list[Record]:
    """A record for each curve and SNR: every figure of quality with its interval, and what was spent."""
    return [
        _place(curve) | {"snr_db": snr_db} | _quality(data, rows) | spending(data, rows) | fates(data, rows)
        for curve in data.curves
        for snr_db, rows in curve.rows.items()
    ]


def crossings(data: SweepData) -> tuple[list[Record], list[Record]]:
    """The SNR at which each curve reaches a level, and by how many dB each needs less than each other of its panel.

    For all messages, and apart for short and for long ones (the third with the fewest words, and that with the most).
    """
    reached, gaps = [], []
    for panel in data.panels():
        for length, chosen in lengths(data).items():
            for metric, levels in LEVELS.items():
                if metric not in data.figures or (length != "all" and metric in WHOLE_ONLY):
                    continue
                curves = {curve.name: _curve(data, curve, metric, chosen) for curve in data.of_panel(panel)}
                for level in levels:
                    found = {name: crossing(*curve, level) for name, curve in curves.items() if len(curve[0])}
                    where = {"channel": panel.channel, "budget": panel.budget, "length": length}
                    what = where | {"metric": metric, "level": level}
                    reached += [
                        what
                        | {"codec": name}
                        | (place := at.bounded()).as_json()
                        | _between(place.value, curves[name][0])
                        for name, at in found.items()
                    ]
                    gaps += [what | record for record in _gaps(found)]
    return reached, gaps


def differences(data: SweepData, reference: str) -> list[Record]:
    """Every curve's BLEU-1 less the reference's, over the same messages, wherever both were measured."""
    records = []
    for panel in data.panels():
        curves = {curve.name: curve for curve in data.of_panel(panel)}
        if reference not in curves:
            continue
        base = curves.pop(reference)
        for name, curve in curves.items():
            for snr_db in [snr_db for snr_db in curve.rows if snr_db in base.rows]:
                pair = data.sample(curve.rows[snr_db]), data.sample(base.rows[snr_db])
                found = difference(*pair, data.figures["bleu1"], data.resampling)
                if found:
                    records.append(
                        _place(curve)
                        | {"codec": name, "reference": reference, "snr_db": snr_db}
                        | _named("bleu1", found)
                    )
    return records


def calibrations(data: SweepData) -> list[Record]:
    """Of each codec, over all channels and over each: its confidence in a text against copies, and in its words
    against the share that is right.

    Messages that did not arrive have no text to be confident of: they are left out.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for index, row in enumerate(data.rows):
        if row.status != "lost":
            for channel in ("all", row.channel):
                groups.setdefault((curve_name(row), channel), []).append(index)
    records = []
    for (name, channel), indices in groups.items():
        rows = np.array(indices)
        said = [data.rows[index] for index in indices]
        total = data.table[rows]
        outcomes = {
            "exact_match": ([row.confidence for row in said], total[:, 13]),
            "words_right": ([row.trust for row in said], total[:, 11] / np.maximum(total[:, 12], 1)),
        }
        for outcome, (confidence, values) in outcomes.items():
            found = calibration(confidence, list(values), data.message[rows], data.resampling)
            records.append({"codec": name, "channel": channel, "outcome": outcome} | _calibrated(found))
    names = [curve.name for curve in data.curves]
    return sorted(records, key=lambda record: names.index(record["codec"]))


def wrong_texts(data: SweepData, most: int = 5) -> list[Record]:
    """Of each curve, the texts that were taken for whole and are wrong: the most confident ones first."""
    wrong: dict[str, list[Row]] = {}
    for row in data.rows:
        if is_wrong(row):
            wrong.setdefault(curve_name(row), []).append(row)
    return [
        {name: getattr(row, name) for name in ("channel", "budget", "snr_db", "confidence", "sent", "received")}
        | {"codec": codec}
        for codec, rows in wrong.items()
        for row in sorted(rows, key=lambda row: -row.confidence)[:most]
    ]


def latencies(timings: Iterable[Timing]) -> list[Record]:
    """Median and 99th percentile of each stage and of their sum, by codec, in milliseconds; and its weights."""
    found: dict[tuple[str, str], list[float]] = {}
    weights: dict[str, int | None] = {}
    for timing in timings:
        weights[timing.codec] = timing.parameters
        stages = {stage: getattr(timing, f"{stage}_ms") for stage in STAGES}
        for stage, value in stages.items():
            if value is not None:
                found.setdefault((timing.codec, stage), []).append(value)
        if None not in stages.values():
            found.setdefault((timing.codec, "total"), []).append(sum(stages.values()))
    return [
        {"codec": codec, "stage": stage, "messages": len(values), "parameters": weights[codec]}
        | {f"p{part}_ms": float(np.percentile(values, part)) for part in (50, 99)}
        for (codec, stage), values in found.items()
    ]


def unequal(rows: Iterable[Row]) -> int:
    """How many messages had other symbols with some codec than they were granted, or energy other than 1 a symbol."""
    wrong = set()
    for row in rows:
        if not row.payload_symbols:
            continue
        granted = symbols_for(row.sent, row.budget)
        if row.payload_symbols != granted or abs(row.energy / granted - 1) > POWER_TOLERANCE:
            wrong.add((row.channel, row.csi, row.budget, row.snr_db, row.seed, row.message))
    return len(wrong)


def lengths(data: SweepData) -> dict[str, NDArray[np.bool_]]:
    """Which rows are of all, of short and of long messages; all only, where texts hardly differ in length."""
    low, high = length_bounds(data)
    everything = {"all": np.ones(len(data.words), bool)}
    return everything if low >= high else everything | {"short": data.words <= low, "long": data.words >= high}


def length_bounds(data: SweepData) -> tuple[int, int]:
    """Words of the longest short text and of the shortest long one: thirds of the texts."""
    words = sorted(len(text.split()) for text in {row.sent for row in data.rows})
    return words[(len(words) - 1) // 3], words[len(words) - 1 - (len(words) - 1) // 3]


def spending(data: SweepData, indices: NDArray[np.int64]) -> Record:
    """What the messages of a point cost, of those that were sent."""
    sent = [row for row in _rows(data, indices) if row.payload_symbols]
    energies = [row.energy / row.payload_symbols for row in sent] or [0.0]
    words, messages = max(sum(row.words for row in sent), 1), max(len(sent), 1)
    return {
        "payload_symbols_per_word": sum(row.payload_symbols for row in sent) / words,
        "energy_per_symbol": float(np.mean(energies)),
        "energy_per_symbol_min": min(energies),
        "energy_per_symbol_max": max(energies),
        "overhead_symbols_per_message": sum(row.overhead_symbols for row in sent) / messages,
        "overhead_bits_per_message": sum(row.overhead_bits for row in sent) / messages,
        "air_samples_per_message": sum(row.air_samples for row in sent) / messages,
    }


def fates(data: SweepData, indices: NDArray[np.int64]) -> Record:
    """What became of the messages of a point, and how much of it is outage: no frame was found, or it met a fade and
    did not come through."""
    rows = _rows(data, indices)
    silent = np.array([row.status == "lost" and not row.does_not_fit for row in rows])
    faded = np.array(
        [row.snr_db_estimated is not None and row.snr_db_estimated <= row.snr_db - FADE_DB for row in rows]
    )
    fits = np.array([not row.does_not_fit for row in rows])
    clear = indices[fits & ~silent & ~faded]
    right = np.array([row.received == row.sent for row in rows])
    outage = proportion(int((silent | (faded & ~right)).sum()), max(int(fits.sum()), 1))
    return {
        "messages": len(rows),
        **{status: sum(row.status == status for row in rows) for status in ("delivered", "corrupted", "lost")},
        "does_not_fit": int((~fits).sum()),
        **wrong_counts(rows),
        "no_frame": int(silent.sum()),
        "faded": int(faded.sum()),
        "bleu1_without_fade": float(data.figures["bleu1"](data.table[clear].sum(axis=0))) if len(clear) else None,
    } | _named("outage", outage)


def _rows(data: SweepData, indices: NDArray[np.int64]) -> list[Row]:
    return [data.rows[index] for index in indices]


def _quality(data: SweepData, rows: NDArray[np.int64]) -> Record:
    sample = data.sample(rows)
    record: Record = {}
    for name, figure in data.figures.items():
        record |= _named(name, estimate(draws(sample, figure, data.resampling)))
    copies = sample.table[:, 13]  # all or none right has no spread to draw from: Wilson's interval
    return record | _named("exact_match", clustered_proportion(copies, sample.message))


def _curve(
    data: SweepData, curve: Curve, metric: str, chosen: NDArray[np.bool_]
) -> tuple[list[float], NDArray[np.float64]]:
    places, values = [], []
    for snr_db, rows in curve.rows.items():
        kept = rows[chosen[rows]]
        if len(kept):
            places.append(snr_db)
            values.append(draws(data.sample(kept), data.figures[metric], data.resampling))
    return places, np.stack(values, axis=1) if values else np.zeros((0, 0))


def _between(value: float | None, snrs: Sequence[float]) -> Record:
    """The measured SNRs next to one that was interpolated: how far it can be trusted."""
    if value is None:
        return {"between": []}
    return {"between": [max(snr_db for snr_db in snrs if snr_db <= value), min(s for s in snrs if s >= value)]}


def _gaps(found: dict[str, Crossing]) -> list[Record]:
    return [
        {"codec": one, "other": other} | gap(found[one], found[other]).as_json()
        for one, other in permutations(found, 2)
    ]


def _place(curve: Curve) -> Record:
    return {"channel": curve.panel.channel, "budget": curve.panel.budget, "codec": curve.name}


def _named(name: str, found: Estimate) -> Record:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _calibrated(found: Calibration) -> Record:
    bins = [_bin(part) for part in found.bins]
    return (
        {"messages": found.messages, "error_if_calibrated": found.error_if_calibrated}
        | _named("error", found.error)
        | _named("bias", found.bias)
        | {"bins": bins, "undecided": _bin(found.undecided) if found.undecided else None}
    )


def _bin(part: Bin) -> Record:
    return {"messages": part.messages, "confidence": part.confidence} | _named("outcome", part.outcome)


def agreement(rows: Iterable[Row], others: Iterable[Row]) -> Record | None:
    """Of two sweeps (of two levels, say): how many messages both measured, and of how many the very same came out.

    The same is verdict, text and symbols spent. Messages are the same if channel, SNR, budget, seed, CSI, codec and
    text are. None if there is no such message.
    """
    known = {_identity(row): _came_out(row) for row in rows}
    same = [known[key] == _came_out(row) for row in others if (key := _identity(row)) in known]
    return {"messages": len(same), "same": sum(same)} if same else None


def _identity(row: Row) -> tuple:
    return row.channel, row.snr_db, row.budget, row.seed, row.csi, row.codec, row.message, row.sent


def _came_out(row: Row) -> tuple:
    return row.status, row.received, row.payload_symbols
