"""Build the wheel, install it alone in a folder, and check that it holds every file that its packages' folders do."""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Exit status 1 and a sentence if something is missing."""
    folders: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"]
    with tempfile.TemporaryDirectory() as name:
        # Built from a copy: in place, setuptools would take up what an older build left in build/.
        source, installed = Path(name, "source"), Path(name, "installed")
        for folder in folders.values():
            shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / file, source)
        pip = [sys.executable, "-m", "pip", "-q"]
        pinned = os.environ | {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
        subprocess.run([*pip, "wheel", "--no-deps", "-w", name, source], check=True, env=pinned)
        (wheel,) = Path(name).glob("*.whl")
        subprocess.run([*pip, "install", "--no-deps", "--target", installed, wheel], check=True)
        missing = [
            str(file.relative_to(source))
            for package, folder in folders.items()
            for file in sorted((source / folder).rglob("*"))
            if file.is_file() and not (installed / package / file.relative_to(source / folder)).is_file()
        ]
        program = "import semcom_ota, semcom_blocks, semcom_flowgraphs; print(semcom_blocks.__file__)"
        alone = os.environ | {"PYTHONPATH": str(installed)}
        command = [sys.executable, "-c", program]
        found = subprocess.run(command, cwd=name, env=alone, check=True, capture_output=True, text=True).stdout
    if missing or not found.startswith(str(installed)):
        print(f"the wheel lacks {', '.join(missing) or 'its own semcom_blocks'}", file=sys.stderr)
        return 1
    print(f"{wheel.name} holds every file of {', '.join(folders.values())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
