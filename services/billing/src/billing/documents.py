"""What stands on an invoice: lines with tax, parties, what a paid line sets going; its refunds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
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
    """Money on its way back. `status` is requested, sent, done or failed, or returned: it went, and
    the bank sent it back. `credited`: a credit note says that it went; `former` are references of
    tries before this one, the `tries`-th; `by_transfer`: it was paid back by hand in the end."""

    refund_id: UUID
    amount: Money
    status: str
    reason: str
    reference: str | None = None
    credited: bool = False
    former: tuple[str, ...] = ()
    tries: int = 1
    by_transfer: bool = False

    @property
    def key(self) -> str:
        """Under which the provider is asked for this try."""
        return f"refund:{self.refund_id}" + (f":{self.tries}" if self.tries > 1 else "")

    def but(self, status: str, **changes: Any) -> "Refund":
        """The same, got so far."""
        return replace(self, status=status, **changes)

    def anew(self, status: str, **changes: Any) -> "Refund":
        """The same on another way: what its provider called it is past."""
        former = (*self.former, self.reference) if self.reference else self.former
        return replace(self, status=status, reference=None, former=former, **changes)


def marked(
    refunds: tuple[Refund, ...], refund_id: UUID, change: Callable[[Refund], Refund]
) -> tuple[Refund, ...]:
    """The refunds after one of them has changed."""
    return tuple(change(one) if one.refund_id == refund_id else one for one in refunds)
