"""Sends the mails that follow from events: to the customer as they are when the mail goes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.database import Database
from common.kernel import Kernel
from common.languages import Locale, spoken
from common.mail import Mail, Mailer
from common.processors import send_mail

from billing.customers.decider import CUSTOMER, Erased
from billing.customers.read_model import customer_of
from billing.late_mails import AddressUnknown
from billing.mail_templates import MailName, render

Wording = Callable[[Locale], Mapping[str, Any]]
"""What a mail says beside its fixed words, in the reader's language."""


@dataclass(frozen=True)
class Mails:
    """Renders and sends. Whoever was erased meanwhile gets none."""

    mailer: Mailer
    kernel: Kernel
    public_url: str

    @property
    def database(self) -> Database:
        """Where customers stand."""
        return self.kernel.database

    async def send(self, name: MailName, account_id: UUID, key: UUID, wording: Wording) -> None:
        """Send a mail under a key made of its cause.

        Raises `Refused` when the server will never take it, `MailFailed` when it may later,
        `AddressUnknown` where nobody has told of an address yet.
        """
        contact = (await customer_of(self.database, account_id)).contact
        if contact.email is None:
            if await self._is_erased(account_id):
                return
            raise AddressUnknown
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

    async def _is_erased(self, account_id: UUID) -> bool:
        async with self.database.reader() as reader:
            _, customer = await self.kernel.commands.state(reader, CUSTOMER, account_id)
        return isinstance(customer, Erased)
