"""How mails are worded and set: each text once, in several languages, as HTML and as plain text.

A service has `templates/mails` with a file a mail and language; `templates/html` and
`templates/text` here have the two layouts under the same names, so that a mail does not know which
of them it is set in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from common.languages import Locale

LONGEST_SHOWN = 60
"""Characters that a mail repeats of what somebody wrote."""

_MONTHS: dict[Locale, str] = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_LINK_LIKE = re.compile(r"[:/@\\\[\]<>]|www|\w\.\w", re.IGNORECASE)


@dataclass(frozen=True)
class RenderedMail:
    """A mail's words: one line of subject, the same content as text and as HTML."""

    subject: str
    text: str
    html: str


class MailTemplates:
    """The mails of one service, by its package's name."""

    def __init__(self, package: str) -> None:
        self._html = _environment(package, "html")
        self._text = _environment(package, "text")

    def render(self, name: str, language: Locale, values: Mapping[str, Any]) -> RenderedMail:
        """The mail `templates/mails/<name>.<language>`; a value that it needs must be there."""
        known = {"language": language, **values}
        file = f"{name}.{language}"
        in_text = self._text.get_template(file)
        subject = "".join(in_text.blocks["subject"](in_text.new_context(known)))
        return RenderedMail(
            subject=" ".join(subject.split()),
            text=_paragraphs(in_text.render(known)),
            html=self._html.get_template(file).render(known),
        )


def harmless(written: str | None) -> str | None:
    """What somebody wrote, on one line; None where it could be taken for a link.

    Whoever registers with a stranger's address must not write the stranger's mail.
    """
    line = " ".join((written or "").split())
    if not line or len(line) > LONGEST_SHOWN or _LINK_LIKE.search(line):
        return None
    return line


def said(at: datetime | None, language: Locale) -> str | None:
    """A moment as people say it, in UTC."""
    if at is None:
        return None
    joint = {"en": ", ", "fr": " à "}[language]
    return f"{said_day(at, language)}{joint}{at.astimezone(UTC):%H:%M} UTC"


def said_day(at: datetime, language: Locale) -> str:
    """A day as people say it, in UTC."""
    moment = at.astimezone(UTC)
    return f"{moment.day} {_MONTHS[language].split()[moment.month - 1]} {moment.year}"


def _environment(package: str, layout: Literal["html", "text"]) -> Environment:
    layouts = PackageLoader("common", f"templates/{layout}")
    return Environment(
        loader=ChoiceLoader([layouts, PackageLoader(package, "templates/mails")]),
        autoescape=layout == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _paragraphs(text: str) -> str:
    """One line a paragraph and one blank line between two: the reader's program breaks lines."""
    lines = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return "\n\n".join(line for line in lines if line) + "\n"
