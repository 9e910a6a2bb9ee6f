"""Programs that tests need, installed from Debian by root, and not started as services."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
WAIT = ["-o", "DPkg::Lock::Timeout=300"]
"""Seconds for whoever else is installing something."""


class CannotInstall(Exception):
    """The text says what was missing."""


def where(program: str, path: str | None = None) -> str | None:
    """Its path, if it is installed: waits for another runner that is installing something."""
    with _alone():
        return shutil.which(program, path=path)


def apt_install(program: str, *packages: str) -> None:
    """Install the packages that it takes, unless the program is there. Raises `CannotInstall`.

    Runners side by side ask for the same at the same moment: one installs, the others wait.
    """
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotInstall("apt-get: only for root on Debian and its kin")
    with _alone(), _no_service_starts():
        if shutil.which(program):
            return
        install = ["apt-get", *WAIT, "install", "-y", "--no-install-recommends", *packages]
        for command in (["apt-get", *WAIT, "update"], install):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            if done.returncode:
                raise CannotInstall(f"{' '.join(command)} failed ({done.stderr.strip()[-300:]})")


@contextmanager
def _alone() -> Iterator[None]:
    file = Path(tempfile.gettempdir()) / f"cartulary-apt-{os.getuid()}.lock"
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian asks this file before it starts the service of a package that it installs."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
