"""What made a result: the commit, versions of what was used, the machine."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from semcom_ota.config import CHECKPOINTS


def commit() -> str:
    """The project's commit, with `-dirty` if files differ from it; `unknown` where it is installed without one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # installed: a repository around it would be somebody else's
        return "unknown"
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def versions(names: Iterable[str]) -> dict[str, str]:
    """Installed versions of distributions."""
    return {name: _version(name) for name in names}


def machine() -> dict[str, str | int]:
    """Processor, number of cores and operating system, without any name of the machine's own."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def shipped_weights(codec: str) -> str:
    """A digest of the weights that ship and that come into what a codec, or a mask of it, does."""
    names = {codec, "language-model", f"mask-{codec}"}
    files = sorted(file for name in names for file in (CHECKPOINTS / name).rglob("*.safetensors"))
    return digest(file.read_bytes() for file in files)


def digest(parts: Iterable[bytes]) -> str:
    """16 digits of SHA-256, of the parts in order."""
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return hashlib.sha256(digests).hexdigest()[:16]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
