"""Keeps what was measured: packs the rows of sweeps into docs/results/, of which benchmarks/results.py makes the page.

    python benchmarks/keep.py runs/NAME [runs/OTHER ...] [runs/latency.json] [runs/repeatable/repeatable.json]

Of a sweep that is its manifest and its rows, some 25 bytes each; not how long every stage of every message took. The
same folders are read by `semcom report`. Of benchmarks/latency.py it is what --json wrote, latency*.json, of
benchmarks/repeatable.py repeatable*.json. A sweep that
is not finished is refused, and so is another one of the same name. Exit status 2 if it cannot.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

from semcom_ota.config import ConfigError
from semcom_ota.experiments.sweep_reading import pack_rows, read_manifest, read_rows

KEPT = Path(__file__).parents[1] / "docs" / "results"
FILES = ("latency*.json", "repeatable*.json")


def main() -> None:
    """Keep each of the arguments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measured", type=Path, nargs="+", help="folder of a sweep, or such a file")
    try:
        for one in parser.parse_args().measured:
            print(keep(one))
    except (ConfigError, OSError) as error:
        print(f"keep.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def keep(measured: Path) -> str:
    """Keep one, and say where."""
    if measured.is_file():
        if not any(measured.match(name) for name in FILES):
            raise ConfigError(f"'{measured}' is not called {' or '.join(FILES)}: name it so, for results.py to find it")
        KEPT.mkdir(parents=True, exist_ok=True)
        return str(shutil.copy(measured, KEPT / measured.name))
    name = str(read_manifest(measured).get("name", measured.name))
    to = KEPT / re.sub(r"[^A-Za-z0-9_-]", "-", name)
    pack_rows(measured, to)
    return f"{to}: {len(read_rows(to))} rows"


if __name__ == "__main__":
    main()
