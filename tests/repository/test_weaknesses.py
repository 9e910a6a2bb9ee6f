"""The table of weaknesses that must not come back names tests that exist, or says why none."""

import ast
import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs/weaknesses.md"
ROWS = {
    number: tuple(cell.strip() for cell in rest.strip().strip("|").split("|"))
    for number, rest in re.findall(r"^\| (W\d+) (.*)$", DOCUMENT.read_text(), re.MULTILINE)
}
NOT_YET = "Not applicable yet: "


def test_all_forty_are_there() -> None:
    assert list(ROWS) == [f"W{n}" for n in range(1, 41)]


@pytest.mark.parametrize("number", ROWS)
def test_a_weakness_is_answered_by_tests_that_exist_or_by_what_is_not_built(number: str) -> None:
    what, why, proof = ROWS[number]
    named = re.findall(r"\[(\w+)\]\(([^)]+)\)", proof)

    assert what
    assert len(why) > len(NOT_YET)
    assert bool(named) != why.startswith(NOT_YET)
    for name, path in named:
        tree = ast.parse((DOCUMENT.parent / path).read_text())
        defined = [
            n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        assert defined.count(name) == 1, f"{path} has no {name}"
