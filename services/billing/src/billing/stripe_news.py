"""Which question fetches the thing that a notification is about, and how to read the answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from billing import stripe_answers as answers
from billing.payment_provider import Notified
from billing.provider_news import (
    DisputeNews,
    MethodNews,
    PageNews,
    PaymentNews,
    ProviderNews,
    RefundNews,
)

Thing = Mapping[str, Any]

DISPUTES = {"won": "won", "lost": "lost", "warning_closed": "won", "prevented": "won"}


@dataclass(frozen=True, slots=True)
class Question:
    """A call that is not made yet, and what its answer means."""

    asked: Awaitable[Any]
    read: Callable[[Thing], ProviderNews | None]


def look_up(v1: Any, notified: Notified) -> Question | None:
    """The question for a kind of thing; nothing for kinds that do not concern us."""
    id = notified.reference
    match notified.kind:
        case "payment":
            given = {"expand": ["payment_method"]}
            return Question(v1.payment_intents.retrieve_async(id, given), _payment)
        case "page":
            given = {"expand": ["payment_intent.payment_method", "setup_intent.payment_method"]}
            return Question(v1.checkout.sessions.retrieve_async(id, given), _page)
        case "method" if id.startswith("seti_"):
            given = {"expand": ["payment_method", "customer"]}
            return Question(v1.setup_intents.retrieve_async(id, given), _setup)
        case "method":
            given = {"expand": ["customer"]}
            return Question(v1.payment_methods.retrieve_async(id, given), _method)
        case "refund":
            given = {"expand": ["payment_intent"]}
            return Question(v1.refunds.retrieve_async(id, given), _refund)
        case "dispute":
            given = {"expand": ["payment_intent"]}
            return Question(v1.disputes.retrieve_async(id, given), _dispute)
        case _:
            return None


def told_of(intent: Thing) -> PaymentNews:
    """An intent as it is now, whoever made it."""
    payment_id = answers.our_id(intent, "payment_id")
    return PaymentNews(intent["id"], payment_id, answers.payment_outcome(intent))


def _payment(intent: Thing) -> PaymentNews | None:
    news = told_of(intent)
    return None if news.payment_id is None else news


def _page(session: Thing) -> PageNews | None:
    payment_id = answers.our_id(session, "payment_id")
    account_id = answers.our_id(session, "account_id")
    if payment_id is None and account_id is None:
        return None
    return PageNews(answers.page_state(session), payment_id, account_id)


def _setup(intent: Thing) -> MethodNews | None:
    account_id = answers.our_id(intent, "account_id") or _account(intent)
    method = intent.get("payment_method")
    if account_id is None or not isinstance(method, Mapping) or intent["status"] != "succeeded":
        return None
    return MethodNews(method["id"], account_id, answers.saved_method(intent))


def _method(method: Thing) -> MethodNews | None:
    if answers.id_of(method.get("customer")) is None:
        return MethodNews(method["id"], None, None)
    account_id = _account(method)
    if account_id is None:
        return None
    return MethodNews(method["id"], account_id, answers.method_of(method, None))


def _account(thing: Thing) -> Any:
    customer = thing.get("customer")
    return answers.our_id(customer, "account_id") if isinstance(customer, Mapping) else None


def _refund(refund: Thing) -> RefundNews | None:
    payment_id = _payment_id(refund)
    return None if payment_id is None else RefundNews(answers.refund_state(refund), payment_id)


def _dispute(dispute: Thing) -> DisputeNews | None:
    payment_id = _payment_id(dispute)
    if payment_id is None:
        return None
    return DisputeNews(
        dispute["id"],
        answers.id_of(dispute.get("payment_intent")) or "",
        payment_id,
        answers.money(dispute["amount"], dispute["currency"]),
        DISPUTES.get(dispute["status"], "open"),
    )


def _payment_id(thing: Thing) -> Any:
    intent = thing.get("payment_intent")
    return answers.our_id(intent, "payment_id") if isinstance(intent, Mapping) else None
