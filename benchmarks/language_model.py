"""Bits a word of held-out text under a language model, beside uniform, unigram and word trigram.

    python benchmarks/language_model.py --data DIR [--model FOLDER|NAME] [--device cpu] [--json FILE]

Punctuation and the end of a text are in the bits. The trigram learns from all the training text.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.experiments.bits_a_word import compare, markdown
from semcom_ota.experiments.provenance import commit, machine, versions
from semcom_ota.experiments.run_folder import write_json
from semcom_ota.training.corpus import SOURCES


def main() -> None:
    """Measure one model and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets (docs/data.md)")
    parser.add_argument("--model", help="any causal language model: a folder or a hub name; the one that ships")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()

    model = LanguageModel.load(arguments.model, named_device(arguments.device))
    rows = compare(model, arguments.data, SOURCES)
    name = arguments.model or "the language model that ships"
    print(f"{name}: {model.parameters / 1e6:.1f} million parameters, {model.vocabulary} tokens\n")
    print(markdown(rows))
    if arguments.json:
        run = {"commit": commit(), "machine": machine(), "versions": versions(["torch", "transformers"])}
        write_json(arguments.json, {"run": run, "model": name, "rows": [asdict(row) for row in rows]})


if __name__ == "__main__":
    main()
