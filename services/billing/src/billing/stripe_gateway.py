"""Stripe moves the money: our questions in its words, its answers in ours, one key per effect.

A question whose answer got lost has perhaps been taken: asked again with the same key it has still
one effect. So a charge without an answer is `Unknown`, never failed.
"""

from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
import stripe
from common.money import Money

from billing import provider_calls
from billing import stripe_answers as answers
from billing import stripe_questions as questions
from billing.payment_provider import (
    PAGE_CLOSED,
    CheckoutPage,
    NotAttempted,
    Notified,
    Outcome,
    PageOrder,
    PageState,
    ProviderRefused,
    ProviderUnavailable,
    RefundState,
    SavedMethod,
    Unknown,
)
from billing.provider_news import MethodNews, PaymentNews, ProviderNews
from billing.stripe_news import look_up, told_of
from billing.stripe_webhooks import notified_of, signed

API_VERSION = "2026-10-28.endive"
"""Pinned: another version would mean other fields."""
RETRIES = 1
"""Of a connection that broke, a 409 or a 5xx; with the same key, inside one question."""
CONNECT_SECONDS = 3.0
KEY_REUSED = "key_used_for_another_question"
KINDS = {"cs": "page", "pm": "method"}
CHARGE_CODES = frozenset({"method_gone", "no_such_object"})
"""Refusals of a charge that say that there is nothing to charge: no money can move."""

# it would tell Stripe which machine this is and how long each call took
stripe.enable_telemetry = False

AnswerT = TypeVar("AnswerT")


class OutcomeUnknown(ProviderUnavailable):
    """The question was perhaps taken; the same key asked again has still one effect."""


