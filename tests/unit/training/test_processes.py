"""Two processes train as one does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import counting_task
import torch
from safetensors.torch import load_file


def in_two_processes(out: Path, steps: int) -> None:
    """As torchrun would start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    command = [sys.executable, counting_task.__file__, str(out), str(steps)]
    running = [
        subprocess.Popen(command, env=common | {"RANK": i, "LOCAL_RANK": i}, stderr=subprocess.PIPE, text=True)
        for i in "01"
    ]
    try:
        for process in running:
            _, said = process.communicate(timeout=200)
            assert process.returncode == 0, said
    finally:
        for process in running:
            process.kill()


def test_two_processes_learn_what_one_learns_and_a_run_may_change_from_one_to_two(tmp_path: Path) -> None:
    counting_task.train(tmp_path / "one", 6)
    counting_task.train(tmp_path / "two", 4)
    in_two_processes(tmp_path / "two", 6)  # a batch of 5: one process has 3 rows of it, the other 2
    one, two = (load_file(tmp_path / name / "resume.safetensors") for name in ("one", "two"))
    assert all(torch.allclose(one[name], two[name], rtol=1e-5, atol=1e-6) for name in one)
    assert len((tmp_path / "two" / "log.jsonl").read_text().splitlines()) == 3  # only the main process writes
