"""Sends the mails that follow from events: to the customer as they are when the mail goes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.database import Database
from common.languages import Locale, spoken
from common.mail import Mail, Mailer
from common.processors import send_mail

from billing.customers.read_model import customer_of
from billing.mail_templates import MailName, render

Wording = Callable[[Locale], Mapping[str, Any]]
"""What a mail says beside its fixed words, in the reader's language."""


@dataclass(frozen=True)
class Mails:
    """Renders and sends. Whoever was erased meanwhile, or has no known address, gets none."""

    mailer: Mailer
    database: Database
    public_url: str

    async def send(self, name: MailName, account_id: UUID, key: UUID, wording: Wording) -> None:
        """Send a mail under a key made of its cause.

        Raises `Refused` when the server will never take it, `MailFailed` when it may later.
        """
        contact = (await customer_of(self.database, account_id)).contact
        if contact.email is None:
            return
        rendered = render(
            name,
            contact.locale,
            link=self.public_url,
            addressee=contact.name,
            values=wording(spoken(contact.locale)),
        )
        mail = Mail(
            to=contact.email,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            key=key,
            about=account_id,
        )
        await send_mail(self.mailer, mail)
