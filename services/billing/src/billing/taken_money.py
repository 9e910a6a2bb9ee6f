"""Money that moved: what of it is kept, what goes back, and what a bank disputes. Pure.

What was due is kept at once. What nobody waited for is held until somebody accepts it for its
invoice or refunds it; what is accepted beyond the invoice's total goes back as well.
"""

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from common.money import Money
from common.problems import Conflict

from billing.documents import Refund, marked
from billing.payments import events as facts
from billing.payments.commands import (
    AcceptHeld,
    NoteDispute,
    PayBackHeld,
    RefundHeld,
    SettlePaymentRefund,
    TakenCommand,
)
from billing.payments.events import PaymentEvent

PAID_BACK_BY_TRANSFER = "paid_back_by_transfer"
"""Why money is given back that no provider moves."""

Who = tuple[UUID, UUID, UUID]
"""The payment, its invoice, and whose they are."""


class PaymentNotHeld(Conflict):
    """Nothing of it waits for a decision."""

    code = "payment_not_held"
    detail = "Nothing of this payment is held. Refund the invoice that it paid instead."


class AmountNotCovered(Conflict):
    """Less came in than is due, or another currency."""

    code = "amount_not_covered"
    detail = "What is held does not cover the invoice. Refund it."


class DisputeOpen(Conflict):
    """The customer's bank may take the money."""

    code = "payment_disputed"
    detail = "The customer's bank disputes this payment. Wait until that is decided."


@dataclass(frozen=True)
class Dispute:
    """A bank wants it back. `status` is open, won (by us) or lost."""

    reference: str
    amount: Money
    status: str = "open"


@dataclass(frozen=True)
class Taken:
    """What came in, and how much of it is kept: all that was due, nothing of what is held."""

    captured: Money
    kept: Money
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    def refund(self, refund_id: UUID) -> Refund | None:
        """The one of this id."""
        return next((one for one in self.refunds if one.refund_id == refund_id), None)

    def dispute(self, reference: str) -> Dispute | None:
        """The one that the provider calls so."""
        return next((one for one in self.disputes if one.reference == reference), None)

    @property
    def left(self) -> Money:
        """What is neither kept nor going back, nor lost to a bank."""
        back = sum(one.amount.amount for one in self.refunds if one.status != "failed")
        lost = sum(one.amount.amount for one in self.disputes if one.status == "lost")
        rest = self.captured.amount - self.kept.amount - back - lost
        return Money(max(0, rest), self.captured.currency)


def decide_on(command: TakenCommand, taken: Taken, who: Who) -> list[PaymentEvent]:
    """What follows. Raises `PaymentNotHeld`, `AmountNotCovered`, `DisputeOpen`."""
    match command:
        case AcceptHeld():
            return _accept(command, taken, who)
        case RefundHeld() | PayBackHeld():
            return _refund(command, taken, who)
        case SettlePaymentRefund():
            return _settle(command, taken, who)
        case NoteDispute():
            return _dispute(command, taken, who)
        case _:
            assert_never(command)


def _accept(command: AcceptHeld, taken: Taken, who: Who) -> list[PaymentEvent]:
    if taken.kept.amount > 0:
        return []  # already so
    left, due = _free(taken), command.due
    if left.currency != due.currency or left.amount < due.amount:
        raise AmountNotCovered
    over = left - due
    events: list[PaymentEvent] = [facts.PaymentAccepted(*who, due, over, command.now)]
    if over.amount > 0:
        back = (command.refund_id, over, "overpaid")
        events.append(facts.PaymentRefundRequested(*who, *back, command.now))
    return events


def _refund(command: RefundHeld | PayBackHeld, taken: Taken, who: Who) -> list[PaymentEvent]:
    if taken.refund(command.refund_id):
        return []
    id, amount, now = command.refund_id, _free(taken), command.now
    if isinstance(command, RefundHeld):
        return [facts.PaymentRefundRequested(*who, id, amount, command.reason, now)]
    return [
        facts.PaymentRefundRequested(*who, id, amount, PAID_BACK_BY_TRANSFER, now),
        facts.PaymentRefundSent(*who, id, command.reference, now),
        facts.PaymentRefunded(*who, id, amount, now),
    ]


