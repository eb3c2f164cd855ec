"""`semcom doctor`: is this machine ready, and if not, what exactly to do.

Each check is a function of facts, so that it can be tested; `run_checks` gathers the facts. What could crash or would
load a large library (GNU Radio, torch, zmq) is tried in a process of its own.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from rich.console import Console
from rich.table import Table

from semcom_ota.config import SHIPPED, WEIGHTS

PROBE_TIMEOUT_S = 120
SOCKET_BUFFER_BYTES = 33_554_432  # UHD's host tuning notes for a USRP on 10 Gbit/s Ethernet
FREE_DISK_BYTES = 2**30  # runs with recordings
SET_UP = "scripts/setup.sh"

GNURADIO_PROBE = "from gnuradio import gr; print('GNU Radio', gr.version())"
ZMQ_PROBE = "import zmq; assert zmq.has('ipc'), 'libzmq without ipc'; print('libzmq', zmq.zmq_version())"
TORCH_PROBE = """
import torch
device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
print(f"torch {torch.__version__} on {device}")
"""
CHECKPOINT_PROBE = """
from semcom_ota.codecs.registry import load
from semcom_ota.config import CodecConfig, DeviceConfig
load("text-jscc", CodecConfig(), DeviceConfig(device="cpu"))
print("loads")
"""
CHECKPOINT = SHIPPED / WEIGHTS


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fix` is the exact remedy, empty if all is well."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True  # False: only some uses (a radio, GNU Radio Companion, speed) want it


@dataclass(frozen=True, slots=True)
class Probe:
    """What a short Python program in a process of its own came to."""

    ok: bool
    said: str  # its last line: of stdout if it went well, else of stderr


def probe(program: str) -> Probe:
    """Run a Python program with this interpreter, for at most `PROBE_TIMEOUT_S`."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return Probe(False, f"no answer within {PROBE_TIMEOUT_S} s")
    ok = done.returncode == 0
    lines = (done.stdout if ok else done.stderr).strip().splitlines()
    return Probe(ok, lines[-1] if lines else f"ended with status {done.returncode}")


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
        return Check("device", False, "unknown without torch", SET_UP, needed=False)
    device = torch.said.partition(" on ")[2]
    if device == "CPU" and has_nvidia:
        fix = "install PyTorch's CUDA build (pytorch.org/get-started/locally) and check that nvidia-smi works"
        return Check("device", False, "an NVIDIA GPU is here, but this PyTorch cannot use it", fix, needed=False)
    return Check("device", True, device)


def check_checkpoint(file: Path, loading: Probe) -> Check:
    """The weights that ship with the project are whole."""
    fix = f"git restore {file.parent}, or install the package anew"
    if not file.is_file():
        return Check("checkpoint", False, f"{file} is missing", fix)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Check("checkpoint", loading.ok, f"{loading.said}, sha256 {digest[:16]}", "" if loading.ok else fix)


def check_grc(folder: Path | None, blocks_path: str, has_grcc: bool) -> Check:
    """GNU Radio Companion finds our blocks only if `GRC_BLOCKS_PATH` names their folder."""
    if not has_grcc:
        return Check("GRC", False, "grcc is not there", "sudo apt-get install gnuradio", needed=False)
    if folder is None:
        return Check("GRC", False, "the package semcom_grc is not installed", SET_UP, needed=False)
    if str(folder) not in blocks_path.split(os.pathsep):
        return Check("GRC", False, "GRC_BLOCKS_PATH lacks our blocks", 'eval "$(semcom grc-path)"', needed=False)
    return Check("GRC", True, str(folder))


def check_uhd(has_tools: bool, images: Path | None) -> Check:
    """A USRP needs UHD's tools and, but for a few models, its FPGA images."""
    if not has_tools:
        return Check("UHD", False, "uhd_find_devices is not there", "sudo apt-get install uhd-host", needed=False)
    if images is None or not any(images.glob("*")):
        return Check("UHD", False, "no FPGA images for a USRP", "sudo uhd_images_downloader", needed=False)
    return Check("UHD", True, f"tools, images in {images}")


def check_numba_cache(folders: Iterable[Path]) -> Check:
    """Compiled loops are kept in the first folder that can be written to; without one numba refuses to load them."""
    for folder in folders:
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if os.access(existing, os.W_OK | os.X_OK):
            return Check("numba cache", True, str(folder))
    return Check("numba cache", False, "no folder for it can be written to", "export NUMBA_CACHE_DIR=/var/tmp/numba")


