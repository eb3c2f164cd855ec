"""What a text costs: bits a word of each source code, and the SNR at which a budget of symbols carries them.

    python benchmarks/compression.py [--data DIR] [--messages 200] [--budget 8] [--language-model FOLDER] [--seed 0]

Level `symbol` (AWGN, noise variance known). Texts are Multi30k's test_2016_flickr with --data, else the captions that
ship; long messages are some captions in one. `entropy` is what the language model itself says of each caption and its
end, `lam-compressed` what is sent. The SNR is where the mean of the messages' block error rates is 0.1 or 0.001, as
`coding/link_adaptation.py` predicts them with the best order for each (from losses measured on short blocks);
`simulated` is where it is 0.1 in a simulation of lam-compressed's channel code, with its 95 % interval. The bound is
that of finite-blocklength theory (normal approximation) for the entropy's bits and Gaussian inputs. A short message may
pass it by a hair: the header, which tells the number of bits, thereby carries nearly two of them.
"""

import argparse
import functools
import math
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import brentq

from semcom_ota.codecs import conventional
from semcom_ota.codecs.huffman_code import compress
from semcom_ota.codecs.lam_compressed import LONG, SHORT, checksum_of, sent_checksum
from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.codecs.language_model_code import LanguageModelCode
from semcom_ota.coding.coded_modulation import CRC_BITS, ONE_SEGMENT_BITS, demodulate_message, modulate_message
from semcom_ota.coding.constellation import ORDERS
from semcom_ota.coding.finite_blocklength import block_error, gaussian_moments
from semcom_ota.coding.link_adaptation import CrcBits, best_order, log_success
from semcom_ota.experiments.statistics import Estimate, proportion
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.training.corpus import load_test_captions

CRC16: CrcBits = (CRC_BITS,) * 4
TARGETS = (0.1, 1e-3)
STEP_DB = 0.2


def predicted(bits: int, symbols: int, snr_db: float, crc_bits: CrcBits) -> float:
    """Block error rate of the best order; 1 where none can carry the bits."""
    order = best_order(bits, symbols, snr_db, crc_bits)
    if order is None:
        return 1.0
    return -math.expm1(log_success(bits, symbols, order, snr_db, crc_bits[ORDERS.index(order)]) or 0.0)


def snr_for(target: float, rates: Callable[[float], Sequence[float]]) -> float:
    """Where the mean of rates that fall with the SNR is `target`; nan if that is not between -15 and 40 dB."""

    def excess(snr_db: float) -> float:
        return float(np.mean(rates(snr_db))) - target

    return float(brentq(excess, -15, 40, xtol=1e-3)) if excess(-15) > 0 > excess(40) else math.nan


def errors(bits: Sequence[np.ndarray], symbols: Sequence[int], snr_db: float, seed: list[int], blocks: int) -> Estimate:
    """Block error rate of lam-compressed's channel code over these messages, one after another and again."""
    rng = np.random.default_rng(seed)
    variance = np.float32(10 ** (-snr_db / 10))
    wrong = 0
    for index in range(blocks):
        sent, count = bits[index % len(bits)], symbols[index % len(bits)]
        order = best_order(sent.size, count, snr_db, sent_checksum(sent.size))
        if order is None:
            wrong += 1
            continue
        check = checksum_of(sent.size, order)
        noise = rng.standard_normal((count, 2), np.float32).view(np.complex64).ravel() * np.sqrt(variance / 2)
        received = modulate_message(sent, count, order, check) + noise
        variances = np.full(count, variance)
        found, _ = demodulate_message(received, variances, sent.size, order, check, check.withheld_of(sent))
        wrong += not np.array_equal(found, sent)
    return proportion(wrong, blocks)


