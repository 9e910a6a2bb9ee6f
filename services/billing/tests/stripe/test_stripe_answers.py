"""What Stripe's words mean to us, without any Stripe."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from billing import stripe_answers as answers
from billing import stripe_questions as questions
from billing.payment_provider import (
    Declined,
    NotAttempted,
    PageLine,
    PageOrder,
    Pending,
    ProviderRefused,
    Succeeded,
    Unknown,
)
from billing.stripe_settings import StripeSettings
from common.money import Money
from common.settings import StartRefused
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "amount_received": 1999,
    "currency": "eur",
    "customer": "cus_1",
    "payment_method": "pm_1",
    "setup_future_usage": None,
}
STEPS = {"EUR": 1, "JPY": 1, "UGX": 1, "KWD": 10, "BHD": 10, "ISK": 100}


@given(st.sampled_from(sorted(STEPS)), st.integers(0, 10**12))
def test_an_amount_survives_the_way_there_and_back(currency: str, n: int) -> None:
    amount = Money(n * STEPS[currency], currency)

    assert answers.money(answers.minor_units(amount), currency.lower()) == amount


@given(st.sampled_from(["KWD", "ISK"]), st.integers(0, 10**9))
def test_an_amount_between_two_steps_is_refused(currency: str, n: int) -> None:
    with pytest.raises(ProviderRefused):
        answers.minor_units(Money(n * STEPS[currency] + 1, currency))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("succeeded", Succeeded("pi_1", Money(1999, "EUR"))),
        ("processing", Pending("pi_1")),
        ("requires_action", Pending("pi_1")),
        ("requires_confirmation", Pending("pi_1")),
        ("requires_payment_method", NotAttempted("pi_1", "no_method")),
        ("canceled", NotAttempted("pi_1", "cancelled")),
        ("requires_capture", Unknown("pi_1")),
        ("something_new", Unknown("pi_1")),
    ],
)
def test_each_status_is_one_of_five_outcomes(status: str, outcome: object) -> None:
    assert answers.payment_outcome({**INTENT, "status": status}) == outcome


@pytest.mark.parametrize(
    ("error", "code", "hard"),
    [
        ({"code": "card_declined", "decline_code": "stolen_card"}, "stolen_card", True),
        ({"code": "card_declined", "decline_code": "a_new_one"}, "card_declined", False),
        ({"code": "expired_card"}, "expired_card", True),
        ({"code": "incorrect_cvc"}, "incorrect_cvc", False),
        ({"code": "card_declined", "advice_code": "do_not_try_again"}, "card_declined", True),
        ({}, "card_declined", False),
    ],
)
def test_a_decline_has_a_code_of_ours(error: dict[str, str], code: str, hard: bool) -> None:
    assert answers.declined("pi_1", error) == Declined("pi_1", code, hard)


def test_a_card_that_may_not_be_charged_again_is_not_saved() -> None:
    assert answers.saved_method(INTENT) is None
    assert answers.saved_method({**INTENT, "setup_future_usage": "off_session"}) is not None


@pytest.mark.parametrize("metadata", [None, {}, {"payment_id": "7"}, {"payment_id": None}, "text"])
def test_what_others_made_has_no_id_of_ours(metadata: object) -> None:
    assert answers.our_id({"metadata": metadata}, "payment_id") is None


@pytest.mark.parametrize(
    ("ahead", "said"),
    [(timedelta(hours=23), True), (timedelta(minutes=5), False), (timedelta(days=400), False)],
)
def test_a_page_ends_when_we_say_where_stripe_lets_us(ahead: timedelta, said: bool) -> None:
    line = PageLine("Plus", Money(1999, "EUR"))
    order = PageOrder(uuid4(), "cus_1", [line], "https://a", "https://b", NOW + ahead, True)

    assert ("expires_at" in questions.checkout_page(order, NOW)) is said


@pytest.mark.parametrize(
    "wrong",
    [
        {"stripe_secret_key": "sk_test_x"},
        {"stripe_webhook_secrets": "whsec_short"},
        {"stripe_webhook_secrets": "no secret of theirs at all"},
    ],
)
def test_settings_that_could_be_lied_to_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(StartRefused, match="STRIPE_WEBHOOK_SECRETS"):
        StripeSettings.load(**wrong)


def test_several_secrets_are_separated_by_commas() -> None:
    first, second = "whsec_" + "a" * 20, "whsec_" + "b" * 20

    settings = StripeSettings.load(stripe_webhook_secrets=f"{first}, {second},")

    assert settings.webhook_secrets == (first, second)
