"""Text quality through the whole chain, by kind of sentence: the table in the README.

    python benchmarks/text_quality.py [--data DIR] [--channel awgn] [--snr=0,6,12] [--seed 0] [--json FILE]

Level `flowgraph`: three processes, GNU Radio, estimated CSI. Sentences that ship with the project, and with --data the
first 100 captions of Multi30k's test_2016_flickr; none of them was trained on, but for one that stands among the
training captions, too.
"""

import argparse
import platform
import tempfile
from pathlib import Path

from semcom_ota.config import LinkConfig, load_channel
from semcom_ota.experiments import loopback, run_folder
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.training.corpus import load_test_captions


def main() -> None:
    """Run every kind of sentence and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets (docs/data.md)")
    parser.add_argument("--channel", default="awgn")
    parser.add_argument("--snr", default="0,6,12")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write all points to this file")
    arguments = parser.parse_args()

    kinds = {name: read_lines(SENTENCES / f"{name}.txt") for name in ("captions", "questions", "names", "numbers")}
    if arguments.data:
        kinds = {"Multi30k test": load_test_captions(arguments.data)[:100]} | kinds
    document: dict = {"machine": f"{platform.machine()}, {platform.system()}"}
    print(f"channel {arguments.channel}, seed {arguments.seed}, {document['machine']}\n")
    print("| sentences | SNR (dB) | codec | BLEU-1 [95 %] | words right | exact | symbols a word |")
    print("|" + " --- |" * 7)
    for kind, texts in kinds.items():
        radio = {
            "channel": load_channel(arguments.channel).model_dump(),
            "snr_db": [float(part) for part in arguments.snr.split(",")],
            "seed": arguments.seed,
            "messages_per_snr": len(texts),
        }
        link = LinkConfig.model_validate({"radio": radio})
        with tempfile.TemporaryDirectory() as directory:
            folder = run_folder.prepare(Path(directory) / "run")
            summary = loopback.run(texts, link, arguments.channel, folder, record=False, quiet=False).summary
        document[kind] = summary
        for point in summary["points"]:
            print(
                f"| {kind} ({len(texts)}) | {point['snr_db']:g} | {point['codec']} "
                f"| {point['bleu1']:.3f} [{point['bleu1_low']:.3f}, {point['bleu1_high']:.3f}] "
                f"| {point['words_right']:.3f} | {point['exact_match']:.2f} "
                f"| {point['payload_symbols_per_word']:.2f} |",
                flush=True,
            )
    if arguments.json:
        run_folder.write_json(arguments.json, document)


if __name__ == "__main__":
    main()
