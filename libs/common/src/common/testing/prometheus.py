"""A real Prometheus for tests, by the first way that is open, and questions to it.

1. the `prometheus` of this machine
2. the same, installed before by apt-get, for root on Debian
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from common.testing.apt import CannotInstall, apt_install, where
from common.testing.processes import free_port, program


class NoPrometheus(Exception):
    """No way led to the program; the text says what each of them lacked."""


def found(name: str) -> str:
    """The path of `prometheus` or `promtool`. Raises `NoPrometheus`."""
    path = where(name)
    if path is None:
        try:
            apt_install(name, "prometheus")
        except CannotInstall as error:
            raise NoPrometheus(f"put {name} on the PATH, or mend this: {error}") from error
        path = where(name)
    if path is None:
        raise NoPrometheus(f"put {name} on the PATH: the package prometheus does not have it")
    return path


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The answer now. Raises `ValueError` for an expression that it does not understand, and
        `ConnectionError` while it starts."""
        async with (
            aiohttp.ClientSession(self.url) as session,
            session.get("/api/v1/query", params={"query": expression}) as response,
        ):
            if response.status == 503:
                raise ConnectionError("it is still starting")
            answer = await response.json()
        if answer["status"] != "success":
            raise ValueError(f"{expression}: {answer.get('error')}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@contextmanager
def prometheus(
    config: Mapping[str, Any], targets: Mapping[str, str], folder: Path
) -> Iterator[Prometheus]:
    """Runs with the jobs of this configuration, of which each is at its target, every second."""
    jobs = [
        {**job, "static_configs": [{"targets": [targets[job["job_name"]]]}]}
        for job in config["scrape_configs"]
        if job["job_name"] in targets
    ]
    document = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(json.dumps(document))  # which is YAML, too
    address = f"127.0.0.1:{free_port()}"
    command = [
        found("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with program(command, {}, folder / "prometheus.txt"):
        yield Prometheus(f"http://{address}")
