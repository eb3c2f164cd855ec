"""Which tokens' symbols matter most: measures the order `importance` of a codec, and writes it beside its weights.

    python benchmarks/symbol_order.py --data DIR [--codec text-jscc|lam-jscc] [--checkpoint FOLDER] [--write]
    python benchmarks/symbol_order.py --data DIR --compare 300 [--snr 12] [--codec ...] [--checkpoint FOLDER]

Prints bits that a symbol adds, by round and by where its token stands in the text (docs/masking.md). With `--compare`,
which goes by what was written: the words of validation captions that arrive by what share of their symbols, AWGN, level
`symbol`, in either order over the same noise.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Codec
from semcom_ota.codecs.symbol_order import FILE, save_worth
from semcom_ota.config import CHECKPOINTS, CodecConfig, DeviceConfig
from semcom_ota.experiments.provenance import commit, machine
from semcom_ota.training.corpus import load_validation_captions
from semcom_ota.training.mask_curves import SHARES
from semcom_ota.training.mask_curves import measure as arriving
from semcom_ota.training.symbol_order import measure, measured, training_texts


def main() -> None:
    """Measure one codec and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets (docs/data.md)")
    parser.add_argument("--codec", default="text-jscc", choices=("text-jscc", "lam-jscc"))
    parser.add_argument("--checkpoint", type=Path, help="folder of the codec; the one that ships")
    parser.add_argument("--texts", type=int, default=4000, help="of the training sets (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help=f"write {FILE} into the checkpoint's folder")
    parser.add_argument("--compare", type=int, metavar="CAPTIONS", help="compare both orders instead")
    parser.add_argument("--snr", type=float, default=12.0, help="of the comparison, in dB (%(default)s)")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    folder = arguments.checkpoint or CHECKPOINTS / arguments.codec
    print(f"{arguments.codec}, seed {arguments.seed}, commit {commit()}, {machine()}\n")
    if arguments.compare:
        texts = load_validation_captions(arguments.data)[: arguments.compare]
        compare(arguments.codec, folder, texts, arguments.snr, arguments.seed)
        return
    texts = training_texts(arguments.data, arguments.texts, arguments.seed)
    worth, error = measure(measured(folder, arguments.codec), texts, arguments.seed)
    print("| round | first | stretch 1 | 2 | 3 | 4 | 5 | 6 | last |\n" + "| --- " * 9 + "|")
    for number, (values, spreads) in enumerate(zip(worth.tolist(), error.tolist(), strict=True), 1):
        cells = [f"{value:.2f} ± {1.96 * spread:.2f}" for value, spread in zip(values, spreads, strict=True)]
        print(f"| {number} | " + " | ".join(cells) + " |")
    if arguments.write:
        save_worth(folder, worth)


def compare(codec: str, folder: Path, texts: Sequence[str], snr_db: float, seed: int) -> None:
    """Print a Markdown table of what arrives in either order."""
    found = {}
    for order in ("consecutive", "importance"):

        def load(order: str = order) -> Codec:
            where = {"checkpoint" if codec == "text-jscc" else "lam_checkpoint": folder}
            settings = CodecConfig.model_validate({"names": (codec,), "order": order, **where})
            return registry.load(codec, settings, DeviceConfig(device="cpu"))

        with tempfile.TemporaryDirectory() as scratch:
            found[order] = arriving(load, texts, 1, (snr_db, snr_db), seed, Path(scratch)).quality[:, 0]
    gain = found["importance"] - found["consecutive"]
    print(f"{len(texts)} captions, {snr_db:g} dB\n\n| share sent | consecutive | importance | difference |")
    print("| --- | --- | --- | --- |")
    for place, share in enumerate(SHARES):
        means = " | ".join(f"{quality[:, place].mean():.3f}" for quality in found.values())
        spread = 1.96 * gain[:, place].std() / np.sqrt(len(texts))
        print(f"| {share:g} | {means} | {gain[:, place].mean():+.3f} ± {spread:.3f} |")


if __name__ == "__main__":
    main()
