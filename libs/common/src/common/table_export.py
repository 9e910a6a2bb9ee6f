"""Many rows as one download, in JSON or CSV: streamed, and safe to open in a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic_core import to_json
from starlette.responses import StreamingResponse

Format = Literal["json", "csv"]
Row = Mapping[str, Any]

UNKEPT = {"Cache-Control": "private, no-store"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the begin of a formula (OWASP, CSV injection)."""


def download(
    rows: AsyncIterator[Row],
    *,
    name: str,
    columns: Sequence[str],
    format: Format,
    now: datetime,
) -> StreamingResponse:
    """The rows as an attachment called after `name` and the day. `columns` are CSV's; values that
    are no text stand there as JSON."""
    file = f"{name}-{now:%Y-%m-%d}.{format}"
    headers = {**UNKEPT, "Content-Disposition": f'attachment; filename="{file}"'}
    if format == "csv":
        return StreamingResponse(_csv(rows, columns), 200, headers, "text/csv; charset=utf-8")
    return StreamingResponse(_json(rows), 200, headers, "application/json")


async def _json(rows: AsyncIterator[Row]) -> AsyncIterator[bytes]:
    between = b"["
    async for row in rows:
        yield between + to_json(row)
        between = b",\n"
    yield b"[]" if between == b"[" else b"]"


async def _csv(rows: AsyncIterator[Row], columns: Sequence[str]) -> AsyncIterator[bytes]:
    yield _line(columns)
    async for row in rows:
        yield _line([_cell(row[column]) for column in columns])


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else to_json(value).decode()
    return f"'{text}" if text.startswith(FORMULA) else text