def check_socket_buffers(receive: int | None, send: int | None) -> Check:
    """Largest socket buffers in bytes. A network USRP at high rates loses samples with the kernel's default."""
    name = "socket buffers"
    if receive is None or send is None:
        return Check(name, False, "net.core.rmem_max cannot be read", "run on Linux", needed=False)
    detail = f"receive {receive}, send {send} bytes"
    if min(receive, send) >= SOCKET_BUFFER_BYTES:
        return Check(name, True, detail)
    fix = f"sudo sysctl -w net.core.rmem_max={SOCKET_BUFFER_BYTES} net.core.wmem_max={SOCKET_BUFFER_BYTES}"
    return Check(name, False, f"{detail}: small for a USRP on 10 Gbit/s Ethernet", fix, needed=False)


def check_governor(governors: set[str]) -> Check:
    """A core that clocks down makes a radio underflow."""
    if governors <= {"performance"}:
        return Check("CPU governor", True, "performance" if governors else "not adjustable here")
    fix = "sudo apt-get install linux-cpupower && sudo cpupower frequency-set -g performance"
    return Check("CPU governor", False, ", ".join(sorted(governors)), fix, needed=False)


def check_disk(folder: Path, free: int) -> Check:
    """Room in bytes for run folders and recordings."""
    ok = free >= FREE_DISK_BYTES
    fix = "" if ok else "make room, or let --out name a folder on another disk"
    return Check("disk", ok, f"{free / 2**30:.1f} GiB free in {folder}", fix)


def run_checks() -> list[Check]:
    """Look at this machine: every check once, in the order in which problems are best mended. Takes some seconds."""
    torch = probe(TORCH_PROBE)
    here = Path.cwd()
    has_uhd = shutil.which("uhd_find_devices") is not None
    return [
        check_python(sys.version_info[:2]),
        check_numpy(_version("numpy")),
        check_probe("GNU Radio", probe(GNURADIO_PROBE), f"sudo apt-get install gnuradio, then {SET_UP}"),
        check_probe("torch", torch, SET_UP),
        check_device(torch, shutil.which("nvidia-smi") is not None),
        check_checkpoint(CHECKPOINT, probe(CHECKPOINT_PROBE)),
        check_probe("zmq", probe(ZMQ_PROBE), SET_UP),
        check_numba_cache(_numba_folders()),
        check_disk(here, shutil.disk_usage(here).free),
        check_grc(_grc_folder(), os.environ.get("GRC_BLOCKS_PATH", ""), shutil.which("grcc") is not None),
        check_uhd(has_uhd, _uhd_images()),
        check_socket_buffers(_kernel_number("rmem_max"), _kernel_number("wmem_max")),
        check_governor(_governors(Path("/sys/devices/system/cpu"))),
    ]


def report(checks: list[Check], console: Console) -> int:
    """Print the checks and their fixes; the exit status is 0 if all that is needed is there, else 2."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    for check in checks:
        mark = "[green]ok" if check.ok else "[red]FAILS" if check.needed else "[yellow]optional"
        table.add_row(mark, check.name, check.detail)
    console.print(table)
    for check in checks:
        if not check.ok:
            console.print(f"{check.name}: {check.fix}", markup=False, highlight=False, soft_wrap=True)
    return 0 if all(check.ok or not check.needed for check in checks) else 2


def main() -> int:
    """`semcom doctor`."""
    return report(run_checks(), Console())


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _grc_folder() -> Path | None:
    spec = util.find_spec("semcom_grc")
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _numba_folders() -> list[Path]:
    """Where numba looks for a place, in its order."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    beside = Path(__file__).parent / "phy" / "__pycache__"
    user = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "numba"
    return [Path(chosen)] if chosen else [beside, user]


def _uhd_images() -> Path | None:
    candidates = [Path(os.environ["UHD_IMAGES_DIR"])] if "UHD_IMAGES_DIR" in os.environ else []
    candidates += [*Path("/usr/share/uhd").glob("**/images"), *Path("/usr/local/share/uhd").glob("**/images")]
    return next((folder for folder in candidates if folder.is_dir()), None)


def _kernel_number(name: str) -> int | None:
    try:
        return int(Path("/proc/sys/net/core", name).read_text())
    except (OSError, ValueError):
        return None


def _governors(cpus: Path) -> set[str]:
    return {file.read_text().strip() for file in cpus.glob("cpu[0-9]*/cpufreq/scaling_governor")}
