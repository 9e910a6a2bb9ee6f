"""CPU time of a measurement (Linux): what other load on the machine changes least."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from common.embedded_postgres import EmbeddedPostgres

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _OWN, _ENDED_CHILDREN = 1, slice(11, 13), slice(13, 15)
"""Fields of /proc/<pid>/stat after the name: the parent's id; user and system time in ticks."""


def cpu_seconds(postgres: EmbeddedPostgres) -> float:
    """What this process and the server with all its processes have used so far."""
    return time.process_time() + _of_server(postgres.pid) / _TICKS


def cpu_seconds_of(pids: Iterable[int]) -> float:
    """What these processes have used so far, without their children."""
    stats = (_stat(Path(f"/proc/{pid}")) for pid in pids)
    return sum(sum(map(int, fields[_OWN])) for fields in stats) / _TICKS


def seconds_of(postgres: EmbeddedPostgres, processes: Iterable[int]) -> float:
    """What the server with all its processes and these other ones have used so far."""
    return _of_server(postgres.pid) / _TICKS + cpu_seconds_of(processes)


def _of_server(postmaster: int) -> int:
    total = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        fields = _stat(folder)
        if folder.name == str(postmaster):
            total += sum(map(int, fields[_OWN])) + sum(map(int, fields[_ENDED_CHILDREN]))
        elif fields and int(fields[_PARENT]) == postmaster:
            total += sum(map(int, fields[_OWN]))
    return total


def _stat(folder: Path) -> list[str]:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended since the folder was listed
        return []
