"""What Stripe's objects mean to us: five outcomes, amounts, declines. Pure, over plain mappings."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from common.money import Money

from billing.payment_provider import (
    Declined,
    NotAttempted,
    Outcome,
    PageState,
    Pending,
    ProviderRefused,
    RefundState,
    SavedMethod,
    Succeeded,
    Unknown,
)

Answer = Mapping[str, Any]
"""An object of the API as a plain mapping."""

ON_A_PAGE = "page"
"""In an intent's metadata: how it is paid."""

WRITTEN_WITH_TWO = frozenset({"UGX"})
"""No decimals for us; for Stripe two, which must be zero."""
WHOLE_UNITS = frozenset({"ISK"})
"""Two decimals for both; for Stripe they must be zero."""

HARD = frozenset(
    {"lost_card", "stolen_card", "pickup_card", "restricted_card", "security_violation"}
    | {"expired_card", "incorrect_number", "invalid_number", "invalid_account", "fraudulent"}
    | {"merchant_blacklist", "new_account_information_available", "no_action_taken"}
    | {"revocation_of_all_authorizations", "revocation_of_authorization", "stop_payment_order"}
    | {"transaction_not_allowed", "currency_not_supported", "card_not_supported"}
)
"""Declines after which the same card is not tried again."""

KEPT_CODES = HARD | {
    "insufficient_funds",
    "incorrect_cvc",
    "invalid_cvc",
    "incorrect_zip",
    "processing_error",
    "authentication_required",
    "authentication_failed",
    "card_velocity_exceeded",
    "withdrawal_count_limit_exceeded",
    "issuer_not_available",
    "try_again_later",
    "do_not_honor",
}
REFUSALS = {
    "amount_too_small": "amount_too_small",
    "amount_too_large": "amount_too_large",
    "invalid_charge_amount": "amount_not_chargeable",
    "charge_already_refunded": "already_refunded",
    "charge_disputed": "payment_disputed",
    "email_invalid": "email_invalid",
    "payment_intent_unexpected_state": "payment_not_in_that_state",
    "payment_method_unexpected_state": "method_gone",
    "resource_missing": "no_such_object",
    "url_invalid": "url_invalid",
}


def minor_units(amount: Money) -> int:
    """The amount as Stripe writes it. Raises `ProviderRefused` for one that it cannot write."""
    if amount.currency in WRITTEN_WITH_TWO:
        return amount.amount * 100
    step = 10 if amount.exponent == 3 else 100 if amount.currency in WHOLE_UNITS else 1
    if amount.amount % step:
        raise ProviderRefused(
            "amount_not_chargeable", f"{amount.currency} goes in steps of {step} minor units"
        )
    return amount.amount


def money(amount: int, currency: str) -> Money:
    """Stripe's amount as ours. Raises `ProviderRefused` for a part of what has no parts."""
    code = currency.upper()
    if code not in WRITTEN_WITH_TWO:
        return Money(amount, code)
    whole, rest = divmod(amount, 100)
    if rest:
        raise ProviderRefused("amount_not_understood", f"{amount} of {code} has a fraction")
    return Money(whole, code)


def decline_code(error: Answer) -> str:
    """Our stable code of a decline; one that we do not know is a plain `card_declined`."""
    for name in ("decline_code", "code"):
        code = error.get(name)
        if code in KEPT_CODES:
            return str(code)
    return "card_declined"


def declined(reference: str | None, error: Answer) -> Declined:
    """The bank's no. It is hard when the code says so, or the network asks never to come again."""
    code = decline_code(error)
    hard = code in HARD or error.get("advice_code") == "do_not_try_again"
    return Declined(reference, code, hard)


def declined_charge(body: Any) -> Declined:
    """The same as the answer to a charge says it."""
    error: Answer = body["error"]
    return declined(id_of(error.get("payment_intent")), error)


class Gone(ProviderRefused):
    """What was asked about is not there, or not any more."""


