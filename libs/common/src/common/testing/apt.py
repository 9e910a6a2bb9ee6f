"""Servers that tests need, installed from Debian by root, and not started as services."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")


class CannotInstall(Exception):
    """The text says what was missing."""


def apt_install(package: str) -> None:
    """Install it. Raises `CannotInstall`."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotInstall("apt-get: only for root on Debian and its kin")
    with _no_service_starts():
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", package]):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            if done.returncode:
                raise CannotInstall(f"{' '.join(command)} failed ({done.stderr.strip()[-300:]})")


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