def _free(taken: Taken) -> Money:
    if taken.left.amount == 0:
        raise PaymentNotHeld
    if any(one.status == "open" for one in taken.disputes):
        raise DisputeOpen
    return taken.left


def _settle(command: SettlePaymentRefund, taken: Taken, who: Who) -> list[PaymentEvent]:
    """What the provider says of a refund, also of one that was made there by hand. One that failed,
    be it days after it had gone, is held again."""
    refund, now = taken.refund(command.refund_id), command.now
    events: list[PaymentEvent] = []
    if refund is None:
        if command.status == "failed":
            return []  # made at the provider, and nothing came of it
        refund = _made_there(command, taken)
        back = (refund.refund_id, refund.amount, refund.reason)
        events.append(facts.PaymentRefundRequested(*who, *back, now))
    if refund.status == "failed" or (refund.status == "done" and command.status != "failed"):
        return []  # what still says that it went is older than the failure
    if command.reference is not None and refund.reference is None:
        sent = (refund.refund_id, command.reference)
        events.append(facts.PaymentRefundSent(*who, *sent, now))
    if command.status == "failed":
        failed = (refund.refund_id, refund.amount, "refund_failed")
        events.append(facts.PaymentRefundFailed(*who, *failed, now))
    elif command.status == "succeeded":
        events.append(facts.PaymentRefunded(*who, refund.refund_id, refund.amount, now))
    return events


def _made_there(command: SettlePaymentRefund, taken: Taken) -> Refund:
    if command.amount.currency != taken.left.currency or not command.amount <= taken.left:
        raise PaymentNotHeld
    return Refund(command.refund_id, command.amount, "requested", command.reason)


def _dispute(command: NoteDispute, taken: Taken, who: Who) -> list[PaymentEvent]:
    """A bank's decision is final, and may be heard of before its question."""
    events: list[PaymentEvent] = []
    known, about = taken.dispute(command.reference), (command.reference, command.amount)
    if known is None:
        events.append(facts.PaymentDisputed(*who, *about, command.now))
    elif known.status != "open":
        return []
    if command.status == "won":
        events.append(facts.DisputeWon(*who, *about, command.now))
    elif command.status == "lost":
        events.append(facts.DisputeLost(*who, *about, command.now))
    return events


TakenEvent = (
    facts.PaymentRefundRequested
    | facts.PaymentRefundSent
    | facts.PaymentRefundFailed
    | facts.PaymentRefunded
    | facts.PaymentDisputed
    | facts.DisputeWon
    | facts.DisputeLost
)


def taken_after(taken: Taken, event: TakenEvent) -> Taken:
    """The money after one more event."""
    match event:
        case facts.PaymentRefundRequested():
            one = Refund(event.refund_id, event.amount, "requested", event.reason)
            return replace(taken, refunds=(*taken.refunds, one))
        case facts.PaymentRefundSent():
            return _marked(taken, event.refund_id, "sent", reference=event.reference)
        case facts.PaymentRefundFailed():
            return _marked(taken, event.refund_id, "failed")
        case facts.PaymentRefunded():
            return _marked(taken, event.refund_id, "done")
        case facts.PaymentDisputed():
            one_more = Dispute(event.reference, event.amount)
            return replace(taken, disputes=(*taken.disputes, one_more))
        case facts.DisputeWon() | facts.DisputeLost():
            status = "won" if isinstance(event, facts.DisputeWon) else "lost"
            decided = tuple(
                replace(one, status=status) if one.reference == event.reference else one
                for one in taken.disputes
            )
            return replace(taken, disputes=decided)
        case _:
            assert_never(event)


def _marked(taken: Taken, refund_id: UUID, status: str, **changes: str) -> Taken:
    refunds = marked(taken.refunds, refund_id, lambda one: one.but(status, **changes))
    return replace(taken, refunds=refunds)
