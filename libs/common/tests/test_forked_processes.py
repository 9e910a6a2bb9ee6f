"""Forks of one that has made the imports: each is a process like any other."""

import signal
from pathlib import Path

import pytest
from common.testing.processes import forked, free_port
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


def test_it_has_its_own_environment_arguments_and_output(tmp_path: Path) -> None:
    for home in ("first", "second"):
        said = tmp_path / home
        with forked(["site", "--user-base"], {"HOME": f"/{home}"}, said) as started:
            started.child.wait(30)
        assert said.read_text() == f"/{home}/.local\n"


def test_its_exit_code_and_its_complaint_are_heard(tmp_path: Path) -> None:
    with forked(["json.tool", "--indent", "x"], {}, tmp_path / "said") as started:
        assert started.child.wait(30) == 2
    assert "invalid int value" in started.said()


async def test_it_can_be_killed_and_stopped(tmp_path: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGINT):
        with forked(["http.server", str(free_port())], {}, tmp_path / number.name) as started:

            async def serves(name: str = number.name) -> bool:
                return "Serving" in (tmp_path / name).read_text()

            await eventually(serves)
            assert started.child.poll() is None
            code = started.stop(number)
        assert code == (-signal.SIGKILL if number is signal.SIGKILL else 0)
