"""Mails: both languages, both settings, every case of their words; amounts as people write them."""

from typing import Any, get_args

import pytest
from billing.mail_templates import MailName, render, why_declined, why_ended, written
from common.languages import Locale
from common.money import Money
from common.testing.mail_pages import MailPage
from hypothesis import given
from hypothesis import strategies as st

LINK = "https://cards.example"
PAID = {
    "number": "INV-2026-000001",
    "day": "1 August 2026",
    "lines": [("Pro, 1 August to 1 September 2026", "€12.00"), ("Tax & <more>", "€2.40")],
    "total": "€14.40",
    "included": None,
    "notes": [],
}
NOTED = {**PAID, "included": "€2.40", "notes": ["Reverse charge: VAT is due from the recipient"]}
TRIAL = {"plan": "Pro", "day": "1 August 2026", "at": "1 August 2026, 12:00 UTC"}
FAILED = {"plan": "Pro", "reason": "The card has expired."}
CASES: dict[str, tuple[MailName, dict[str, Any]]] = {
    "receipt": ("receipt", PAID),
    "receipt with tax and a note": ("receipt", NOTED),
    "transfer": ("payment_received", PAID),
    "transfer with tax and a note": ("payment_received", NOTED),
    "transfer due": (
        "transfer_due",
        {"plan": "Pro", "number": "INV-2026-000002", "total": "€14.40", "day": "15 August 2026"},
    ),
    "trial of a free plan": ("trial_ending", {**TRIAL, "price": None, "method": None}),
    "trial with a card": ("trial_ending", {**TRIAL, "price": "€12", "method": "Visa 4242"}),
    "trial without one": ("trial_ending", {**TRIAL, "price": "€12", "method": None}),
    "first try": ("payment_failed", {**FAILED, "failures": 1, "retry_at": "3 May 2026"}),
    "third try": ("payment_failed", {**FAILED, "failures": 3, "retry_at": "3 May 2026"}),
    "given up": (
        "payment_failed",
        {**FAILED, "failures": None, "retry_at": None, "grace_until": "9 May 2026"},
    ),
    "ended": ("subscription_ended", {"plan": "Pro", "day": "1 May 2026", "reason": "It was you."}),
}
cases = pytest.mark.parametrize("case", sorted(CASES))
languages = pytest.mark.parametrize("language", get_args(Locale))


def mail_of(case: str, language: str) -> Any:
    name, values = CASES[case]
    return render(name, language, link=LINK, addressee="Ada", values=values)


def test_every_mail_has_a_case() -> None:
    assert {name for name, _ in CASES.values()} == set(get_args(MailName))


@cases
@languages
def test_a_mail_says_the_same_in_text_and_in_html(case: str, language: Locale) -> None:
    mail = mail_of(case, language)

    page = MailPage(mail.html)
    for line in mail.text.strip().split("\n\n"):
        assert " ".join(line.split()) in " ".join(page.text.split())
    assert mail.subject in mail.text
    assert "\n" not in mail.subject
    assert f'<html lang="{language}">' in mail.html


@cases
@languages
def test_a_mail_leads_to_its_link_only_and_loads_nothing(case: str, language: Locale) -> None:
    mail = mail_of(case, language)

    page = MailPage(mail.html)
    assert page.addresses == {LINK}
    assert page.tags.isdisjoint({"img", "script", "link", "iframe"})
    assert "url(" not in mail.html
    assert "None" not in mail.text + page.text


@cases
def test_french_and_english_differ(case: str) -> None:
    assert mail_of(case, "en").text != mail_of(case, "fr-CA").text
    assert mail_of(case, "en").subject != mail_of(case, "fr").subject


@pytest.mark.parametrize(
    ("money", "english", "french"),
    [
        (Money(129900, "EUR"), "€1,299.00", "1\u202f299,00\u00a0€"),
        (Money(5, "USD"), "$0.05", "0,05\u00a0$"),
        (Money(-250, "GBP"), "\u2212£2.50", "\u22122,50\u00a0£"),
        (Money(1999, "JPY"), "JPY\u00a01,999", "1\u202f999\u00a0JPY"),
        (Money(1500, "KWD"), "KWD\u00a01.500", "1,500\u00a0KWD"),
    ],
)
def test_an_amount_is_written_as_people_write_it(money: Money, english: str, french: str) -> None:
    assert written(money, "en") == english
    assert written(money, "fr") == french


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD", "CHF"]))
def test_no_digit_of_an_amount_is_lost(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    for language in get_args(Locale):
        digits = "".join(c for c in written(money, language) if c.isdigit())
        assert int(digits) == abs(amount)


@languages
def test_what_a_bank_says_is_a_sentence_also_when_we_do_not_know_it(language: Locale) -> None:
    for code in ("insufficient_funds", "expired_card", "do_not_honor", ""):
        assert why_declined(code, language).endswith(".")


@languages
def test_endings_that_are_none_are_not_written_of(language: Locale) -> None:
    for reason in ("cancelled", "unpaid", "trial_ended", "refunded", "voided"):
        assert str(why_ended(reason, language)).endswith(".")
    for reason in ("expired", "replaced", "erased"):
        assert why_ended(reason, language) is None
