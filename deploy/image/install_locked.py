"""`python deploy/image/install_locked.py FOLDER PIP`: what is required there, exactly as locked.

pip checks hashes only of what is named with its version, so it is asked first what it would install
within the lock's versions, and then told precisely that, with the lock's hashes.
"""

import json
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path


def entries(lock: str) -> dict[str, list[str]]:
    """The lock's entries, each a version with its hashes, by the package's name; several where it
    depends on the version of Python which one it is."""
    found: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        found.setdefault(entry.partition("==")[0].lower(), []).append(entry)
    return found


def versions(locked: dict[str, list[str]]) -> str:
    """The lock as constraints without hashes, which pip would then ask of everything."""
    all_of_them = (entry for same in locked.values() for entry in same)
    return "\n".join(entry.partition(" \\")[0] for entry in all_of_them) + "\n"


def pinned(locked: dict[str, list[str]], names: Collection[str]) -> str:
    """The entries of these packages. Raises `KeyError` for one that the lock does not have."""
    normal = sorted(re.sub(r"[-_.]+", "-", name).lower() for name in names)
    return "\n".join(entry for name in normal for entry in locked[name]) + "\n"


def main(folder: Path, pip: str) -> None:
    """Install."""
    locked = entries((folder / "requirements.lock").read_text())
    (folder / "versions.txt").write_text(versions(locked))
    _run(
        *(pip, "install", "--quiet", "--dry-run", "--ignore-installed"),
        *("--report", str(folder / "report.json")),
        *("--constraint", str(folder / "versions.txt")),
        *("--requirement", str(folder / "requirements.txt")),
    )
    report = json.loads((folder / "report.json").read_text())
    names = [item["metadata"]["name"] for item in report["install"]]
    (folder / "pinned.txt").write_text(pinned(locked, names))
    requirement = ("--requirement", str(folder / "pinned.txt"))
    _run(pip, "install", "--quiet", "--require-hashes", "--no-deps", *requirement)
    _run(pip, "check")


def _run(*command: str) -> None:
    if code := subprocess.run(command).returncode:
        raise SystemExit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
