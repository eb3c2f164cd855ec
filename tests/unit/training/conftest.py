"""A folder with a little of every data set."""

import gzip
from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    lines = [f"A {colour} {animal} runs." for colour in ("red", "blue") for animal in ("dog", "cat", "horse")] * 3
    files = {
        "multi30k/train.1.en.gz": lines, "multi30k/val.1.en.gz": lines, "multi30k/test_2016_flickr.en.gz": lines,
        "snips/train.tsv.gz": [f"Intent\t{line}" for line in lines], "sst2/train.tsv": [f"{line}\t1" for line in lines],
        "wikitext2/valid.txt.gz": lines, "babi/qa1_train.txt.gz": [f"1 {line}" for line in lines],
    }  # fmt: skip
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "wt") as stream:
            stream.write("\n".join(content))
    return folder
