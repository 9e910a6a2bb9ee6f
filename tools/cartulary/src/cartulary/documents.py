"""`cartulary docs`: the documents that are made from code, so that they tell the truth."""

import json
from pathlib import Path

import click

from cartulary.published_language import Document, asyncapi, breaking_changes, language_of, page
from cartulary.services import KNOWN

ASYNCAPI, EVENTS = "asyncapi.json", "events.md"


def generated() -> dict[str, str]:
    """The documents by the names of their files below `docs`."""
    language = language_of(list(KNOWN))
    return {ASYNCAPI: _text(asyncapi(language)), EVENTS: page(language)}


def broken(folder: Path) -> list[str]:
    """What would break readers of the messages that the folder's document promises."""
    path = folder / ASYNCAPI
    before: Document = json.loads(path.read_text()) if path.exists() else {}
    after: Document = json.loads(generated()[ASYNCAPI])
    return breaking_changes(before, after)


@click.command("docs")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("docs"))
@click.option(
    "--breaking", is_flag=True, help="Nobody relies on what is broken any more: write it."
)
def docs(folder: Path, breaking: bool) -> None:
    """Write the documents about messages from the code (`make docs`).

    Refuses what would break those to whom it was promised, and says what to do instead.
    """
    problems = broken(folder)
    if problems and not breaking:
        listed = "\n  ".join(problems)
        raise click.ClickException(f"A promise only grows. Nothing was written:\n  {listed}")
    for name, text in generated().items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    click.echo(f"{', '.join(generated())} in {folder}")


def _text(document: Document) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
