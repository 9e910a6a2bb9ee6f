"""A real Redis for tests: this machine's own program, installed by apt-get where that is open."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from common.testing.apt import CannotInstall, apt_install, where


class NoRedis(Exception):
    """There is no `redis-server` and no way to one; the text says why."""


@contextmanager
def redis_server(port: int) -> Iterator[str]:
    """A server that keeps nothing, on this port of the loopback; its address.

    Raises `NoRedis`. It may not answer yet.
    """
    command = [_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def _program() -> str:
    program = where("redis-server")
    if program is None:
        _install()
        program = where("redis-server")
    if program is None:
        raise NoRedis("redis-server: not installed")
    return program


def _install() -> None:
    """For root on Debian and its kin, as for RabbitMQ."""
    try:
        apt_install("redis-server", "redis-server")
    except CannotInstall as error:
        raise NoRedis(str(error)) from error
