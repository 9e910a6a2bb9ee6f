"""Our questions as Stripe's parameters. Pure: the same question is the same text, under its key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common.money import Money

from billing.payment_provider import PageLine, PageOrder, ProviderRefused, SavedMethod
from billing.stripe_answers import ON_A_PAGE, minor_units

Question = dict[str, Any]

SOONEST, LATEST = 31 * 60, 24 * 3600 - 60
"""Between how many seconds from now Stripe lets a page expire."""
LONGEST_NAME, LONGEST_TEXT = 250, 500
REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
PAGE_PARTS = ["payment_intent.payment_method", "setup_intent.payment_method"]
PAGE_SIZE = 100


def checkout_page(order: PageOrder, now: datetime) -> Question:
    """A session in payment mode; its intent carries our payment's id."""
    ours = {"payment_id": str(order.payment_id)}
    intent: Question = {"metadata": {**ours, "means": ON_A_PAGE}}
    if order.save_method:
        intent["setup_future_usage"] = "off_session"
    given: Question = {
        "mode": "payment",
        "customer": order.customer,
        "client_reference_id": str(order.payment_id),
        "metadata": ours,
        "line_items": [_line(line) for line in _payable(order.lines)],
        "payment_intent_data": intent,
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
    }
    # a moved clock may lie beyond what Stripe takes: then billing closes the page by itself
    if SOONEST <= (order.expires_at - now).total_seconds() <= LATEST:
        given["expires_at"] = int(order.expires_at.timestamp())
    return given


def _payable(lines: Sequence[PageLine]) -> Sequence[PageLine]:
    """The lines, or one with their sum where a credit is among them: no line there is negative."""
    if not lines:
        raise ProviderRefused("nothing_to_pay", "a page needs a line")
    if all(line.amount.amount >= 0 for line in lines):
        return lines
    total = lines[0].amount
    for line in lines[1:]:
        total += line.amount
    return [PageLine(", ".join(line.text for line in lines), total)]


def _line(line: PageLine) -> Question:
    price = {
        "currency": line.amount.currency.lower(),
        "unit_amount": minor_units(line.amount),
        "product_data": {"name": line.text[:LONGEST_NAME]},
    }
    return {"price_data": price, "quantity": 1}


def method_page(account_id: UUID, customer: str, success_url: str, cancel_url: str) -> Question:
    """A session in setup mode. It wants a currency, only to choose which methods it offers."""
    ours = {"account_id": str(account_id)}
    return {
        "mode": "setup",
        "currency": "eur",
        "customer": customer,
        "metadata": ours,
        "setup_intent_data": {"metadata": ours},
        "success_url": success_url,
        "cancel_url": cancel_url,
    }


def charge(payment_id: UUID, method: SavedMethod, amount: Money, text: str) -> Question:
    """An intent that is confirmed at once, while the customer is away."""
    return {
        "amount": minor_units(amount),
        "currency": amount.currency.lower(),
        "customer": method.customer,
        "payment_method": method.reference,
        "confirm": True,
        "off_session": True,
        # nobody is there to be sent elsewhere; without this Stripe may want an address to return to
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "description": text[:LONGEST_TEXT],
        "metadata": {"payment_id": str(payment_id)},
    }


def refund(reference: str, amount: Money, reason: str) -> Question:
    """Some or all of an intent. Stripe knows three reasons; ours goes along."""
    known = reason if reason in REASONS else "requested_by_customer"
    return {
        "payment_intent": reference,
        "amount": minor_units(amount),
        "reason": known,
        "metadata": {"reason": reason[:LONGEST_TEXT] or known},
    }


def since(moment: datetime) -> Question:
    """What was made since then, as much at once as possible."""
    return {"created": {"gte": int(moment.timestamp())}, "limit": PAGE_SIZE}
