"""Mails: both languages, both settings, nothing of a stranger's making in them."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from auth.mail_templates import MailName, link_to, render
from common.languages import Locale
from common.mail_templates import harmless
from common.testing.mail_pages import MailPage

AT = datetime(2026, 8, 1, 12, 5, tzinfo=UTC)
LINK = "https://cards.example/verify#token=abc&d"

mails = pytest.mark.parametrize("name", get_args(MailName))
languages = pytest.mark.parametrize("language", get_args(Locale))


@mails
@languages
def test_a_mail_says_the_same_in_text_and_in_html(name: MailName, language: Locale) -> None:
    mail = render(name, language, link=LINK, addressee="Ada", at=AT, device="Firefox")

    page = MailPage(mail.html)
    for line in mail.text.strip().split("\n\n"):
        assert " ".join(line.split()) in " ".join(page.text.split())
    assert mail.subject in mail.text
    assert "\n" not in mail.subject
    assert f'<html lang="{language}">' in mail.html


@mails
@languages
def test_a_mail_leads_to_its_link_only_and_loads_nothing(name: MailName, language: Locale) -> None:
    mail = render(name, language, link=LINK)

    page = MailPage(mail.html)
    assert page.addresses == {LINK}
    assert page.tags.isdisjoint({"img", "script", "link", "iframe"})
    assert "url(" not in mail.html
    assert f"\n{LINK}\n" in mail.text
    assert "None" not in mail.text + page.text


@mails
def test_french_and_english_differ(name: MailName) -> None:
    assert render(name, "en", link=LINK).subject != render(name, "fr", link=LINK).subject


@pytest.mark.parametrize(
    "written",
    [
        "http://evil.example",
        "evil.example",
        "www evil",
        "claim your prize: now",
        "me@evil.example",
        "[a](b)",
        "<b>bold</b>",
        "x" * 61,
        " \n ",
        None,
    ],
)
def test_a_stranger_cannot_write_our_mails_through_a_name(written: str | None) -> None:
    assert harmless(written) is None
    assert render("greeting", "en", link=LINK, addressee=written).text.split("\n\n")[1] == "Hello,"


@pytest.mark.parametrize("written", ["Ada Lovelace", "J. R. Müller-O’Neil", "王小明", "A & B"])
def test_a_name_is_greeted(written: str) -> None:
    mail = render("greeting", "fr", link=LINK, addressee=written)

    assert f"Bonjour {written}," in mail.text
    assert f"Bonjour {written}," in MailPage(mail.html).text


def test_a_token_stands_where_no_server_sees_it() -> None:
    assert link_to("https://cards.example", "verify", "abc").endswith("/verify#token=abc")
    assert link_to("https://cards.example", "reset") == "https://cards.example/reset"
