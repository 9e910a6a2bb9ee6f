"""The way mails leave: over SMTP, or into a folder that a developer looks into."""

import asyncio
import os
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib

from common.settings import ServiceSettings


@dataclass(frozen=True)
class Mail:
    """One mail. `key` is made from its cause and becomes the Message-ID, so a repeat shows."""

    to: str
    subject: str
    text: str
    key: UUID


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


class FolderMailer:
    """Writes each mail into a folder, one file per cause: a repeat replaces it."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Write `<key>.eml`, whole or not at all."""
        await asyncio.to_thread(self._write, mail)

    def _write(self, mail: Mail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"{mail.key}.eml"
        part = target.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(bytes(_message(mail, self._sender)))
        part.replace(target)


class SmtpMailer:
    """Speaks SMTP: `smtp://user:password@host:587`, `smtps://…` for TLS from the start."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._sender = sender
        self._options: dict[str, Any] = {
            "hostname": parts.hostname,
            "port": parts.port or (465 if parts.scheme == "smtps" else 587),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "use_tls": parts.scheme == "smtps",
            "timeout": 20,
        }

    async def send(self, mail: Mail) -> None:
        """Hand it to the server; STARTTLS is used where the server offers it."""
        try:
            await aiosmtplib.send(_message(mail, self._sender), **self._options)
        except aiosmtplib.SMTPResponseException as error:
            raise MailFailed(f"SMTP {error.code}", permanent=500 <= error.code < 600) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise MailFailed("recipient refused", permanent=True) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailFailed(type(error).__name__, permanent=False) from error


def mailer_for(settings: ServiceSettings) -> Mailer:
    """SMTP where a server is set, else a folder."""
    if settings.smtp_url is not None:
        return SmtpMailer(settings.smtp_url.get_secret_value(), settings.mail_from)
    return FolderMailer(settings.mail_folder or Path("var/mail"), settings.mail_from)


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    # a line break would start a header of the attacker's choice; EmailMessage refuses it loudly
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Message-ID"] = f"<{mail.key}@cartulary>"
    message.set_content(mail.text)
    return message
