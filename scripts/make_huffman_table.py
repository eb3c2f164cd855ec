"""Compute `semcom_ota/data/huffman_lengths.npz` from text. Never from a file that the result is measured on.

    python scripts/make_huffman_table.py --data DIR

DIR holds multi30k/train.*.en.gz (captions), snips/train.tsv.gz (requests) and wikitext2/valid.txt.gz (encyclopaedia).
Captions weigh 80 %; the rest keeps the code good on names, numbers and questions.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np

from semcom_ota.codecs.huffman_code import START, code_lengths

SHARES = {"multi30k/train.*.en.gz": 0.8, "snips/train.tsv.gz": 0.1, "wikitext2/valid.txt.gz": 0.1}
ORDER_0_WEIGHT = 20  # pairs that the single bytes' statistics count for, in each row: unseen pairs get a code from it
FLOOR = 1e-5  # probability of a byte that was never seen
OUT = Path(__file__).parents[1] / "semcom_ota" / "data" / "huffman_lengths.npz"


def pair_counts(folder: Path, pattern: str) -> np.ndarray:
    """(256, 256) how often each byte follows each byte, over the lines of the files of a pattern."""
    counts = np.zeros((256, 256))
    for file in sorted(folder.glob(pattern)):
        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        if ".tsv" in pattern:
            lines = [line.rsplit("\t", 1)[-1] for line in lines]
        text = "\n".join(["", *(line.strip() for line in lines if line.strip())])
        data = np.frombuffer(text.encode(), np.uint8)
        np.add.at(counts, (data[:-1], data[1:]), 1)
    if not counts.any():
        raise SystemExit(f"no text in {folder / pattern}")
    counts[:, START] = 0  # ends of lines are not part of a text
    return counts


def main() -> None:
    """Read, mix, smooth, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    found = {pattern: pair_counts(folder, pattern) for pattern in SHARES}
    size = sum(counts.sum() for counts in found.values())
    pairs = sum(share * size * found[pattern] / found[pattern].sum() for pattern, share in SHARES.items())
    single = pairs.sum(0) / size + FLOOR
    single /= single.sum()
    lengths = np.array([code_lengths(row + ORDER_0_WEIGHT * single) for row in pairs])
    OUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUT, lengths=lengths)
    print(f"{OUT}: {OUT.stat().st_size} bytes, longest code {lengths.max()} bits")


if __name__ == "__main__":
    main()
