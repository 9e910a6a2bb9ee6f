"""Every operation of the public document, asked in ways nobody thought of: no answer surprises.

schemathesis draws requests that fit the document and requests that do not. No answer may be a 5xx,
have a status or a type that is not documented, or a body of another shape.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = pytest.mark.integration

EXAMPLES = 4
ENDLESS = {"live_events"}
LAST = ("delete_card", "end_session", "end_other_sessions", "erase_me", "log_out")
"""They end what the others need."""
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ANN = {"email": "ann@example.org", "password": "a long enough secret", "name": "Ann"}
CARD = {"name": "Ann Onym", "title": "T", "email": "ann@example.org"}
ROOT = {"email": "ops@example.org", "password": "a long enough secret"}


class Fuzzing:
    """One round over all operations, as an administrator with a card."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.asked = 0
        self.found: list[str] = []
        self.answered: Counter[int] = Counter()
        self.known: dict[str, str] = {}

    def prepare(self) -> None:
        """Sign in, and have something to ask for."""
        answer = self.post("/api/v1/auth/login", ROOT)
        self.session.headers["Authorization"] = f"Bearer {answer['access_token']}"
        card = self.post("/api/v1/cards/", CARD)
        self.known = {
            "card_id": card["id"],
            "address": card["slug"],
            "account_id": self.post("/api/v1/auth/register", ANN)["user"]["id"],
        }

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """A request that must succeed."""
        answer = self.session.post(self.url + path, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def operations(self) -> Iterator[APIOperation]:
        """All of the merged document, those that end sessions last."""
        document = self.session.get(self.url + "/openapi.json", timeout=60).json()
        schema = schemathesis.openapi.from_dict(document)
        found = [result.ok() for result in schema.get_all_operations()]
        order = {id: place for place, id in enumerate(LAST, 1)}
        yield from sorted(found, key=lambda operation: order.get(self._id(operation), 0))

    @staticmethod
    def _id(operation: APIOperation) -> str:
        return str(operation.definition.raw["operationId"])

    def run(self) -> None:
        """Ask them all."""
        self.prepare()
        for operation in self.operations():
            if self._id(operation) not in ENDLESS:
                self._try(operation, GenerationMode.POSITIVE)
                self._try(operation, GenerationMode.NEGATIVE)

    def _try(self, operation: APIOperation, mode: GenerationMode) -> None:
        known = {
            name: value
            for name, value in self.known.items()
            if any(p.name == name for p in operation.path_parameters)
        }
        cases = operation.as_strategy(generation_mode=mode, path_parameters=known or None)

        @given(cases)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Case) -> None:
            self._ask(case)

        with suppress(Unsatisfiable):  # an operation without any input cannot be asked wrongly
            ask()

    def _ask(self, case: Case) -> None:
        self.asked += 1
        # drawn headers would say that somebody else asks
        headers = {"Authorization": self.session.headers["Authorization"]}
        response = case.call(base_url=self.url, session=self.session, headers=headers, timeout=60)
        self.answered[response.status_code // 100] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.found.append(f"{case.method} {case.operation.path}: {failure}")


async def test_no_operation_answers_what_its_document_does_not_say(embedded: Any) -> None:
    environment = {"VAR_DIR": str(embedded.files.parent), "ADMIN_PASSWORD": ROOT["password"]}
    made = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cartulary.main", "admin", "create", "--email", ROOT["email"]],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    fuzzing = Fuzzing(embedded.url)
    await asyncio.to_thread(fuzzing.run)
    assert fuzzing.answered[2] > fuzzing.asked / 6  # else it was kept out and asked nothing
    assert not fuzzing.found, "\n\n".join(fuzzing.found[:20])
