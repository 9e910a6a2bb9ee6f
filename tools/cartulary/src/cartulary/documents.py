"""`cartulary docs`: the documents that are made from code, so that they tell the truth."""

import json
from pathlib import Path

import click

from cartulary.published_language import Document, asyncapi, breaking_changes, language_of, page
from cartulary.recorded_api import broken_promises, openapi_of
from cartulary.services import KNOWN

ASYNCAPI, EVENTS, API = "asyncapi.json", "events.md", "openapi"


def generated() -> dict[str, str]:
    """The documents by the names of their files below `docs`."""
    language = language_of(list(KNOWN))
    recorded = {
        f"{API}/{name}.json": _text(openapi_of(name, service.settings))
        for name, service in KNOWN.items()
    }
    return {ASYNCAPI: _text(asyncapi(language)), EVENTS: page(language), **recorded}


def broken(folder: Path) -> list[str]:
    """What would break readers of messages, or clients, whom the folder's documents promised it."""
    texts = generated()
    found = breaking_changes(_recorded(folder / ASYNCAPI), json.loads(texts[ASYNCAPI]))
    for name in KNOWN:
        file = f"{API}/{name}.json"
        found += broken_promises(name, _recorded(folder / file), json.loads(texts[file]))
    return found


@click.command("docs")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("docs"))
@click.option(
    "--breaking", is_flag=True, help="Nobody relies on what is broken any more: write it."
)
def docs(folder: Path, breaking: bool) -> None:
    """Write the documents about messages and HTTP interfaces from the code (`make docs`).

    Refuses what would break those to whom it was promised, and says what to do instead.
    """
    problems = broken(folder)
    if problems and not breaking:
        listed = "\n  ".join(problems)
        raise click.ClickException(f"A promise only grows. Nothing was written:\n  {listed}")
    for name, text in generated().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    click.echo(f"{', '.join(generated())} in {folder}")


def _text(document: Document) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _recorded(path: Path) -> Document:
    found: Document = json.loads(path.read_text()) if path.exists() else {}
    return found
