"""The languages that we write; apart from the mails' templates, which only who writes needs."""

from typing import Literal, get_args

Locale = Literal["en", "fr"]


def spoken(locale: str) -> Locale:
    """Our language for a language tag: its first part if we have it, else English."""
    for language in get_args(Locale):
        if locale.lower().replace("_", "-").partition("-")[0] == language:
            found: Locale = language
            return found
    return "en"
