"""E-mail addresses in requests: syntax only, in one normal form; whether they work a mail tells."""

import re
from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

_ORDINARY = re.compile(
    r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?P<top>[a-z]{2,24})"
)
_UNUSUAL_TOPS = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)
MOST_CERTAIN = 64
"""So many characters break no limit, neither that of a part nor that of the whole."""


def normal_form(text: str) -> str:
    """The one way in which we write an address. Raises `PydanticCustomError` for other texts."""
    if _is_ordinary(text):
        return text
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise PydanticCustomError("email", "This is not an e-mail address.") from error


def _is_ordinary(text: str) -> bool:
    """Whether it is in normal form beyond doubt, as nearly all are: the library's rules for all
    others, in all alphabets, took a thirteenth of making a card."""
    found = _ORDINARY.fullmatch(text) if len(text) <= MOST_CERTAIN else None
    return found is not None and found["top"] not in _UNUSUAL_TOPS


EmailAddress = Annotated[str, Field(max_length=254), AfterValidator(normal_form)]
