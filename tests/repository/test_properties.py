"""The table of promises names proofs that exist."""

import ast
import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs/properties.md"
ROWS = {
    number: re.findall(r"\[(\w+)\]\(([^)]+)\)", row)
    for number, row in re.findall(r"^\| (P\d+) \|(.*)$", DOCUMENT.read_text(), re.MULTILINE)
}


def test_all_fifteen_promises_are_there() -> None:
    assert list(ROWS) == [f"P{n}" for n in range(1, 16)]


@pytest.mark.parametrize("number", ROWS)
def test_a_promise_names_tests_that_exist(number: str) -> None:
    assert ROWS[number]
    for name, path in ROWS[number]:
        tree = ast.parse((DOCUMENT.parent / path).read_text())
        defined = [
            n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        assert defined.count(name) == 1, f"{path} has no {name}"
