"""Logs that can be read by machines and hold no secret; loops that come back."""

import asyncio
import io
import json
import logging
from typing import Any

import pytest
import structlog
from common.observability import HIDDEN, configure_logging, supervise
from common.testing.logs import json_log
from common.testing.waiting import eventually
from prometheus_client import REGISTRY

log = structlog.get_logger("test")


def entries(file: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.getvalue().splitlines()]


def running(task: str) -> float | None:
    return REGISTRY.get_sample_value("cartulary_task_running", {"task": task})


def restarts(task: str) -> float | None:
    return REGISTRY.get_sample_value("cartulary_task_restarts_total", {"task": task})


def test_a_line_is_json_with_its_event_level_and_time() -> None:
    with json_log() as file:
        log.info("card_made", count=3)

    (line,) = entries(file)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "card_made", "level": "info", "count": 3}


def test_secrets_and_personal_fields_are_hidden_also_inside_of_mappings() -> None:
    with json_log() as file:
        log.info(
            "login",
            email="a@example.org",
            new_password="hunter2",
            Authorization="Bearer x",
            name="Ada",
            task="relay",
            person={"phone": "+49", "id": 1},
        )

    (line,) = entries(file)
    assert (line["task"], line["person"]) == ("relay", {"phone": HIDDEN, "id": 1})
    for field in ("email", "new_password", "Authorization", "name"):
        assert line[field] == HIDDEN


def test_hiding_a_field_leaves_the_callers_own_mapping_alone() -> None:
    person = {"phone": "+49"}
    with json_log():
        log.info("seen", person=person)

    assert person == {"phone": "+49"}


def test_a_value_that_json_does_not_know_loses_no_line() -> None:
    with json_log() as file:
        log.info("odd", half="\ud800", huge=2**70, thing=object, at={1: 2})

    (line,) = entries(file)
    assert (line["event"], line["huge"]) == ("odd", 2**70)


def test_what_libraries_warn_of_has_the_same_form() -> None:
    with json_log() as file, structlog.contextvars.bound_contextvars(request_id="r"):
        logging.getLogger("library").warning("slow %s", "answer")
        logging.getLogger("library").info("chatter")
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("library").exception("failed")

    slow, failed = entries(file)
    assert (slow["event"], slow["level"], slow["request_id"]) == ("slow answer", "warning", "r")
    assert "ValueError: broken" in failed["exception"]


def fail(password: str) -> None:
    raise ValueError("broken")


def test_a_person_at_a_terminal_sees_a_traceback_without_its_variables() -> None:
    with json_log():
        file = io.StringIO()
        configure_logging(level="info", json=False, file=file)
        try:
            fail("hunter" + str(2))
        except ValueError:
            log.exception("failed")

    assert "ValueError: broken" in file.getvalue()
    assert "hunter2" not in file.getvalue()


async def test_a_loop_that_dies_comes_back_and_is_counted() -> None:
    lives: list[float | None] = []

    async def run() -> None:
        lives.append(running("mortal"))
        if len(lives) == 1:
            raise RuntimeError("died")
        await asyncio.Event().wait()

    async def lives_again() -> bool:
        return len(lives) == 2

    with json_log() as file:
        task = asyncio.create_task(supervise("mortal", run))
        await eventually(lives_again)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    died = entries(file)[0]
    assert (died["event"], died["task"]) == ("task_died", "mortal")
    assert "RuntimeError: died" in died["exception"]
    assert lives == [1, 1]
    assert restarts("mortal") == 1
    assert running("mortal") == 0


async def test_a_cancelled_loop_is_not_started_again() -> None:
    started: list[None] = []

    async def run() -> None:
        started.append(None)
        await asyncio.Event().wait()

    async def runs() -> bool:
        return bool(started)

    task = asyncio.create_task(supervise("cancelled", run))
    await eventually(runs)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(started) == 1
    assert restarts("cancelled") is None
