"""Block error rate of the conventional baselines' channel code over AWGN, against finite-blocklength theory.

    python benchmarks/channel_code.py [--quick] [--seed N] [--json FILE]

Level: symbol (no OFDM, noise variance known). One block of 95 symbols, CRC16, polar code, list of 32. For each order
and code rate (checksum included): Es/N0 at block error rates of 0.1, 0.01 and 0.001 with its 95 % interval, and its
distance from the normal approximation for Gaussian inputs, for the order's own bit-interleaved channel (BICM), and for
the same with the checksum counted as information. The last one, at 0.01, is the loss table of
`coding/link_adaptation.py`. `best` marks the order that this module takes for these bits at this Es/N0.
"""

import argparse
import functools
import itertools
import json
import math
import time
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from semcom_ota.coding.coded_modulation import CRC_BITS, LIST_SIZE, demodulate_message, modulate_message
from semcom_ota.coding.constellation import ORDERS, bits_per_symbol
from semcom_ota.coding.finite_blocklength import bicm_moments, block_error, gaussian_moments
from semcom_ota.coding.link_adaptation import best_order
from semcom_ota.experiments.statistics import proportion

SYMBOLS = 95
RATES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
QUICK_RATES = (0.65,)
TARGETS = (1e-1, 1e-2, 1e-3)
QUICK_TARGETS = (1e-1, 1e-2)
STEP_DB = 0.25


def bound_db(n_bits: int, target: float, moments) -> float:
    """Es/N0 at which the normal approximation reaches a block error rate; `moments` takes an Es/N0."""
    return brentq(lambda snr_db: block_error(SYMBOLS, n_bits, moments(snr_db)) - target, -15, 40, xtol=1e-4)


def count_errors(order: int, n_bits: int, snr_db: float, rng: np.random.Generator, errors: int, blocks: int):
    """Simulate until so many errors or blocks; returns errors and blocks."""
    variance = np.float32(10 ** (-snr_db / 10))
    wrong = done = 0
    while wrong < errors and done < blocks:
        bits = rng.integers(0, 2, n_bits, dtype=np.uint8)
        noise = rng.standard_normal((SYMBOLS, 2), np.float32).view(np.complex64).ravel() * np.sqrt(variance / 2)
        received = modulate_message(bits, SYMBOLS, order) + noise
        decoded, _ = demodulate_message(received, np.full(SYMBOLS, variance), n_bits, order)
        wrong += not np.array_equal(decoded, bits)
        done += 1
    return wrong, done


def curve(
    order: int, n_bits: int, seed: int, errors: int, blocks: int, lowest: float
) -> list[tuple[float, float, float, float]]:
    """(Es/N0, block error rate, its 95 % bounds), until the upper bound is below the lowest target."""
    points: list[tuple[float, float, float, float]] = []
    snr_db = bound_db(n_bits, TARGETS[0], lambda snr_db: bicm_moments(order, snr_db)) - STEP_DB
    while not points or points[-1][3] > lowest:
        rng = np.random.default_rng([seed, order, n_bits, len(points)])
        wrong, done = count_errors(order, n_bits, snr_db, rng, errors, blocks)
        rate = proportion(wrong, done)
        points.append((snr_db, rate.value, max(rate.low, 1e-12), rate.high))
        snr_db += STEP_DB if wrong / done < 0.5 else 2 * STEP_DB
    return points


def crossing(points: list[tuple[float, float, float, float]], column: int, target: float) -> float:
    """Es/N0 at which a column of the curve passes the target, log-linear between points."""
    logs = np.log([max(point[column], 1e-9) for point in points])
    for (before, log_before), (after, log_after) in itertools.pairwise(zip(points, logs, strict=True)):
        if log_after <= math.log(target) < log_before:
            return before[0] + (log_before - math.log(target)) / (log_before - log_after) * (after[0] - before[0])
    return points[0][0]


def figures_of(order: int, n_bits: int, points: list[tuple[float, float, float, float]], target: float) -> dict:
    """Es/N0 at a block error rate, and what it is above the bounds: name -> (value, low, high) in dB."""
    value, low, high = (crossing(points, column, target) for column in (1, 2, 3))
    bounds = {
        "snr_at_block_error_rate": 0.0,
        "gap_to_gaussian": bound_db(n_bits, target, gaussian_moments),
        "gap_to_bicm": bound_db(n_bits, target, functools.partial(bicm_moments, order)),
        "gap_to_bicm_with_crc": bound_db(n_bits + CRC_BITS, target, functools.partial(bicm_moments, order)),
    }
    return {name: (value - bound, low - bound, high - bound) for name, bound in bounds.items()}


def main() -> None:
    """Simulate, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one rate an order, down to 0.01 (about a minute)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rates, targets = (QUICK_RATES, QUICK_TARGETS) if options.quick else (RATES, TARGETS)
    errors, blocks = (20, 3000) if options.quick else (50, 12_000)
    print(f"{SYMBOLS} symbols, CRC{CRC_BITS}, list {LIST_SIZE}, seed {options.seed}, level symbol; gaps in dB")
    print("order rate bits  BLER   Es/N0 dB   95 % interval     to Gaussian  to BICM  to BICM with CRC")
    figures = []
    started = time.monotonic()
    for order, rate in itertools.product(ORDERS, rates):
        n_bits = round(rate * SYMBOLS * bits_per_symbol(order)) - CRC_BITS
        points = curve(order, n_bits, options.seed, errors, blocks, targets[-1])
        for target in targets:
            found = figures_of(order, n_bits, points, target)
            (value, low, high), *gaps = found.values()
            best = "  best" if best_order(n_bits, SYMBOLS, value) == order else ""
            print(
                f"{order:5d} {rate:4g} {n_bits:4d}  {target:5g}  {value:8.2f}   {low:6.2f} .. {high:6.2f}"
                f"   {gaps[0][0]:11.2f}  {gaps[1][0]:7.2f}  {gaps[2][0]:16.2f}{best}",
                flush=True,
            )
            conditions = {"order": order, "information_bits": n_bits, "symbols": SYMBOLS, "block_error_rate": target}
            for name, (value, low, high) in found.items():
                interval = {"value": value, "low": low, "high": high}
                figures.append({"name": name, **interval, "unit": "dB", "conditions": conditions})
    print(f"{time.monotonic() - started:.0f} s")
    if options.json:
        run = {"level": "symbol", "seed": options.seed, "list_size": LIST_SIZE, "crc_bits": CRC_BITS}
        options.json.write_text(json.dumps({"run": run, "figures": figures}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
