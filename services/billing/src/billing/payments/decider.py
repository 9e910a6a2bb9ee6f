"""The rules of a payment: pure. What was said last does not win, but what says most.

An outcome that says more replaces one that says less: under way < not attempted < declined < the
money moved. So outcomes may arrive in any order and any number of times.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.money import Money
from common.problems import Conflict, NotFound

from billing.payment_provider import Declined as SaidDeclined
from billing.payment_provider import NotAttempted as SaidNotAttempted
from billing.payment_provider import Pending as SaidPending
from billing.payment_provider import Succeeded as SaidSucceeded
from billing.payment_provider import Unknown as SaidUnknown
from billing.payments import events as facts
from billing.payments.commands import (
    NoteDispute,
    NotePage,
    PaymentCommand,
    RecordOutcome,
    StartPayment,
)
from billing.payments.events import Means, PaymentEvent
from billing.taken_money import PaymentNotHeld, Taken, TakenEvent, decide_on, taken_after

ASK_AGAIN = (timedelta(minutes=5), timedelta(hours=1))
THEN = timedelta(days=1)
"""When an unknown outcome is asked for again, counted from the answer before."""


class NothingTaken(Conflict):
    """No money is known to have moved."""

    code = "payment_not_taken"
    detail = "Nothing is known to have been paid with this payment yet."


@dataclass(frozen=True)
class NoPayment:
    """Not begun."""


@dataclass(frozen=True)
class Attempt:
    """Who tries to pay what, and how."""

    payment_id: UUID
    invoice_id: UUID
    account_id: UUID
    attempt: int
    provider: str
    means: Means
    method_id: UUID | None
    automatic: bool
    amount: Money
    key: str


@dataclass(frozen=True)
class UnderWay:
    """Nobody knows yet whether money will move. `asked` times the answer was that it is unknown;
    `ask_at` is when it is asked for next."""

    of: Attempt
    page: str | None = None
    url: str | None = None
    expires_at: datetime | None = None
    reference: str | None = None
    asked: int = 0
    ask_at: datetime | None = None


@dataclass(frozen=True)
class NotAttempted:
    """No money moved, nothing was tried."""

    of: Attempt


@dataclass(frozen=True)
class Declined:
    """No money moved, the bank said no."""

    of: Attempt


@dataclass(frozen=True)
class Succeeded:
    """The money moved, and paid the invoice."""

    of: Attempt
    reference: str
    taken: Taken


@dataclass(frozen=True)
class Held:
    """Money moved, and somebody must look at it, or has given it back."""

    of: Attempt
    reference: str
    taken: Taken


PaymentState = NoPayment | UnderWay | NotAttempted | Declined | Succeeded | Held


def decide(command: PaymentCommand, state: PaymentState) -> list[PaymentEvent]:
    """What follows from a command; nothing for what says no more than is known."""
    if isinstance(command, StartPayment):
        return [_started(command)] if isinstance(state, NoPayment) else []
    if isinstance(state, NoPayment):
        raise NotFound
    if isinstance(command, NotePage):
        return _page(command, state)
    if isinstance(command, RecordOutcome):
        return _record(command, state)
    if isinstance(state, Succeeded | Held):
        return decide_on(command, state.taken, _who(state))
    raise NothingTaken if isinstance(command, NoteDispute) else PaymentNotHeld


def key_of(invoice_id: UUID, attempt: int) -> str:
    """The key under which the provider is asked about an attempt."""
    return f"pay:{invoice_id}:{attempt}"


def _started(command: StartPayment) -> facts.PaymentStarted:
    return facts.PaymentStarted(
        payment_id=command.payment_id,
        invoice_id=command.invoice_id,
        account_id=command.account_id,
        attempt=command.attempt,
        provider=command.provider,
        means=command.means,
        method_id=command.method_id,
        automatic=command.automatic,
        amount=command.amount,
        key=key_of(command.invoice_id, command.attempt),
        started_at=command.now,
    )


_Begun = UnderWay | NotAttempted | Declined | Succeeded | Held


def _who(state: _Begun) -> tuple[UUID, UUID, UUID]:
    return state.of.payment_id, state.of.invoice_id, state.of.account_id


def _page(command: NotePage, state: _Begun) -> list[PaymentEvent]:
    if not isinstance(state, UnderWay) or state.page is not None:
        return []
    page = command.page
    return [
        facts.PaymentPageOpened(
            *_who(state), page.reference, page.url, page.expires_at, command.now
        )
    ]


def _record(command: RecordOutcome, state: _Begun) -> list[PaymentEvent]:
    if isinstance(state, Succeeded | Held):
        return []
    outcome = command.outcome
    match outcome:
        case SaidSucceeded():
            return [_moved(outcome, command, state)]
        case SaidDeclined():
            if isinstance(state, Declined):
                return []
            return [
                facts.PaymentDeclined(
                    *_who(state),
                    outcome.reference,
                    outcome.code,
                    outcome.hard,
                    state.of.automatic,
                    command.now,
                )
            ]
        case SaidNotAttempted():
            if not isinstance(state, UnderWay):
                return []
            automatic = state.of.automatic
            return [facts.PaymentNotAttempted(*_who(state), outcome.code, automatic, command.now)]
        case SaidPending() | SaidUnknown():
            return _under_way(command.now, outcome, state)
        case _:
            assert_never(outcome)


def _moved(
    outcome: SaidSucceeded, command: RecordOutcome, state: UnderWay | NotAttempted | Declined
) -> PaymentEvent:
    hold = command.hold or (None if outcome.captured == state.of.amount else "wrong_amount")
    said = (outcome.reference, outcome.captured)
    if hold is not None:
        return facts.PaymentHeld(*_who(state), *said, hold, command.now)
    return facts.PaymentSucceeded(*_who(state), *said, command.now)


def _under_way(
    now: datetime, outcome: SaidPending | SaidUnknown, state: UnderWay | NotAttempted | Declined
) -> list[PaymentEvent]:
    if not isinstance(state, UnderWay):
        return []
    if isinstance(outcome, SaidPending):
        asked_in_time = state.ask_at is None or now < state.ask_at
        if state.reference == outcome.reference and state.asked == 0 and asked_in_time:
            return []  # told by itself; whoever asked when it was due asks again in a day
        said = (outcome.reference, outcome.action_url, now + THEN)
        return [facts.PaymentPending(*_who(state), *said, now)]
    wait = ASK_AGAIN[state.asked] if state.asked < len(ASK_AGAIN) else THEN
    return [
        facts.PaymentUnknown(*_who(state), outcome.reference or state.reference, now + wait, now)
    ]


def evolve(state: PaymentState, event: PaymentEvent) -> PaymentState:
    """The state after one more event."""
    if isinstance(event, facts.PaymentStarted):
        return UnderWay(
            Attempt(
                event.payment_id,
                event.invoice_id,
                event.account_id,
                event.attempt,
                event.provider,
                event.means,
                event.method_id,
                event.automatic,
                event.amount,
                event.key,
            )
        )
    assert not isinstance(state, NoPayment)
    match event:
        case facts.PaymentSucceeded():
            return Succeeded(state.of, event.reference, Taken(event.captured, event.captured))
        case facts.PaymentHeld():
            nothing = Money(0, event.captured.currency)
            return Held(state.of, event.reference, Taken(event.captured, nothing))
        case facts.PaymentDeclined():
            return Declined(state.of)
        case facts.PaymentNotAttempted():
            return NotAttempted(state.of)
        case facts.PaymentPageOpened() | facts.PaymentPending() | facts.PaymentUnknown():
            assert isinstance(state, UnderWay)
            return _noted(state, event)
        case _:
            assert isinstance(state, Succeeded | Held)
            return _decided(state, event)


def _decided(state: Succeeded | Held, event: facts.PaymentAccepted | TakenEvent) -> PaymentState:
    if isinstance(event, facts.PaymentAccepted):
        return Succeeded(state.of, state.reference, replace(state.taken, kept=event.amount))
    return replace(state, taken=taken_after(state.taken, event))


def _noted(
    state: UnderWay, event: facts.PaymentPageOpened | facts.PaymentPending | facts.PaymentUnknown
) -> UnderWay:
    match event:
        case facts.PaymentPageOpened():
            return replace(state, page=event.page, url=event.url, expires_at=event.expires_at)
        case facts.PaymentPending():
            url = event.action_url or state.url
            return replace(state, reference=event.reference, url=url, asked=0, ask_at=event.ask_at)
        case facts.PaymentUnknown():
            asked = state.asked + 1
            return replace(state, reference=event.reference, asked=asked, ask_at=event.ask_at)
        case _:
            assert_never(event)


PAYMENT: Decider[PaymentCommand, PaymentState, PaymentEvent] = Decider(
    "payment", NoPayment(), decide, evolve
)