class StripeGateway:
    """The port to payment providers over the real client. `close` it at the end."""

    name = "stripe"

    def __init__(
        self,
        secret_key: str,
        webhook_secrets: Sequence[str],
        *,
        api_base: str | None = None,
        time_limit: float = 12.0,
        retries: int = RETRIES,
    ) -> None:
        limit = aiohttp.ClientTimeout(total=time_limit, sock_connect=CONNECT_SECONDS)
        self._transport = stripe.AIOHTTPClient(timeout=limit)
        self._secrets = tuple(webhook_secrets)
        self._stripe = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else None,
            http_client=self._transport,
            max_network_retries=retries,
        )
        self._v1 = self._stripe.v1

    async def close(self) -> None:
        """Close its connections."""
        await self._transport.close_async()  # type: ignore[no-untyped-call] # the SDK leaves it so

    async def customer(self, account_id: UUID, email: str, name: str | None, *, key: str) -> str:
        """The customer that was made for this account, else a new one."""
        same = await self._ask("customers", self._v1.customers.list_async({"email": email}))
        for found in same.data:
            if answers.our_id(found.to_dict(), "account_id") == account_id:
                return found.id
        made = await self._ask(
            "customer",
            self._v1.customers.create_async(
                {"email": email, "name": name or "", "metadata": {"account_id": str(account_id)}},
                {"idempotency_key": key},
            ),
        )
        return made.id

    async def forget_customer(self, reference: str, *, key: str) -> None:
        """Delete them; their cards go with them. One who is gone is gone: no error."""
        with suppress(answers.Gone):
            await self._ask("forget_customer", self._v1.customers.delete_async(reference))

    async def forget_method(self, reference: str, *, key: str) -> None:
        """Detach a card that is still somebody's; it can never be charged again."""
        seen = await self.news_of(reference)
        if isinstance(seen, MethodNews) and seen.method is not None:
            question = self._v1.payment_methods.detach_async(
                reference, {}, {"idempotency_key": key}
            )
            await self._ask("forget_method", question)

    async def checkout_page(self, order: PageOrder, *, key: str) -> CheckoutPage:
        """A session in payment mode. It may live longer than asked: `expires_at` tells."""
        given = questions.checkout_page(order, datetime.now(UTC))
        return await self._page_made("checkout_page", given, key)

    async def method_page(
        self, account_id: UUID, customer: str, *, success_url: str, cancel_url: str, key: str
    ) -> CheckoutPage:
        """A session in setup mode; what it saves may be charged while the customer is away."""
        given = questions.method_page(account_id, customer, success_url, cancel_url)
        return await self._page_made("method_page", given, key)

    async def page(self, reference: str) -> PageState:
        """The session as it is now, with what was begun on it."""
        given: Any = {"expand": questions.PAGE_PARTS}
        session = await self._ask(
            "page", self._v1.checkout.sessions.retrieve_async(reference, given)
        )
        return answers.page_state(session.to_dict())

    async def expire_page(self, reference: str, *, key: str) -> PageState:
        """Close the session; one that is not open any more is only told of."""
        question = self._v1.checkout.sessions.expire_async(reference, {}, {"idempotency_key": key})
        with suppress(ProviderRefused):  # only an open one can be: what it is comes next
            await self._ask("expire_page", question)
        return await self.page(reference)

    async def charge(
        self, payment_id: UUID, method: SavedMethod, amount: Money, *, text: str, key: str
    ) -> Outcome:
        """An intent, confirmed off session. `Unknown` when the answer got lost."""
        given: Any = questions.charge(payment_id, method, amount, text)
        question = self._v1.payment_intents.create_async(given, {"idempotency_key": key})
        try:
            intent = await self._ask("charge", question)
        except stripe.CardError as error:
            return answers.declined_charge(error.json_body)
        except OutcomeUnknown:
            return Unknown(None)
        except ProviderRefused as refused:
            if refused.code in CHARGE_CODES:
                return NotAttempted(None, "method_gone")
            raise
        return answers.payment_outcome(intent.to_dict())

    async def fetch(self, reference: str) -> Outcome:
        """What became of an intent, or of the payment on a session."""
        if reference.startswith("cs_"):
            return (await self.page(reference)).outcome
        question = self._v1.payment_intents.retrieve_async(
            reference, {"expand": ["payment_method"]}
        )
        intent = await self._ask("fetch", question)
        return answers.payment_outcome(intent.to_dict())

    async def refund(self, reference: str, amount: Money, *, reason: str, key: str) -> RefundState:
        """Give back some or all of an intent."""
        given: Any = questions.refund(reference, amount, reason)
        question = self._v1.refunds.create_async(given, {"idempotency_key": key})
        return answers.refund_state((await self._ask("refund", question)).to_dict())

    async def refund_state(self, reference: str) -> RefundState:
        """What became of a refund."""
        question = self._v1.refunds.retrieve_async(reference)
        return answers.refund_state((await self._ask("refund_state", question)).to_dict())

    async def payments_since(self, since: datetime) -> Sequence[tuple[str, Outcome]]:
        """References and outcomes of all intents made since then, the oldest first."""
        return [(news.reference, news.outcome) for news in await self.payment_news(since)]

    async def payment_news(self, since: datetime) -> list[PaymentNews]:
        """The same, with the payments of ours that they are for."""
        given = questions.since(since)
        found = await self._all("payments", self._v1.payment_intents.list_async, given)
        return [told_of(intent) for intent in reversed(found)]

    async def undelivered(self, since: datetime) -> list[Notified]:
        """The events that some endpoint of ours has not taken, the oldest first."""
        given = {**questions.since(since), "delivery_success": False}
        found = await self._all("undelivered", self._v1.events.list_async, given)
        return [notified_of(event) for event in reversed(found)]

    async def parse_notification(self, body: bytes, signature: str | None) -> Notified:
        """What an event is about. By the machine's clock: a sandbox does not move Stripe's."""
        return self.notified(body, signature, datetime.now(UTC))

    def notified(self, body: bytes, signature: str | None, now: datetime) -> Notified:
        """The same at a given time. Raises `ProviderRefused`."""
        return notified_of(signed(body, signature, self._secrets, now))

    async def news(self, notified: Notified) -> ProviderNews | None:
        """The thing as it is now; nothing if it is gone, or was not made by us."""
        question = look_up(self._v1, notified)
        if question is None:
            return None
        try:
            thing = await self._ask("news", question.asked)
        except answers.Gone:
            return None
        return question.read(thing.to_dict())

    async def news_of(self, reference: str) -> ProviderNews | None:
        """The same for an intent, session or card by its reference."""
        kind = KINDS.get(reference.partition("_")[0], "payment")
        return await self.news(Notified("", "asked", kind, reference, datetime.now(UTC)))

    async def _page_made(self, call: str, given: Mapping[str, Any], key: str) -> CheckoutPage:
        question = self._v1.checkout.sessions.create_async(
            given,  # type: ignore[arg-type] # checked against the SDK's types by the twin's test
            {"idempotency_key": key},
        )
        try:
            session = await self._ask(call, question)
        except ProviderRefused as refused:
            if refused.code != KEY_REUSED:
                raise
            session = await self._page_of(given)
        if session is None or session.url is None:
            raise ProviderRefused(PAGE_CLOSED, "the session was made earlier and is closed")
        return CheckoutPage(
            session.id, session.url, datetime.fromtimestamp(session.expires_at, UTC)
        )

    async def _page_of(self, given: Mapping[str, Any]) -> Any:
        """The page that an earlier try opened, whose answer got lost: asked again a little later
        with another end or way back, it is another question to Stripe, and not to us."""
        found = self._v1.checkout.sessions.list_async(
            {"customer": given["customer"], "limit": questions.PAGE_SIZE}
        )
        pages = (await self._ask("pages", found)).data
        return next((p for p in pages if p.to_dict()["metadata"] == given["metadata"]), None)

    async def _all(self, call: str, list_async: Any, given: Any) -> list[dict[str, Any]]:
        async def walked() -> list[dict[str, Any]]:
            page = await list_async(given)
            return [thing.to_dict() async for thing in page.auto_paging_iter()]

        return await self._ask(call, walked())

    async def _ask(self, call: str, question: Awaitable[AnswerT]) -> AnswerT:
        """Raises `CardError` as it is, all else in the port's words."""
        result, ended = "refused", provider_calls.begun(call)
        try:
            answer = await question
            result = "answered"
        except stripe.CardError:
            result = "declined"
            raise
        except stripe.StripeError as error:
            refusal = _refusal_of(error)
            result = "unavailable" if isinstance(refusal, ProviderUnavailable) else result
            raise refusal from None  # the vendor's text may name persons
        except (aiohttp.ClientError, TimeoutError) as error:
            # the client wraps what breaks before the answer, not what breaks within it
            result = "unavailable"
            raise OutcomeUnknown(type(error).__name__) from None
        finally:
            ended(result)
        return answer


def _refusal_of(error: stripe.StripeError) -> Exception:
    """What it means for who asked. The texts name codes and request ids, never persons."""
    told = f"{type(error).__name__} {error.code or ''} {error.request_id or ''}".strip()
    match error:
        case stripe.APIConnectionError():
            never_left = isinstance(error.__cause__, aiohttp.ClientConnectorError)
            return ProviderUnavailable(told) if never_left else OutcomeUnknown(told)
        case stripe.RateLimitError() | stripe.AuthenticationError() | stripe.PermissionError():
            # nothing happened; a wrong key is for the operator to mend, not the question's fault
            return ProviderUnavailable(told)
        case stripe.IdempotencyError():
            return ProviderRefused(KEY_REUSED, told)
        case stripe.InvalidRequestError():
            return answers.refusal(error.code, told)
        case _:
            return OutcomeUnknown(told)
