"""Options that the operating commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cartulary.layout import Layout

F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


def where(command: F) -> F:
    """`--service` and `--database-url`: whose log, and where it is."""
    command = click.option(
        "--database-url",
        metavar="URL",
        help="Its database; else <SERVICE>_DATABASE_URL, else that of a running `make run`.",
    )(command)
    return click.option(
        "--service",
        "services",
        multiple=True,
        metavar="NAME",
        help="auth or cards; may be repeated. Without it: all.",
    )(command)


def layout() -> Layout:
    """The folder of the embedded run. Raises `UsageError` for nonsense in the environment."""
    try:
        return Layout.from_environment()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
