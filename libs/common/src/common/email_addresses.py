"""E-mail addresses in requests: syntax only, in one normal form; whether they work a mail tells."""

from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError


def normal_form(text: str) -> str:
    """The one way in which we write an address. Raises `PydanticCustomError` for other texts."""
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise PydanticCustomError("email", "This is not an e-mail address.") from error


EmailAddress = Annotated[str, Field(max_length=254), AfterValidator(normal_form)]
