"""The words of our mails, in English and French, each written once and set as HTML and as text.

`templates/mails` has a file a mail and language; `templates/html` and `templates/text` have the
two layouts under the same names, so that a mail does not know which of them it is set in.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args
from urllib.parse import urlsplit

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

Locale = Literal["en", "fr"]
MailName = Literal[
    "greeting",
    "verify_address",
    "reset_password",
    "confirm_new_address",
    "undo_address_change",
    "password_changed",
    "session_reuse",
]

LinkPage = Literal["verify", "confirm", "undo", "reset"]
"""The gateway's small pages that links in mails open."""

LONGEST_SHOWN = 60
"""Characters of a name or device that a mail repeats."""

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


def render(
    name: MailName,
    locale: str,
    *,
    link: str,
    addressee: str | None = None,
    at: datetime | None = None,
    device: str | None = None,
    expires_at: datetime | None = None,
) -> RenderedMail:
    """The mail in the reader's language, English where we do not speak it.

    `link` is what its button opens and names the site; `at` is when it happened, `device` where
    (`password_changed`, `session_reuse`); `expires_at` is until when the link works.
    """
    language = spoken(locale)
    values = {
        "language": language,
        "link": link,
        "site": urlsplit(link).netloc,
        "addressee": harmless(addressee),
        "at": said(at, language),
        "device": harmless(device),
        "expires_at": said(expires_at, language),
    }
    file = f"{name}.{language}"
    in_text = _TEXT.get_template(file)
    subject = "".join(in_text.blocks["subject"](in_text.new_context(values)))
    return RenderedMail(
        subject=" ".join(subject.split()),
        text=_paragraphs(in_text.render(values)),
        html=_HTML.get_template(file).render(values),
    )


def link_to(public_url: str, page: LinkPage, token: str | None = None) -> str:
    """What a mail's button opens. The token stands behind the `#`, which no browser sends: it is in
    no log and no Referer, and a mail scanner that opens the link changes nothing."""
    return f"{public_url}/{page}" + (f"#token={token}" if token else "")


def spoken(locale: str) -> Locale:
    """Our language for a language tag: its first part if we have it, else English."""
    for language in get_args(Locale):
        if locale.lower().replace("_", "-").partition("-")[0] == language:
            found: Locale = language
            return found
    return "en"


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
    moment = at.astimezone(UTC)
    month = _MONTHS[language].split()[moment.month - 1]
    joint = {"en": ", ", "fr": " à "}[language]
    return f"{moment.day} {month} {moment.year}{joint}{moment:%H:%M} UTC"


def _environment(layout: Literal["html", "text"]) -> Environment:
    folders = (f"templates/{layout}", "templates/mails")
    return Environment(
        loader=ChoiceLoader([PackageLoader("auth", folder) for folder in folders]),
        autoescape=layout == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_HTML = _environment("html")
_TEXT = _environment("text")


def _paragraphs(text: str) -> str:
    """One line a paragraph and one blank line between two: the reader's program breaks lines."""
    lines = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return "\n\n".join(line for line in lines if line) + "\n"
