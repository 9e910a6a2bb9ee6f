"""What each mail says beside its fixed words: from invoices and terms to sentences and amounts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.languages import Locale
from common.mail_templates import said, said_day
from common.money import Money

from billing.customers.events import MethodFace
from billing.invoices.read_model import InvoiceRow
from billing.mail_templates import why_declined, why_ended, written

_TAX: dict[Locale, str] = {"en": "Value added tax", "fr": "Taxe sur la valeur ajoutée"}
_SAVED: dict[Locale, str] = {
    "en": "your saved way to pay",
    "fr": "votre moyen de paiement enregistré",
}


def of_a_paid_invoice(
    invoice: InvoiceRow, paid_at: datetime, language: Locale
) -> Mapping[str, Any]:
    """What was paid for. A tax that comes on top is a line of its own, one within is told apart."""
    lines = [(line.text, written(line.amount, language)) for line in invoice.lines]
    listed = sum(line.amount.amount for line in invoice.lines)
    on_top = Money(invoice.total.amount - listed, invoice.total.currency)
    within = invoice.tax - on_top
    if on_top.amount:
        lines.append((_TAX[language], written(on_top, language)))
    return {
        "number": invoice.number,
        "day": said_day(paid_at, language),
        "lines": lines,
        "total": written(invoice.total, language),
        "included": written(within, language) if within.amount else None,
        "notes": list(dict.fromkeys(line.rate.note for line in invoice.lines if line.rate.note)),
    }


def of_a_transfer_due(
    plan: str, invoice: InvoiceRow, due_at: datetime, language: Locale
) -> Mapping[str, Any]:
    """How much, until when, and under which reference."""
    return {
        "plan": plan,
        "number": invoice.number,
        "total": written(invoice.total, language),
        "day": said_day(due_at, language),
    }


def of_an_ending_trial(
    plan: str, price: Money, method: MethodFace | None, ends_at: datetime, language: Locale
) -> Mapping[str, Any]:
    """When it ends and what happens then; `price` is with tax."""
    return {
        "plan": plan,
        "day": said_day(ends_at, language),
        "at": said(ends_at, language),
        "price": written(price, language) if price.amount else None,
        "method": named(method, language) if method else None,
    }


def of_a_failed_payment(
    plan: str, code: str, language: Locale, *, failures: int | None, until: datetime
) -> Mapping[str, Any]:
    """Why, and what happens next: another try at `until`, or the end of the grace, if there were
    as many `failures` as we put up with (None)."""
    moment = said(until, language)
    again = failures is not None
    return {
        "plan": plan,
        "reason": why_declined(code, language),
        "failures": failures,
        "retry_at": moment if again else None,
        "grace_until": None if again else moment,
    }


def of_an_ended_subscription(
    plan: str, reason: str, ended_at: datetime, language: Locale
) -> Mapping[str, Any]:
    """Since when and why."""
    return {
        "plan": plan,
        "day": said_day(ended_at, language),
        "reason": why_ended(reason, language) or "",
    }


def named(face: MethodFace, language: Locale) -> str:
    """A saved way to pay as its owner recognises it."""
    if face.brand is None or face.last4 is None:
        return _SAVED[language]
    return f"{face.brand.title()} •••• {face.last4}"
