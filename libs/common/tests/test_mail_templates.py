"""How mails say moments, and in which language."""

from datetime import UTC, datetime

import pytest
from common.languages import spoken
from common.mail_templates import said, said_day

AT = datetime(2026, 8, 1, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "language"),
    [("fr", "fr"), ("fr-CA", "fr"), ("FR_ch", "fr"), ("en-GB", "en"), ("de", "en"), ("", "en")],
)
def test_a_language_that_we_do_not_speak_is_answered_in_english(tag: str, language: str) -> None:
    assert spoken(tag) == language


def test_a_moment_is_said_as_people_say_it() -> None:
    assert said(AT, "en") == "1 August 2026, 12:05 UTC"
    assert said(AT, "fr") == "1 août 2026 à 12:05 UTC"
    assert said(None, "en") is None


def test_a_day_is_said_as_people_say_it() -> None:
    assert said_day(AT, "en") == "1 August 2026"
    assert said_day(AT, "fr") == "1 août 2026"
