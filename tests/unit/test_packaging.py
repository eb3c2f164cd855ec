"""What pyproject.toml says of the packages is what is there."""

import tomllib
from importlib import metadata, util
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def test_every_folder_with_code_is_a_package() -> None:
    found = {
        ".".join((name, *file.parent.relative_to(ROOT / folder).parts))
        for name, folder in SETUPTOOLS["package-dir"].items()
        for file in (ROOT / folder).rglob("*.py")
    }
    assert found <= set(SETUPTOOLS["packages"])
    assert all(util.find_spec(name) for name in SETUPTOOLS["packages"])


def test_every_requirement_is_pinned_and_its_pin_allowed() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(line for extra in extras.values() for line in extra)]
    for requirement in map(Requirement, [*wanted, *PROJECT["build-system"]["requires"]]):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement
    assert not any("+" in version or "@" in version for version in pinned.values())


def test_what_those_pull_in_is_pinned_too() -> None:
    """Walks the installed packages from the project's own requirements downwards."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if line and not line.startswith("#")}
    queue, seen = ["semcom-ota"], set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        extras = ("dev", "train") if name == "semcom-ota" else ("",)
        for requirement in map(Requirement, metadata.requires(name) or []):
            if not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
                queue.append(canonicalize_name(requirement.name))
    assert seen - {"semcom-ota"} <= pinned
