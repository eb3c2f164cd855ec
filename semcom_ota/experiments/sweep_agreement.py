"""Of several sweeps: what they have both measured, and whether the very same came out."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from semcom_ota.config import ChannelConfig
from semcom_ota.experiments import sweep_figures
from semcom_ota.experiments.sweep_config import SweptCodec
from semcom_ota.experiments.sweep_data import curve_name
from semcom_ota.experiments.sweep_figures import Record
from semcom_ota.experiments.sweep_plan import links
from semcom_ota.experiments.sweep_reading import Row


def in_common(sweeps: dict[Path, list[Row]], manifests: dict[Path, dict[str, Any]]) -> list[Record]:
    """Of any two sweeps, for each channel and budget: what both have measured, and how much of it is the very same.

    What was measured with other settings or weights is not the same thing, and left out.
    """
    points: dict[Path, dict[tuple, list[Row]]] = {}
    for folder, rows in sweeps.items():
        for row in rows:
            point = row.channel, row.budget, curve_name(row), row.snr_db
            points.setdefault(folder, {}).setdefault(point, []).append(row)
    found: dict[tuple, Record] = {}
    for one, other in itertools.combinations(points, 2):
        alike = alike_in(manifests[one], manifests[other])
        for point, rows in points[other].items():
            if point[2].partition(" (")[0] not in alike:
                continue
            if both := sweep_figures.agreement(points[one].get(point, []), rows):
                channel, budget, curve, snr_db = point
                start = {"sweeps": (one, other), "channel": channel, "budget": budget, "codecs": {}, "snr_db": set()}
                record = found.setdefault((one, other, channel, budget), start | {"messages": 0, "same": 0})
                record["codecs"][curve] = True  # in order
                record["snr_db"].add(snr_db)
                for count in ("messages", "same"):
                    record[count] += both[count]
    return list(found.values())


def alike_in(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """Labels of codecs that two sweeps have with the same settings, weights and air interface, in the same stream.

    The number of the stream is in every header, from whose cells the receiver estimates the channel, too.
    """
    configs = one.get("config", {}), other.get("config", {})
    weights = one.get("weights_sha256", {}), other.get("weights_sha256", {})
    if configs[0].get("phy") != configs[1].get("phy"):
        return set()
    channels = [{one["name"]: _channel(one.get("channel")) for one in config.get("channels", [])} for config in configs]
    if any(channels[0][name] != channels[1][name] for name in channels[0].keys() & channels[1].keys()):
        return set()
    if any(weights[0][file] != weights[1][file] for file in weights[0].keys() & weights[1].keys()):
        return set()
    found = [_streams(config.get("codecs", [])) for config in configs]
    return {label for label, codec in found[0].items() if found[1].get(label) == codec}


def _streams(told: Sequence[Any]) -> dict[str, Any]:
    """Label -> settings and stream; what was measured with fewer settings had the defaults of the others."""
    try:
        codecs = [SweptCodec.model_validate(one | {"codec": _without_names(one.get("codec", {}))}) for one in told]
    except ValidationError:
        return {one["label"]: (one, told.index(one)) for one in told}
    return {one.label: (one, stream) for link in links(codecs) for stream, one in enumerate(link)}


def _without_names(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "names"}


def _channel(told: Any) -> Any:
    """As `_streams`."""
    try:
        return ChannelConfig.model_validate(told)
    except ValidationError:
        return told
