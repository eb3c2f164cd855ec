"""Write the figures of docs/air_interface.md from what `semcom bench phy --json FILE` measured.

    semcom bench phy --json phy.json
    python benchmarks/air_interface.py phy.json [more.json ...]

Of a figure that stands in several files the last one counts, so that speeds can be measured again on a quiet machine
(`--figures receiver_speed,...`).
"""

import argparse
import json
from pathlib import Path
from typing import Any

from semcom_ota.experiments.bench.claims import PHY_CLAIMS
from semcom_ota.experiments.bench.figures import Figure

PAGE = Path(__file__).parents[1] / "docs" / "air_interface.md"
BEGIN, END = "<!-- written by benchmarks/air_interface.py: begin -->", "<!-- end -->"
STILL = "oscillators standing still"
SPEEDS = {
    "transmitter_speed": "transmitter",
    "receiver_speed": "receiver, frames of 1,000 symbols back to back",
    "receiver_noise_speed": "receiver, noise alone",
    "frame_rx_speed": "receiver inside GNU Radio (FrameRx, source and messages counted)",
    "stock_ofdm_receiver_speed": "GNU Radio's `ofdm_rx`",
    "receiver_speed_over_stock": "receiver over `ofdm_rx`",
    "frame_rx_speed_over_stock": "FrameRx over `ofdm_rx`",
}


def read(files: list[Path]) -> tuple[list[Figure], list[dict[str, Any]]]:
    """The figures, and what each file says of its run."""
    figures: dict[str, Figure] = {}
    runs = []
    for file in files:
        content = json.loads(file.read_text(encoding="utf-8"))
        runs.append(content["run"])
        for fields in content["figures"]:
            figures[json.dumps([fields["name"], fields["conditions"]], sort_keys=True)] = Figure(**fields)
    return list(figures.values()), runs


def show(figure: Figure | None, digits: int = 2) -> str:
    """A value with its interval."""
    if figure is None or figure.value is None:
        return ""
    bounds = (
        "" if figure.low is None or figure.high is None else f" [{figure.low:.{digits}g}, {figure.high:.{digits}g}]"
    )
    return f"{figure.value:.{digits}g}{bounds}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def claims(figures: list[Figure]) -> str:
    """Each claim that was measured, and the worst figure of those that it speaks of."""
    verdicts = [claim.judge(figures) for claim in PHY_CLAIMS]
    return "\n".join("- " + " ".join(str(verdict).split()) for verdict in verdicts if verdict.worst is not None)


def headers(figures: list[Figure]) -> str:
    """Share of frames missed, ours and the genie's."""
    ours = [figure for figure in figures if figure.name == "header_missed"]
    genies = {_point(figure): figure for figure in figures if figure.name == "header_missed_genie"}
    rows = [
        [str(f.conditions["channel"]), f"{f.conditions['snr_db']:g}", show(f), show(genies.get(_point(f)))]
        for f in ours
    ]
    return table(["channel", "SNR, dB", "missed", "missed by the genie"], rows)


def _point(figure: Figure) -> tuple[Any, ...]:
    return tuple(figure.conditions.get(name) for name in ("channel", "snr_db", "symbols", "oscillators"))


def losses(figures: list[Figure]) -> str:
    """Implementation loss of the payload, one row for each channel, oscillators and length."""
    rows: dict[tuple[Any, ...], dict[float, str]] = {}
    for figure in figures:
        if figure.name == "payload_loss":
            channel, snr_db, symbols, oscillators = _point(figure)
            rows.setdefault((channel, oscillators or STILL, symbols), {})[snr_db] = show(figure)
    snrs = sorted({snr_db for row in rows.values() for snr_db in row})
    body = [[str(part) for part in key] + [row.get(snr_db, "") for snr_db in snrs] for key, row in rows.items()]
    return table(["channel", "oscillators", "symbols", *(f"{snr_db:g} dB" for snr_db in snrs)], body)


def speeds(figures: list[Figure]) -> str:
    """Throughput on one core."""
    rows = []
    for figure in figures:
        if figure.name in SPEEDS:
            told = figure.conditions
            detail = (
                f", {told['snr_db']:g} dB" if "snr_db" in told else f", {told['stream']}" if "stream" in told else ""
            )
            rows.append([SPEEDS[figure.name] + detail, f"{show(figure, 3)} {figure.unit}"])
    return table(["on one core", "processor time"], rows)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    figures, runs = read(parser.parse_args().files)
    commits = ", ".join(dict.fromkeys(run["commit"][:7] for run in runs))
    seeds = ", ".join(dict.fromkeys(str(run["seed"]) for run in runs))
    machine = runs[-1]["machine"]
    parts = [
        f"`semcom bench phy`, commit {commits}, seed {seeds}, {machine['cores']} cores ({machine['processor']})."
        " Level waveform, preset `indoor`, CFO within ±1 subcarrier, random delay; 95 % intervals in brackets.",
        "### What is claimed, and the worst point of each\n\n" + claims(figures),
        "### Frames missed, or delivered with a wrong header\n\n" + headers(figures),
        "### Implementation loss of the payload, dB\n\n" + losses(figures),
        "### Throughput\n\n" + speeds(figures),
    ]
    page = PAGE.read_text(encoding="utf-8")
    before, after = page[: page.index(BEGIN)], page[page.index(END) :]
    PAGE.write_text(before + BEGIN + "\n" + "\n\n".join(parts) + "\n\n" + after, encoding="utf-8")


if __name__ == "__main__":
    main()
