"""Sends the mails that follow from events: to the account as it is when the mail goes out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.database import Database
from common.mail import Mail, Mailer
from common.mail_templates import RenderedMail
from common.processors import send_mail

from auth.accounts.read_model import AccountRow, account_by_id
from auth.link_tokens import LinkTokens, Purpose
from auth.mail_templates import LinkPage, MailName, link_to, render

_PURPOSES: dict[LinkPage, Purpose] = {
    "verify": Purpose.VERIFY,
    "confirm": Purpose.CONFIRM,
    "undo": Purpose.UNDO,
    "reset": Purpose.RESET,
}


@dataclass(frozen=True)
class Link:
    """The page that a mail's button opens, and the request that its token answers, if any."""

    page: LinkPage
    request_id: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Mails:
    """Renders and sends. Whoever was erased meanwhile gets none."""

    mailer: Mailer
    database: Database
    links: LinkTokens
    public_url: str

    async def send(
        self,
        name: MailName,
        account_id: UUID,
        key: UUID,
        link: Link,
        *,
        at: datetime | None = None,
        to: str | None = None,
    ) -> None:
        """Send a mail under a key made of its cause, to the account's address unless `to` another.

        Raises `Refused` when the server will never take it, `MailFailed` when it may later.
        """
        account = await account_by_id(self.database, account_id)
        if account is None:
            return
        rendered = self._rendered(name, account, link, at)
        mail = Mail(
            to=to or account.email,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            key=key,
            about=account_id,
        )
        await send_mail(self.mailer, mail)

    def _rendered(
        self, name: MailName, account: AccountRow, link: Link, at: datetime | None
    ) -> RenderedMail:
        token = None
        if link.request_id is not None:
            purpose = _PURPOSES[link.page]
            token = self.links.make(purpose, account.account_id, link.request_id)
        return render(
            name,
            account.locale,
            link=link_to(self.public_url, link.page, token),
            addressee=account.name or account.username,
            at=at,
            expires_at=link.expires_at,
        )
