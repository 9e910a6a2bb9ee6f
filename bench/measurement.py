"""What one line of the table says, and how it is shown and kept."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Target:
    """A limit for our figure itself, or for its ratio to the reference."""

    of: Literal["ratio", "figure"]
    bound: Literal["at least", "at most"]
    limit: float

    def is_met(self, ours: float, ratio: float | None) -> bool:
        """Whether the limit is kept. Raises `ValueError` for a ratio without a reference."""
        value = ours if self.of == "figure" else ratio
        if value is None:
            raise ValueError("a ratio needs a reference")
        return value >= self.limit if self.bound == "at least" else value <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.bound == "at least" else "≤"
        return f"{sign} {_number(self.limit)}{' times' if self.of == 'ratio' else ''}"


@dataclass(frozen=True)
class Measurement:
    """Our figure beside a reference's, both in `unit`; `ratio` is ours / reference.

    Without a target it is there for comparison only, and `met` is None.
    """

    name: str
    ours: float
    reference: float | None
    reference_name: str | None
    ratio: float | None
    target: Target | None
    met: bool | None
    unit: str
    conditions: str

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON file."""
        return {
            "name": self.name,
            "ours": self.ours,
            "reference": self.reference,
            "reference_name": self.reference_name,
            "ratio": self.ratio,
            "target": str(self.target) if self.target else None,
            "met": self.met,
            "unit": self.unit,
            "conditions": self.conditions,
        }


@dataclass(frozen=True)
class Reference:
    """What ours is measured by. `recorded`: seen earlier on this class of machine, not this run."""

    name: str
    figure: float
    recorded: bool = False


def measured(
    name: str,
    ours: float,
    reference: Reference | None,
    target: Target | None,
    *,
    unit: str,
    conditions: str,
) -> Measurement:
    """A line, with what follows from its figures. Raises `ValueError` for a reference of 0."""
    if reference is None:
        met = target.is_met(ours, None) if target else None
        return Measurement(name, ours, None, None, None, target, met, unit, conditions)
    if reference.figure <= 0:
        raise ValueError(f"{reference.name} came to nothing")
    ratio = ours / reference.figure
    met = target.is_met(ours, ratio) if target else None
    told = f"{reference.name} (recorded)" if reference.recorded else reference.name
    return Measurement(name, ours, reference.figure, told, ratio, target, met, unit, conditions)


HEADINGS = ("what", "ours", "reference", "", "ratio", "target", "met")


def table(measurements: Sequence[Measurement]) -> str:
    """The lines as aligned text, numbers to the right."""
    rows = [HEADINGS, *(_cells(measurement) for measurement in measurements)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]])


def _cells(m: Measurement) -> tuple[str, ...]:
    return (
        m.name,
        f"{_number(m.ours)} {m.unit}",
        _number(m.reference),
        m.reference_name or "",
        "" if m.ratio is None else f"{m.ratio:.2f}",
        str(m.target) if m.target else "",
        {None: "", True: "yes", False: "NO"}[m.met],
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


_TO_THE_RIGHT = (1, 2, 4, 5)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if column in _TO_THE_RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def conditions(measurements: Sequence[Measurement]) -> str:
    """What the lines were measured under, each condition once with the lines it is for."""
    lines: dict[str, list[str]] = {}
    for measurement in measurements:
        lines.setdefault(measurement.conditions, []).append(measurement.name)
    return "\n".join(f"{'; '.join(names)}:\n    {told}" for told, names in lines.items())


def write_json(measurements: Sequence[Measurement], path: Path) -> None:
    """Keep the lines as a JSON list; the folder must exist."""
    entries = [measurement.as_json() for measurement in measurements]
    path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n")
