"""The same receiver inside its GNU Radio block, and GNU Radio's own OFDM receiver: programs of their own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from semcom_ota.experiments.bench.figures import Figure, Measurement, NotAvailable, Shard

OWN, STOCK = "semcom_flowgraphs.receiver_speed", "semcom_flowgraphs.stock_ofdm"
NAMES = (
    "frame_rx_speed", "receiver_speed_same_pieces", "frame_rx_time_beside_receiver", "stock_ofdm_receiver_speed",
    "stock_ofdm_receiver_speed_all_cores", "frame_rx_speed_over_stock", "receiver_speed_over_stock",
    "stock_ofdm_headers_missed", "stock_ofdm_packets_missed", "stock_ofdm_packets_missed_by_threshold",
    "stock_ofdm_packets_missed_back_to_back",
)  # fmt: skip
TIME_LIMIT_S = 3600
_COST = {True: 30.0, False: 600.0}  # seconds, by `quick`

Found = list[dict[str, Any]]


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """One measurement: the speeds of both, and their ratio, in the same run."""
    shards = [Shard(measured_by, (program, seed, quick), _COST[quick] / 2) for program in (OWN, STOCK)]
    return [Measurement("GNU Radio", NAMES, tuple(shards), conclude, alone=True)]


def measured_by(program: str, seed: int, quick: bool) -> Found:
    """The figures that a program of `semcom_flowgraphs` writes.

    Raises:
        NotAvailable: GNU Radio is missing, or the program failed.
    """
    if find_spec("gnuradio") is None:
        raise NotAvailable("there is no GNU Radio here; 'semcom doctor' says how to get it")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", program, "--json", str(file), "--seed", str(seed), *(["--quick"] * quick)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise NotAvailable(f"'{program}' took longer than {TIME_LIMIT_S} s") from None
        if done.returncode or not file.is_file():
            said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
            raise NotAvailable(f"'{program}' ended with status {done.returncode} and said: {said[0]}")
        found: Found = json.loads(file.read_text(encoding="utf-8"))["figures"]
    return found


def conclude(results: Sequence[Found]) -> list[Figure]:
    """All of their figures, and how many times as fast ours is as the stock receiver on its packets at 20 dB."""
    figures = [Figure(**found) for result in results for found in result]
    stock = next(
        figure
        for figure in figures
        if figure.name == "stock_ofdm_receiver_speed" and figure.conditions["stream"] != "noise"
    )
    for name, ratio in (
        ("frame_rx_speed", "frame_rx_speed_over_stock"),
        ("receiver_speed_same_pieces", "receiver_speed_over_stock"),
    ):
        own = next(figure for figure in figures if figure.name == name)
        figures.append(_ratio(ratio, own, stock))
    return figures


def _ratio(name: str, own: Figure, stock: Figure) -> Figure:
    """With the widest interval that both allow."""
    pairs = ((own.value, stock.value), (own.low, stock.high), (own.high, stock.low))
    value, low, high = (a / b if a is not None and b else None for a, b in pairs)
    return Figure(name, value, low, high, "times", {"snr_db": 20.0, "streams": "own frames, own packets; back to back"})
