"""When somebody has opened an account, they get a mail that says so."""

from uuid import UUID

from common.event_store import Recorded
from common.mail import Mail, Mailer, MailFailed
from common.processors import Processor, Refused

from auth.accounts.events import AccountRegistered


def greeting(event: AccountRegistered, public_url: str, key: UUID) -> Mail | None:
    """The mail; none for somebody who was erased before it could be written."""
    if not event.email:
        return None
    return Mail(
        to=event.email,
        subject="Welcome to Cartulary",
        text=(
            f"Hello {event.name or event.username or 'and welcome'},\n\n"
            f"your account is open. Make your first card at {public_url}.\n\n"
            "If this was not you, answer this mail.\n"
        ),
        key=key,
    )


def greet_a_new_account(mailer: Mailer, public_url: str) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        mail = greeting(record.event, public_url, key)
        if mail is None:
            return
        try:
            await mailer.send(mail)
        except MailFailed as failed:
            if failed.permanent:
                raise Refused(str(failed)) from failed
            raise

    return Processor("greet_a_new_account", AccountRegistered, act)
