"""`python deploy/image/members.py SERVICE OUT`: one member for its image, and no neighbour.

Writes `OUT/sources/`, the member and those of this repository that it stands on, without tests, and
`OUT/locked/`, what these need of others beside the lock that says in which version.
"""

import re
import shutil
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILD_BACKEND = "uv-build"


def members(root: Path) -> dict[str, Path]:
    """The folder of each member by its name."""
    return {_project(file.parent)["name"]: file.parent for file in root.glob("*/*/pyproject.toml")}


def closure(name: str, known: dict[str, Path]) -> tuple[list[str], list[str]]:
    """The members that `name` stands on, itself included, and what they require of others.

    Raises `SystemExit` for a name that is no member.
    """
    if name not in known:
        raise SystemExit(f"SERVICE={name}: is none of {', '.join(sorted(known))}")
    named = {_normal(member): member for member in known}
    ours, others, left = set(), set(), [(name, frozenset[str]())]
    while left:
        member, extras = left.pop()
        ours.add(member)
        for requirement in _requirements(known[member], extras):
            other, its_extras = _parsed(requirement)
            if other in named:
                left.append((named[other], its_extras))
            else:
                others.add(requirement)
    return sorted(ours), sorted(others)


def _requirements(folder: Path, extras: Iterable[str]) -> list[str]:
    project = _project(folder)
    optional = project.get("optional-dependencies", {})
    return [*project.get("dependencies", []), *(r for extra in extras for r in optional[extra])]


def _parsed(requirement: str) -> tuple[str, frozenset[str]]:
    found = re.match(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?", requirement)
    assert found is not None
    extras = (found[2] or "").replace(" ", "").split(",")
    return _normal(found[1]), frozenset(filter(None, extras))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _project(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project


def main(service: str, out: Path) -> None:
    """Write what the image is made of."""
    known = members(ROOT)
    ours, others = closure(service, known)
    for name in ours:
        without = shutil.ignore_patterns("tests", "__pycache__", "*.egg-info")
        shutil.copytree(known[name], out / "sources" / name, ignore=without)
    locked = out / "locked"
    locked.mkdir(parents=True)
    (locked / "requirements.txt").write_text("\n".join([*others, BUILD_BACKEND, ""]))
    shutil.copy(ROOT / "requirements.lock", locked)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
