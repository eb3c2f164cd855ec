"""A large memory: how long a retrieval takes, how much room it has, how soon it is back after `kill -9`.

    python benchmarks/memory.py [--entries 100000] [--queries 1000] [--width 128] [--rule fifo] [--seed 0] [--json FILE]

A process of its own fills the memory of one user, a sentence and its channel a message, and goes on once it is full; it
is killed while it does. Restart is from then until all is at hand again. Retrieval is entries nearest in meaning to a
question, or the newest; recollected is all that a question takes, both of them with time and channel as the reader gets
them. Directions are random, which is as slow as any.
"""

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from semcom_ota.experiments import provenance, run_folder
from semcom_ota.memory.context import recollect
from semcom_ota.memory.entry import Understood
from semcom_ota.memory.store import MemoryStore
from semcom_ota.types import Csi, FrameHeader, ReceivedMessage

SYMBOLS, CARRIERS = 64, 52  # of a sentence's message, and of a channel
FULL = "full"
COUNTS = (8, 32, 96)


def fill(options: argparse.Namespace, file: Path) -> None:
    """Fill a memory, say so, and go on until killed."""
    rng = np.random.default_rng(options.seed)
    with MemoryStore(options.entries, {options.rule: 1.0}, file) as store:
        number = 0
        while True:
            header = FrameHeader(1, message=number % 2**16, message_symbols=SYMBOLS)
            symbols = rng.standard_normal((SYMBOLS, 2)).astype(np.float32).view(np.complex64)[:, 0]
            csi = Csi(
                np.ones((4, CARRIERS), np.complex64), np.full(CARRIERS, 0.1, np.float32), 10.0, 0.0, 1e6, 15625.0, 0.0
            )
            message = ReceivedMessage(header, symbols, np.full(SYMBOLS, 0.1, np.float32), (csi,))
            features = rng.standard_normal((1, options.width)).astype(np.float32)
            store.update(message, Understood(f"Mary went to place number {number}.", 0.99, True, features))
            number += 1
            if number == options.entries:
                print(FULL, flush=True)


def main() -> None:
    """Fill, kill, restart, retrieve, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--width", type=int, default=128, help="of the features, as those of the reader")
    parser.add_argument("--rule", default="fifo")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        return fill(options, options.fill)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "memory.db"
        started = time.perf_counter()
        with subprocess.Popen([sys.executable, *sys.argv, "--fill", file], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None and child.stdout.readline().strip() == FULL, "the memory was not filled"
            seconds = time.perf_counter() - started
            time.sleep(0.5)
            child.send_signal(signal.SIGKILL)
        print(f"{options.entries} entries of {options.width} numbers, rule {options.rule}, seed {options.seed}")
        print(f"filled in {seconds:.0f} s: {1e3 * seconds / options.entries:.2f} ms a message")
        size = sum(one.stat().st_size for one in Path(directory).iterdir())
        before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        with MemoryStore(options.entries, {options.rule: 1.0}, file) as store:
            restart = time.perf_counter() - started
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            print(f"restart after kill -9: {restart:.2f} s, {len(store)} entries; {size / 1e6:.0f} MB on the disk,"
                  f" {grown / 1e3:.0f} MB in memory")  # fmt: skip
            found = {"entries": len(store), "width": options.width, "rule": options.rule, "seed": options.seed,
                     "restart_s": restart, "disk_bytes": size, "memory_bytes": 1024 * grown,
                     "machine": provenance.machine(), "commit": provenance.commit(), "retrieved": []}  # fmt: skip
            queries = np.random.default_rng(options.seed + 1).standard_normal((options.queries, options.width))
            print(f"{'retrieved':>16} {'p50 ms':>8} {'p99 ms':>8}")
            for name, retrieve in (
                ("nearest", store.nearest),
                ("newest", lambda user, _, count: store.newest(user, count)),
                ("recollected", lambda user, query, count: recollect(store, user, query, count, count).numbers),
            ):
                for count in COUNTS:
                    times = np.empty(options.queries)
                    for index, query in enumerate(queries.astype(np.float32)):
                        started = time.perf_counter()
                        assert len(retrieve(0, query, count)) == count
                        times[index] = time.perf_counter() - started
                    p50, p99 = 1e3 * np.percentile(times, [50, 99])
                    print(f"{count:>4} {name:>11} {p50:8.2f} {p99:8.2f}")
                    found["retrieved"].append({"how": name, "entries": count, "p50_ms": p50, "p99_ms": p99})
    if options.json:
        run_folder.write_json(options.json, found)


if __name__ == "__main__":
    main()
