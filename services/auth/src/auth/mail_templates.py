"""Which mails there are and what they need to be worded; the words stand in `templates/mails`."""

from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from common.languages import spoken
from common.mail_templates import MailTemplates, RenderedMail, harmless, said

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

_TEMPLATES = MailTemplates("auth")


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
        "link": link,
        "site": urlsplit(link).netloc,
        "addressee": harmless(addressee),
        "at": said(at, language),
        "device": harmless(device),
        "expires_at": said(expires_at, language),
    }
    return _TEMPLATES.render(name, language, values)


def link_to(public_url: str, page: LinkPage, token: str | None = None) -> str:
    """What a mail's button opens. The token stands behind the `#`, which no browser sends: it is in
    no log and no Referer, and a mail scanner that opens the link changes nothing."""
    return f"{public_url}/{page}" + (f"#token={token}" if token else "")
