"""What stands on an invoice: lines with tax, parties, what a paid line sets going; its refunds."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from common.money import Money

from billing.terms import TaxBehaviour

ActivationKind = Literal["start", "renew", "change", "resume"]


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A rate in hundredths of a percent: 2100 is 21 %. `note` is what the law wants printed."""

    country: str
    basis_points: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """What a paid line sets going, once: it belongs to the line and to nothing else."""

    kind: ActivationKind
    subscription_id: UUID


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is charged, or given back where `amount` is negative.

    `amount` is in the price's own terms: with the tax in it, or without, as `behaviour` says.
    """

    line_id: UUID
    text: str
    amount: Money
    behaviour: TaxBehaviour
    rate: TaxRate
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    activation: Activation | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or customer as they were when the invoice was made."""

    name: str
    address: str
    country: str
    vat_number: str | None = None
    email: str | None = None


UNKNOWN_PARTY = Party("", "", "")
"""What is left of a party whose key is gone."""


@dataclass(frozen=True, slots=True)
class PaidPart:
    """What was paid for a stretch of time, in the price's own terms and with the tax of then."""

    amount: Money
    behaviour: TaxBehaviour
    rate: TaxRate
    starts_at: datetime
    ends_at: datetime

    def over(self, starts_at: datetime, ends_at: datetime) -> "PaidPart":
        """The same money for another stretch of time: the one that its payment began."""
        return replace(self, starts_at=starts_at, ends_at=ends_at)


@dataclass(frozen=True)
class Refund:
    """Money on its way back. `status` is requested, sent, done or failed."""

    refund_id: UUID
    amount: Money
    status: str
    reason: str
    reference: str | None = None


def marked(
    refunds: tuple[Refund, ...], refund_id: UUID, status: str, reference: str | None
) -> tuple[Refund, ...]:
    """The refunds after one of them got so far; its reference stays once it is known."""
    return tuple(
        replace(one, status=status, reference=reference or one.reference)
        if one.refund_id == refund_id
        else one
        for one in refunds
    )
