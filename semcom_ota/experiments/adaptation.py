"""What LoRA is worth: which share of the gain of full fine-tuning it has, in a sweep of codecs with these labels."""

from typing import Any

import numpy as np

from semcom_ota.experiments.comparison import draws
from semcom_ota.experiments.statistics import estimate
from semcom_ota.experiments.sweep_data import SweepData

FROZEN, LORA, FULL = "frozen", "LoRA", "full"
"""Labels of codecs that are the same but for what was trained of the large model."""
NO_GAIN = 0.025
"""Share of draws without a gain from which on there may be none."""


def adaptations(data: SweepData) -> list[dict[str, Any]]:
    """The share in BLEU-1 at each point where all three were measured; a paired bootstrap.

    `recovered` is None where it is not established that there is a gain: a ratio whose denominator may be 0 has no
    interval.
    """
    figure, records = data.figures["bleu1"], []
    for panel in data.panels():
        curves = {curve.name: curve.rows for curve in data.of_panel(panel)}
        if not curves.keys() >= {FROZEN, LORA, FULL}:
            continue
        for snr_db in curves[FROZEN].keys() & curves[LORA].keys() & curves[FULL].keys():
            drawn = {
                name: draws(data.sample(curves[name][snr_db]), figure, data.resampling) for name in (FROZEN, LORA, FULL)
            }
            gain = drawn[FULL] - drawn[FROZEN]
            record = {"channel": panel.channel, "budget": panel.budget, "snr_db": snr_db}
            record |= {name: float(values[0]) for name, values in drawn.items()} | {"recovered": None}
            if gain[0] > 0 and np.mean(gain <= 0) <= NO_GAIN:
                with np.errstate(divide="ignore", invalid="ignore"):
                    found = estimate(np.where(gain > 0, (drawn[LORA] - drawn[FROZEN]) / gain, np.nan))
                record |= {"recovered": found.value, "recovered_low": found.low, "recovered_high": found.high}
            records.append(record)
    return sorted(records, key=lambda record: (record["channel"], record["budget"], record["snr_db"]))
