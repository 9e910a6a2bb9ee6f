"""The arithmetic of the measurements and the shape of what they leave; nothing is timed here."""

import json
from pathlib import Path

import pytest

from bench.load import LoadFailed, Request, Waits, rate_told_by_wrk, waits_told_by_wrk
from bench.load_generator import load
from bench.measurement import Reference, Target, conditions, measured, table, write_json
from bench.subjects import SUBJECTS
from bench.targets import TARGETS, line, missing
from bench.whole_system import answers, plain_app

ROOT = Path(__file__).parents[2]
HALF = Target("ratio", "at least", 0.5)
REPORT = """
  2000 requests in 2.00s, 1.00MB read
Requests/sec:   1000.50
"""


def test_the_ratio_is_ours_by_the_reference() -> None:
    line = measured("append", 600, Reference("raw", 1000), HALF, unit="/s", conditions="")

    assert (line.ratio, line.met) == (0.6, True)


@pytest.mark.parametrize(
    ("target", "ours", "met"),
    [
        (Target("figure", "at least", 100), 100, True),
        (Target("figure", "at least", 100), 99, False),
        (Target("figure", "at most", 100), 100, True),
        (Target("figure", "at most", 100), 101, False),
        (HALF, 100, True),
        (HALF, 99, False),
    ],
)
def test_a_limit_itself_is_met_and_what_is_beyond_it_is_not(
    target: Target, ours: float, met: bool
) -> None:
    assert measured("x", ours, Reference("y", 200), target, unit="", conditions="").met is met


def test_without_a_target_nothing_is_met_or_missed() -> None:
    assert measured("x", 1, None, None, unit="", conditions="").met is None


def test_a_ratio_without_a_reference_or_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="reference"):
        measured("x", 1, None, HALF, unit="", conditions="")
    with pytest.raises(ValueError, match="nothing"):
        measured("x", 1, Reference("y", 0), HALF, unit="", conditions="")


def test_the_file_is_a_list_of_lines_that_other_programs_can_read(tmp_path: Path) -> None:
    lines = [
        measured("a", 6.0, Reference("b", 8.0, recorded=True), HALF, unit="/s", conditions="c"),
        measured("d", 7.0, None, None, unit="MB", conditions="e"),
    ]
    write_json(lines, tmp_path / "latest.json")

    assert json.loads((tmp_path / "latest.json").read_text()) == [
        {
            "name": "a",
            "ours": 6.0,
            "reference": 8.0,
            "reference_name": "b (recorded)",
            "ratio": 0.75,
            "target": "≥ 0.5 times",
            "met": True,
            "unit": "/s",
            "conditions": "c",
        },
        {
            "name": "d",
            "ours": 7.0,
            "reference": None,
            "reference_name": None,
            "ratio": None,
            "target": None,
            "met": None,
            "unit": "MB",
            "conditions": "e",
        },
    ]


def test_the_table_shows_a_missed_target_and_each_condition_once() -> None:
    lines = [
        measured(name, 1_000, Reference("raw", 4_000), HALF, unit="/s", conditions="8 at once")
        for name in ("first", "second")
    ]

    assert table(lines).splitlines()[2].split() == (
        ["first", "1,000", "/s", "4,000", "raw", "0.25", "≥", "0.5", "times", "NO"]
    )
    assert conditions(lines) == "first; second:\n    8 at once"


def test_every_target_has_its_measurement_and_stands_in_the_document() -> None:
    document = (ROOT / "docs/performance.md").read_text()
    names = {name for targets in TARGETS.values() for name in targets}

    assert TARGETS.keys() == SUBJECTS.keys()
    assert all((ROOT / f"bench/{subject}.py").exists() for subject in SUBJECTS)
    assert {name for name in names if f"| {name} |" not in document} == set()


def test_what_a_subject_owes_and_has_not_measured_is_told() -> None:
    measurement = line("memory", "memory of x", 1, None, unit="MB", conditions="")

    assert missing("memory", [measurement]) == TARGETS["memory"].keys()


def test_the_rate_of_wrk_counts_only_when_all_answers_were_good() -> None:
    assert rate_told_by_wrk(REPORT) == 1000.5
    with pytest.raises(LoadFailed):
        rate_told_by_wrk(REPORT + "  Non-2xx or 3xx responses: 7")
    with pytest.raises(LoadFailed):
        rate_told_by_wrk(REPORT + "  Socket errors: connect 0, read 0, write 0, timeout 1")


def test_the_percentiles_of_wrk_are_read_in_any_unit() -> None:
    told = "  Latency Distribution\n     50%  900.00us\n     75%    1.20ms\n     99%    1.05s\n"
    assert waits_told_by_wrk(told + REPORT) == Waits(0.9, 1050)
    with pytest.raises(LoadFailed):
        waits_told_by_wrk(told + REPORT + "  Non-2xx or 3xx responses: 7")


async def test_our_own_load_generator_counts_good_answers_and_refuses_others() -> None:
    with plain_app("asgi", BODY='{"a": 1}') as url:
        await answers(url)

        assert await load(Request(f"{url}/?a=1", headers={"x": "y"}), 2, 0.1) > 0
        with pytest.raises(LoadFailed):
            await load(Request(url, method="NOT A METHOD"), 1, 0.1)
