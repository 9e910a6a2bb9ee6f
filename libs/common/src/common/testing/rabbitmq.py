"""A real RabbitMQ for tests, by the first way that is open, so that nobody has to prepare one.

1. `AMQP_URL`: a broker that already runs, and is left alone
2. Docker, when its engine answers
3. the `rabbitmq-server` of this machine, as whoever runs the tests
4. the same, installed before by apt-get, for root on Debian
"""

import atexit
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from common.testing.apt import CannotInstall, apt_install, where
from common.testing.processes import free_port

IMAGE = "rabbitmq:4-management"
READY_WITHIN = 120.0
_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"


class NoRabbitMQ(Exception):
    """No way led to a broker; the text says what each of them lacked."""


class RabbitMQNode(Protocol):
    """A broker of the tests' own, which they may stop and start again."""

    @property
    def url(self) -> str:
        """Where it listens: `amqp://guest:guest@127.0.0.1:…/`."""
        ...

    def start(self) -> None:
        """Start, and return once it answers."""
        ...

    def stop(self) -> None:
        """Stop in good order and keep the data; connections break."""
        ...

    def close(self) -> None:
        """End it and remove what it left."""
        ...


@contextmanager
def rabbitmq() -> Iterator[str]:
    """The address of a broker for tests; it lasts as long as this process and is shared.

    Raises `NoRabbitMQ`. Use names of your own in it: others do not expect yours.
    """
    yield os.environ.get("AMQP_URL") or _node("everybody's").url


def own_rabbitmq() -> RabbitMQNode:
    """A broker that may be stopped and started, and that nobody else uses meanwhile.

    Raises `NoRabbitMQ`. It is never the one that `rabbitmq` names: a stop would reach its users.
    """
    return _node("to be stopped")


@cache
def _node(purpose: str) -> RabbitMQNode:
    """At most one a process and purpose, since it takes seconds."""
    reasons = []
    for way in (DockerNode, LocalNode, installed_node):
        try:
            node: RabbitMQNode = way()
        except NoRabbitMQ as reason:
            reasons.append(str(reason))
            continue
        atexit.register(node.close)
        return node
    raise NoRabbitMQ("set AMQP_URL, or mend one of these: " + "; ".join(reasons))


class Watch:
    """Runs a shell command once this process has ended, even by SIGKILL, or when told to.

    A pipe does it: its end closes with the process that holds it, and `cat` returns.
    """

    def __init__(self, command: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["sh", "-c", f"cat >/dev/null; {command}", "watch", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )

    def fire(self) -> None:
        """Run the command now and wait for its end. A second call does nothing."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


class DockerNode:
    """A container."""

    def __init__(self) -> None:
        _run_or_say(["docker", "info"], "Docker: no engine answers")
        self._name = f"cartulary-rabbitmq-{uuid4().hex[:12]}"
        self._port = free_port()
        self._watch = Watch('docker rm --force --volumes "$1"', self._name)
        address = f"127.0.0.1:{self._port}:5672"
        command = ["docker", "run", "--detach", "--name", self._name, "--publish", address, IMAGE]
        try:
            _run_or_say(command, f"Docker: cannot run {IMAGE}")
            _wait_for_broker(self._port, self._log)
        except NoRabbitMQ:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    def start(self) -> None:
        subprocess.run(["docker", "start", self._name], check=True, capture_output=True)
        _wait_for_broker(self._port, self._log)

    def stop(self) -> None:
        subprocess.run(["docker", "stop", self._name], check=True, capture_output=True)

    def close(self) -> None:
        self._watch.fire()

    def _log(self) -> str:
        logs = subprocess.run(["docker", "logs", self._name], capture_output=True, text=True)
        return logs.stdout + logs.stderr


class LocalNode:
    """A `rabbitmq-server` process with a data folder, a name and ports of its own."""

    def __init__(self) -> None:
        self._program = _server_program()
        self._folder = Path(tempfile.mkdtemp(prefix="cartulary-rabbitmq-"))
        self._port = free_port()
        self._epmd_port = free_port()
        self._environment = self._own_environment()
        # The node's name service: started here, Erlang would leave one behind in the background.
        self._epmd = subprocess.Popen(
            ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        leftovers = 'kill "$1"; rm -rf "$2"'
        self._leftovers = Watch(leftovers, str(self._epmd.pid), str(self._folder))
        try:
            self.start()
        except NoRabbitMQ:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    def start(self) -> None:
        with (self._folder / "output").open("ab") as output:
            self._server = subprocess.Popen(
                [self._program],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._watch = Watch('kill -s KILL -- "-$1"', str(self._server.pid))
        _wait_for_broker(self._port, self._log, lambda: self._server.poll() is None)

    def stop(self) -> None:
        os.killpg(self._server.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._server.wait(timeout=30)
        self._end_server()

    def close(self) -> None:
        self._end_server()
        self._leftovers.fire()
        self._epmd.wait()

    def _end_server(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._watch.fire()
        self._server.wait()

    def _log(self) -> str:
        return (self._folder / "output").read_text(errors="replace")

    def _own_environment(self) -> dict[str, str]:
        """Settings that keep this node apart from every other, and on the loopback."""
        (self._folder / "enabled_plugins").write_text("[].\n")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        return (
            inherited
            | {
                "HOME": str(self._folder),  # the Erlang cookie is made here
                "ERL_EPMD_PORT": str(self._epmd_port),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODENAME": f"cartulary-{uuid4().hex[:12]}@localhost",
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODE_PORT": str(self._port),
                "RABBITMQ_DIST_PORT": str(free_port()),
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LOOPBACK_ONLY,
                "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
                "RABBITMQ_LOG_BASE": str(self._folder),
                "RABBITMQ_LOGS": "-",
                "RABBITMQ_PID_FILE": str(self._folder / "pid"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
                # neither exists: what the machine's own broker is set to does not concern this one
                "RABBITMQ_CONFIG_FILE": str(self._folder / "none"),
                "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none-env.conf"),
            }
        )


def installed_node() -> RabbitMQNode:
    """Install the Debian package, without its service, and start a node from it."""
    try:
        apt_install("rabbitmq-server", "rabbitmq-server")
    except CannotInstall as error:
        raise NoRabbitMQ(str(error)) from error
    return LocalNode()


def _server_program() -> str:
    """Debian's program on the PATH changes the user and the folder; the one behind it does not."""
    name = "rabbitmq-server"
    program = where(name, "/usr/lib/rabbitmq/bin") or where(name)
    if program is None or where("epmd") is None:
        raise NoRabbitMQ("rabbitmq-server: not installed")
    return program


def _run_or_say(command: Sequence[str], problem: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except OSError as error:
        raise NoRabbitMQ(f"{problem} ({error.strerror})") from error
    except subprocess.CalledProcessError as error:
        raise NoRabbitMQ(f"{problem} ({error.stderr.strip()[-300:]})") from error


def _wait_for_broker(
    port: int, log: Callable[[], str], alive: Callable[[], bool] = lambda: True
) -> None:
    """Wait until the AMQP handshake is answered: a mere connection Docker's proxy takes early."""
    deadline = time.monotonic() + READY_WITHIN
    while alive() and time.monotonic() < deadline:
        if _answers(port):
            return
        threading.Event().wait(0.1)
    raise NoRabbitMQ(f"the broker does not answer; its last words: {log()[-800:]}")


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(b"AMQP\x00\x00\x09\x01")
        return connection.recv(1) == b"\x01"  # a method frame: Connection.Start
    return False
