"""The way mails leave: over SMTP, or into a folder that a developer looks into."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import aiosmtplib
from prometheus_client import Counter

from common.settings import ServiceSettings, StartRefused

MAILS = Counter("cartulary_mails_total", "Mails by outcome: sent, refused, failed", ["outcome"])

TIMEOUT_SECONDS = 20
PERMANENT = 500
_START_TLS = {"starttls": True, "none": False, "offered": None}


@dataclass(frozen=True)
class Mail:
    """One mail. `key` is made from its cause and becomes the Message-ID, so a repeat shows.

    `about` is the person whom it tells something of, so that a mailbox of ours can forget them.
    """

    to: str
    subject: str
    text: str
    key: UUID
    html: str | None = None
    about: UUID | None = None


class MailFailed(Exception):
    """The mail did not go out; `permanent` says that another try will not help."""

    def __init__(self, why: str, *, permanent: bool) -> None:
        super().__init__(why)
        self.permanent = permanent


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, mail: Mail) -> None:
        """Hand it over. Raises `MailFailed`."""
        ...

    async def forget(self, person: UUID) -> None:
        """Drop what is kept here of the mails about this person. Raises `MailFailed`."""
        ...


class FolderMailer:
    """Writes each mail into a folder, one file per cause: a repeat replaces it.

    A file is named for the person whom it is about, if any, and for its key.
    """

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Write `[<person>.]<key>.eml`, whole or not at all."""
        with _counted():
            await self._send(mail)

    async def _send(self, mail: Mail) -> None:
        message = _message(mail, self._sender)
        name = f"{mail.key}.eml" if mail.about is None else f"{mail.about}.{mail.key}.eml"
        try:
            await asyncio.to_thread(self._write, name, bytes(message))
        except OSError as error:
            raise MailFailed(type(error).__name__, permanent=False) from error

    async def forget(self, person: UUID) -> None:
        """Remove the files about this person."""
        try:
            await asyncio.to_thread(self._remove, f"{person}.*")
        except OSError as error:
            raise MailFailed(type(error).__name__, permanent=False) from error

    def _remove(self, pattern: str) -> None:
        for file in self._folder.glob(pattern):
            file.unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / name
        part = target.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(content)
        part.replace(target)


class SmtpMailer:
    """Speaks SMTP: `smtp://user:password@host:587?tls=starttls`, `smtps://…` for TLS at once.

    `tls=starttls` insists on TLS, `tls=none` does without; unsaid, TLS is used where it is offered,
    but a password is never sent without it. Raises `ValueError` for an address of another form.
    """

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        tls = parse_qs(parts.query).get("tls", ["starttls" if parts.username else "offered"])[0]
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or tls not in _START_TLS:
            raise ValueError("an SMTP address has the form smtp://user:password@host:587?tls=…")
        implicit = parts.scheme == "smtps"
        self._sender = sender
        self._options: dict[str, Any] = {
            "hostname": parts.hostname,
            "port": parts.port or (465 if implicit else 587),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "use_tls": implicit,
            "start_tls": False if implicit else _START_TLS[tls],
            "timeout": TIMEOUT_SECONDS,
        }

    async def send(self, mail: Mail) -> None:
        """Hand it to the server."""
        with _counted():
            await self._send(mail)

    async def _send(self, mail: Mail) -> None:
        message = _message(mail, self._sender)
        message["Date"] = formatdate(usegmt=True)
        try:
            await aiosmtplib.send(message, **self._options)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailFailed(_reason(error), permanent=_is_permanent(error)) from error

    async def forget(self, person: UUID) -> None:
        """Nothing: what was handed over is in its owner's mailbox."""


@contextmanager
def _counted() -> Iterator[None]:
    """What failed is tried again, what was refused is not."""
    try:
        yield
    except MailFailed as error:
        MAILS.labels("refused" if error.permanent else "failed").inc()
        raise
    MAILS.labels("sent").inc()


def mailer_for(settings: ServiceSettings) -> Mailer:
    """SMTP where a server is set, else a folder. Raises `StartRefused`."""
    if settings.smtp_url is not None:
        try:
            return SmtpMailer(settings.smtp_url.get_secret_value(), settings.mail_from)
        except ValueError as error:
            raise StartRefused(f"cannot start: SMTP_URL: {error}") from None
    return FolderMailer(settings.mail_folder or Path("var/mail"), settings.mail_from)


def _is_permanent(error: Exception) -> bool:
    """Whether the server will never take *this* mail; a wrong password or sender may be mended."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return all(refusal.code >= PERMANENT for refusal in error.recipients)
        case aiosmtplib.SMTPRecipientRefused() | aiosmtplib.SMTPDataError():
            return error.code >= PERMANENT
        case _:
            return isinstance(error, aiosmtplib.SMTPNotSupported)


def _reason(error: Exception) -> str:
    """The kind and the code; the server's own words would repeat the address."""
    code = getattr(error, "code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    try:
        # a line break would start a header of the attacker's choice; EmailMessage refuses it
        message["From"] = sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
    except ValueError as error:
        raise MailFailed("malformed header", permanent=True) from error
    message["Message-ID"] = f"<{mail.key}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message
