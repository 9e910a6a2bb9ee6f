"""A mail that was due before its reader's address was known goes out once it is, or not at all."""

import asyncio

import structlog
from common.clock import Clock
from common.mail import MAILS, MailFailed
from common.processors import Refused

from billing.late_mails import AddressUnknown, LateMail, Outcome, claim, end, event_of
from billing.mails import Mails
from billing.processes.write_to_customers_about_their_money import write

log = structlog.get_logger(__name__)

POLL_SECONDS = 2.0


async def write_to_customers_once_they_are_known(
    mails: Mails, seller_country: str, clock: Clock
) -> None:
    """Send what can be sent until cancelled; any number of workers may do so side by side."""
    while True:
        if not await write_late(mails, seller_country, clock):
            await asyncio.sleep(POLL_SECONDS)


async def write_late(mails: Mails, seller_country: str, clock: Clock) -> bool:
    """Send one, or give it up; whether there was one. Killed in between, it is sent again under the
    same key, as any mail is."""
    database, now = mails.database, clock.now()
    mail = await claim(database, now)
    if mail is None:
        return False
    outcome: Outcome = "not_sent"
    if not mail.is_late:
        sent = await _write(mails, mail, seller_country)
        if sent is None:
            return True
        outcome = sent
    else:
        MAILS.labels("unaddressed").inc()
        log.warning("mail_never_addressed", key=str(mail.key), stream=mail.stream)
    await end(database, mail, outcome, now)
    return True


async def _write(mails: Mails, mail: LateMail, seller_country: str) -> Outcome | None:
    """What became of it; None: it is tried again when the claim has run out."""
    event = await event_of(mails.database, mails.kernel.store, mail)
    try:
        await write(mails, event, mail.key, seller_country)
    except Refused:
        return "refused"
    except (MailFailed, AddressUnknown):
        return None
    return "sent"
