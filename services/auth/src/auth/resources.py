"""What auth's routes work with: made in `main`, handed to each of them as `Service`."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Annotated
from uuid import UUID

from common.email_addresses import normal_form
from common.kernel import Kernel
from common.problem_responses import LIMIT_HEADERS
from common.problems import Forbidden, Unauthenticated
from common.service import ClientAddress, Now
from fastapi import Depends, Request
from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from auth.link_tokens import LinkTokens
from auth.passwords import Passwords
from auth.settings import AuthSettings
from auth.signing_keys import SigningKeys
from auth.throttling import Throttle, TooManyAttempts, limit_headers

LONGEST_INPUT = 1024
"""Characters of a password that are looked at before anything is hashed."""


def _text(password: SecretStr) -> SecretStr:
    try:
        password.get_secret_value().encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("string_unicode", "This is half of a character.") from None
    return password


Password = Annotated[SecretStr, Field(max_length=LONGEST_INPUT), AfterValidator(_text)]


@dataclass(frozen=True)
class Auth:
    """The service's parts."""

    kernel: Kernel
    passwords: Passwords
    keys: SigningKeys
    settings: AuthSettings
    links: LinkTokens
    throttle: Throttle

    def email_index(self, email: str) -> str:
        """The keyed hash under which an address is unique: neither case nor the way of writing it
        matters. Any text has one, so that one may log in by what is no address."""
        return email_index(self.settings.data_key_bytes, email)


def email_index(data_key: bytes, email: str) -> str:
    """See `Auth.email_index`."""
    with suppress(PydanticCustomError):
        email = normal_form(email.strip())
    return blake2b(email.casefold().encode(), key=data_key, digest_size=20).hexdigest()


async def _auth(request: Request) -> Auth:
    auth: Auth = request.app.state.auth
    return auth


Service = Annotated[Auth, Depends(_auth)]


class InvalidCredentials(Unauthenticated):
    """Wrong password or unknown account: nobody is told which."""

    code = "invalid_credentials"
    detail = "E-mail, username or password is wrong."


class WrongPassword(Forbidden):
    """The password that should confirm this is not the account's."""

    code = "wrong_password"
    detail = "The password is wrong."


class Guesses:
    """One request's try at a password: counted, slowed down, compared, cleared."""

    def __init__(self, request: Request, service: Auth, address: str, now: datetime) -> None:
        self._state = request.scope["state"]
        self._service = service
        self._address = address
        self._now = now

    async def right(self, who: UUID | str, password: SecretStr, encoded: str | None) -> bool:
        """Whether it is the account's password. `who` is the account, or the hash of a name that
        is nobody's; `encoded` is then None. Raises `TooManyAttempts`."""
        throttle = self._service.throttle
        try:
            attempt = await throttle.attempt(str(who), self._address, self._now)
            await throttle.wait(attempt)
        except TooManyAttempts as refused:
            self._state[LIMIT_HEADERS] = limit_headers(0, refused.retry_after)
            raise
        self._state[LIMIT_HEADERS] = attempt.headers
        right = await self._service.passwords.matches(password.get_secret_value(), encoded)
        if right:
            await throttle.clear(str(who), self._address)
        return right

    @property
    def headers(self) -> dict[str, str]:
        """The limit's headers for an answer that is no problem."""
        found: dict[str, str] = self._state.get(LIMIT_HEADERS, {})
        return found


async def _guesses(request: Request, service: Service, address: ClientAddress, now: Now) -> Guesses:
    return Guesses(request, service, address, now)


PasswordGuess = Annotated[Guesses, Depends(_guesses)]
