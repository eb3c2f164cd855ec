"""What every use needs: the interpreter, the libraries, the weights, and room on the disk. And what drawing needs."""

import hashlib
import os
import sys
from collections.abc import Iterable
from importlib import metadata, util
from pathlib import Path

from semcom_ota.config import SHIPPED, WEIGHTS
from semcom_ota.doctor.check import COMPANION, SPEED, Check, Finished, Probe, came_to

FREE_DISK_BYTES = 2**30  # runs with recordings
SET_UP = "scripts/setup.sh"
CHECKPOINT = SHIPPED / WEIGHTS

GNURADIO_PROBE = "from gnuradio import gr; print('GNU Radio', gr.version())"
ZMQ_PROBE = "import zmq; assert zmq.has('ipc'), 'libzmq without ipc'; print('libzmq', zmq.zmq_version())"
INFERENCE_PROGRAM = """
import torch
device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
print(f"torch {torch.__version__} on {device}", flush=True)
from semcom_ota.codecs.registry import load
from semcom_ota.config import CodecConfig, DeviceConfig
load("text-jscc", CodecConfig(), DeviceConfig(device="cpu"))
print("loads")
"""


def inference(done: Finished | None) -> tuple[Probe, Probe | None]:
    """What `INFERENCE_PROGRAM` came to: torch, and the checkpoint, which is not tried without torch."""
    loading = came_to(done)
    first = done.out.partition("\n")[0] if done is not None else ""
    return (Probe(True, first), loading) if first.startswith("torch ") else (loading, None)


def check_python(version: tuple[int, int]) -> Check:
    """The interpreter that `pyproject.toml` asks for."""
    ok = (3, 11) <= version < (3, 13)
    fix = "" if ok else f"use Python 3.11: {SET_UP} makes .venv from Debian's /usr/bin/python3"
    return Check("Python", ok, f"{version[0]}.{version[1]}", fix)


def check_numpy(version: str | None) -> Check:
    """Debian's GNU Radio bindings cannot load numpy 2."""
    ok = version is not None and version.startswith("1.")
    return Check(
        "numpy", ok, version or "not installed", "" if ok else f"{sys.executable} -m pip install 'numpy==1.26.4'"
    )


def check_probe(name: str, result: Probe, fix: str) -> Check:
    """A library that loads, or the sentence with which it did not."""
    return Check(name, result.ok, result.said, "" if result.ok else fix)


def check_device(torch: Probe, has_nvidia: bool) -> Check:
    """A GPU that is there should be used; without one the CPU serves."""
    if not torch.ok:
        return Check("inference", False, "unknown without torch", SET_UP, SPEED)
    device = torch.said.partition(" on ")[2]
    if device == "CPU" and has_nvidia:
        fix = "install PyTorch's CUDA build (pytorch.org/get-started/locally) and check that nvidia-smi works"
        return Check("inference", False, "an NVIDIA GPU is here, but this PyTorch cannot use it", fix, SPEED)
    return Check("inference", True, f"on {device}", group=SPEED)


def check_checkpoint(file: Path, loading: Probe | None) -> Check:
    """The weights that ship with the project are whole. `loading`: what came of it; None: there is no torch for it."""
    if loading is None:
        return Check("checkpoint", False, "not tried without torch", SET_UP)
    fix = f"git restore {file.parent}, or install the package anew"
    if not file.is_file():
        return Check("checkpoint", False, f"{file} is missing", fix)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Check("checkpoint", loading.ok, f"{loading.said}, sha256 {digest[:16]}", "" if loading.ok else fix)


def check_numba_cache(folders: Iterable[Path]) -> Check:
    """Compiled loops are kept in the first folder that can be written to; without one numba refuses to load them."""
    for folder in folders:
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if os.access(existing, os.W_OK | os.X_OK):
            return Check("numba cache", True, str(folder))
    return Check("numba cache", False, "no folder for it can be written to", "export NUMBA_CACHE_DIR=/var/tmp/numba")


def check_disk(folder: Path, free: int) -> Check:
    """Room in bytes for run folders and recordings."""
    ok = free >= FREE_DISK_BYTES
    fix = "" if ok else "make room, or let --out name a folder on another disk"
    return Check("disk", ok, f"{free / 2**30:.1f} GiB free in {folder}", fix)


def check_grc(folder: Path | None, blocks_path: str, has_grcc: bool) -> Check:
    """GNU Radio Companion finds our blocks only if `GRC_BLOCKS_PATH` names their folder."""
    if not has_grcc:
        return Check("GRC", False, "grcc is not there", "sudo apt-get install gnuradio", COMPANION)
    if folder is None:
        return Check("GRC", False, "the package semcom_grc is not installed", SET_UP, COMPANION)
    if str(folder) not in blocks_path.split(os.pathsep):
        return Check("GRC", False, "GRC_BLOCKS_PATH lacks our blocks", 'eval "$(semcom grc-path)"', COMPANION)
    return Check("GRC", True, str(folder), group=COMPANION)


def version(package: str) -> str | None:
    """The installed version of a distribution."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def grc_folder() -> Path | None:
    """Where our blocks for GNU Radio Companion are."""
    spec = util.find_spec("semcom_grc")
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def numba_folders() -> list[Path]:
    """Where numba looks for a place, in its order."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    beside = Path(__file__).parents[1] / "phy" / "__pycache__"
    user = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "numba"
    return [Path(chosen)] if chosen else [beside, user]
