"""Build the wheel, install it alone in a folder, and check that it holds all that the checkout does."""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def shipped_files(packages: dict[str, str]) -> set[str]:
    """Every tracked file of the packages' folders, by its name in the wheel."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--", *packages.values()], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    package_of = {folder: name for name, folder in packages.items()}
    paths = [Path(name) for name in tracked.split("\0") if name]
    return {str(Path(package_of[path.parts[0]], *path.parts[1:])) for path in paths}


def main() -> int:
    """Exit status 1 and a sentence if something is missing."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"]
    with tempfile.TemporaryDirectory() as folder:
        # Built from a copy: in place, setuptools would take up what an older build left in build/.
        source, installed = Path(folder, "source"), Path(folder, "installed")
        subprocess.run(["git", "clone", "-q", ROOT, source], check=True)
        pip = [sys.executable, "-m", "pip", "-q"]
        environment = os.environ | {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
        subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, source], check=True, env=environment)
        (wheel,) = Path(folder).glob("*.whl")
        subprocess.run([*pip, "install", "--no-deps", "--target", installed, wheel], check=True)
        missing = sorted(name for name in shipped_files(packages) if not Path(installed, name).is_file())
        program = "import semcom_ota, semcom_blocks, semcom_flowgraphs; print(semcom_blocks.__file__)"
        environment = os.environ | {"PYTHONPATH": str(installed)}
        command = [sys.executable, "-c", program]
        found = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout
    if missing or not found.startswith(str(installed)):
        print(f"the wheel lacks {', '.join(missing) or 'its own semcom_blocks'}", file=sys.stderr)
        return 1
    print(f"{wheel.name} holds every tracked file of {', '.join(packages)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