def measured(bits: Sequence[np.ndarray], symbols: Sequence[int], start_db: float, seed: list[int], blocks: int) -> str:
    """SNR at a simulated block error rate of TARGETS[0], with its 95 % interval; log-linear between simulations."""
    places = np.arange(start_db - 2 * STEP_DB, start_db + 8 * STEP_DB, STEP_DB)
    rates: list[Estimate] = []
    for index, snr_db in enumerate(places):
        rates.append(errors(bits, symbols, float(snr_db), [*seed, index], blocks))
        if rates[-1].high < TARGETS[0]:
            break
    crossings = []
    for column in ("low", "value", "high"):
        falling = np.minimum.accumulate([max(getattr(rate, column), 1e-9) for rate in rates])
        crossings.append(np.interp(-math.log(TARGETS[0]), -np.log(falling), places[: len(falling)]))
    low, value, high = crossings
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def required(sizes: dict[str, list], symbols: Sequence[int]) -> dict[str, list[float]]:
    """SNR for each of TARGETS, by scheme."""
    checksums: dict[str, tuple[str, Callable[[int], CrcBits]]] = {
        "utf8": ("utf8", lambda bits: conventional.sent_checksum(bits <= ONE_SEGMENT_BITS)),
        "huffman": ("huffman", lambda bits: conventional.sent_checksum(bits <= ONE_SEGMENT_BITS)),
        "huffman, CRC16": ("huffman", lambda _: CRC16),
        "language model, CRC16": ("lam-compressed", lambda _: CRC16),
        "lam-compressed": ("lam-compressed", sent_checksum),
    }

    def rates(label: str, snr_db: float) -> list[float]:
        if label == "bound":
            moments = gaussian_moments(snr_db)
            return [block_error(count, bits, moments) for bits, count in zip(sizes["entropy"], symbols, strict=True)]
        source, crc_bits = checksums[label]
        pairs = zip(sizes[source], symbols, strict=True)
        return [predicted(bits, count, snr_db, crc_bits(bits)) for bits, count in pairs]

    return {
        label: [snr_for(target, functools.partial(rates, label)) for target in TARGETS]
        for label in (*checksums, "bound")
    }


def main() -> None:
    """Compress, predict, simulate; print two Markdown tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets (docs/data.md)")
    parser.add_argument("--messages", type=int, default=200, help="captions, at most")
    parser.add_argument("--together", type=int, default=5, help="captions in a long message")
    parser.add_argument("--budget", type=float, default=8, help="payload symbols a word")
    parser.add_argument("--language-model", help="folder or hub name; by default the one that ships")
    parser.add_argument("--blocks", type=int, default=1000, help="blocks simulated at each SNR")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    captions = load_test_captions(options.data) if options.data else read_lines(SENTENCES / "captions.txt")
    captions = captions[: options.messages // options.together * options.together]
    model = LanguageModel.load(options.language_model, torch.device("cpu"))
    code = LanguageModelCode(model)
    entropy = [-float(model.score([*model.tokens(text), model.end]).sum()) / math.log(2) for text in captions]
    print(f"{len(captions)} captions, seed {options.seed}, {platform.machine()}, {platform.system()}, level symbol\n")

    rows = []
    for together in (1, options.together):
        groups = [slice(first, first + together) for first in range(0, len(captions), together)]
        texts = [" ".join(captions[group]) for group in groups]
        ideal = [sum(entropy[group]) for group in groups]
        written = [code.write(text, LONG, SHORT) for text in texts]
        bits = [one.bits for one in written if one is not None]
        name = f"{together} caption{'s' * (together > 1)}"
        sizes = {
            "utf8": [8 * len(text.encode()) for text in texts],
            "huffman": [compress(text.encode()).size for text in texts],
            "lam-compressed": [one.size for one in bits],
            "entropy": ideal,
        }
        words = [len(text.split()) for text in texts]
        print(f"| {name}, bits a word | mean [5 %, 95 % of messages] |\n| --- | --- |")
        for label, numbers in sizes.items():
            low, high = np.percentile(np.array(numbers) / np.array(words), (5, 95))
            print(f"| {label} | {sum(numbers) / sum(words):.3f} [{low:.2f}, {high:.2f}] |", flush=True)
        print()
        symbols = [int(options.budget * count) for count in words]
        found = required(sizes, symbols)
        seen = measured(bits, symbols, found["lam-compressed"][0], [options.seed, together], options.blocks)
        for label, levels in found.items():
            rows.append((name, label, levels, seen if label == "lam-compressed" else ""))

    print(
        f"| message | {options.budget:g} symbols a word carry | SNR at 0.1 (dB) | at 0.001 (dB) | simulated, at 0.1 |"
    )
    print("|" + " --- |" * 5)
    for name, label, (often, seldom), seen in rows:
        print(f"| {name} | {label} | {often:.2f} | {seldom:.2f} | {seen} |")


if __name__ == "__main__":
    main()