def refusal(code: str | None, text: str) -> ProviderRefused:
    """A question that is never taken as it stands, by our code."""
    ours = REFUSALS.get(code or "", "not_understood")
    return (Gone if code == "resource_missing" else ProviderRefused)(ours, text)


def payment_outcome(intent: Answer) -> Outcome:
    """What became of a payment intent. Amounts are as captured, not as asked for."""
    reference = intent["id"]
    match intent["status"]:
        case "succeeded":
            captured = money(intent["amount_received"], intent["currency"])
            return Succeeded(reference, captured, saved_method(intent))
        case "processing":
            return Pending(reference)
        case "requires_action" | "requires_confirmation":
            return Pending(reference, _action_url(intent))
        case "requires_payment_method" if _on_a_page(intent):
            return Pending(reference)
        case "requires_payment_method":
            error = intent.get("last_payment_error")
            return declined(reference, error) if error else NotAttempted(reference, "no_method")
        case "canceled":
            return NotAttempted(reference, "cancelled")
        case _:
            return Unknown(reference)


def _on_a_page(intent: Answer) -> bool:
    """A decline on a page is no end: the customer sees it and takes another card. The page's end
    is the payment's; then the intent is cancelled."""
    return (intent.get("metadata") or {}).get("means") == ON_A_PAGE


def _action_url(intent: Answer) -> str | None:
    redirect = (intent.get("next_action") or {}).get("redirect_to_url") or {}
    url: str | None = redirect.get("url")
    return url


def saved_method(intent: Answer) -> SavedMethod | None:
    """The card of an intent, if it may be charged again while the customer is away."""
    off_session = intent.get("setup_future_usage") or intent.get("usage")
    method = intent.get("payment_method")
    if off_session != "off_session" or not method:
        return None
    return method_of(method, intent.get("customer"))


def method_of(method: str | Answer, customer: str | Answer | None) -> SavedMethod | None:
    """A way to pay as we know it; nothing for one that belongs to nobody."""
    if isinstance(method, str):
        owner = id_of(customer)
        return SavedMethod(method, owner) if owner else None
    owner = id_of(method.get("customer")) or id_of(customer)
    card = method.get("card") or {}
    if owner is None:
        return None
    expires = f"{card['exp_year']:04d}-{card['exp_month']:02d}" if card else None
    return SavedMethod(method["id"], owner, card.get("brand"), card.get("last4"), expires)


def page_state(session: Answer) -> PageState:
    """What became of a checkout session whose intent was fetched with it."""
    reference, status = session["id"], session["status"]
    if session["mode"] == "setup":
        intent = session.get("setup_intent")
        done = isinstance(intent, Mapping) and intent["status"] == "succeeded"
        method = saved_method(intent) if done and isinstance(intent, Mapping) else None
        return PageState(reference, status, NotAttempted(reference, "nothing_due"), method)
    intent = session.get("payment_intent")
    if not isinstance(intent, Mapping):
        code = "page_expired" if status == "expired" else "page_open"
        return PageState(reference, status, NotAttempted(reference, code))
    outcome = payment_outcome(intent)
    if status == "open" and not isinstance(outcome, Succeeded):
        outcome = Pending(intent["id"], session.get("url"))
    method = outcome.method if isinstance(outcome, Succeeded) else None
    return PageState(reference, status, outcome, method)


def refund_state(refund: Answer) -> RefundState:
    """What became of a refund; one that was cancelled has failed."""
    status = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}.get(
        refund["status"], "pending"
    )
    payment = id_of(refund.get("payment_intent")) or ""
    return RefundState(refund["id"], payment, money(refund["amount"], refund["currency"]), status)


def id_of(part: object) -> str | None:
    """The id of a part, whether it was fetched with its whole or only named."""
    if isinstance(part, Mapping):
        part = part.get("id")
    return part if isinstance(part, str) else None


def our_id(thing: Answer, name: str) -> UUID | None:
    """An id of ours that we gave along; nothing for what others made in the same account."""
    try:
        return UUID((thing.get("metadata") or {})[name])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
