"""Passwords: checked against what is common, hashed with Argon2id in a bounded pool.

Parameters are OWASP's minimum (19456 KiB, t=2, p=1). The pool bounds memory: a hundred logins at
once wait for one another instead of taking two gigabytes.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from common.problems import FieldError, Invalid

SHORTEST, LONGEST = 8, 128

COMMON = frozenset(
    line for line in (files("auth") / "common_passwords.txt").read_text().splitlines() if line
)


class WeakPassword(Invalid):
    """The password is too easy to guess; the reason stands in `errors`."""

    code = "weak_password"
    detail = "Choose another password."

    def __init__(self, reason: str) -> None:
        super().__init__(reason, errors=[FieldError("/password", "weak_password", reason)])


def check_password(password: str, *, email: str, name: str | None) -> None:
    """Raises `WeakPassword`. No rules of composition: length and not being guessable count."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"A password has {SHORTEST} to {LONGEST} characters.")
    folded = password.casefold()
    if folded in COMMON or len(set(folded)) == 1:
        raise WeakPassword("This password is one of the most common ones.")
    own = {email.casefold(), email.partition("@")[0].casefold(), (name or "").casefold()}
    if folded in own:
        raise WeakPassword("A password must not be your own name or address.")


class Passwords:
    """Hashes and verifies, at most `at_once` at a time."""

    def __init__(self, at_once: int = 2, *, memory_kib: int = 19_456, rounds: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="argon2")
        self._nobody = self._hasher.hash("the hash that unknown accounts are checked against")

    async def hash(self, password: str) -> str:
        """The encoded hash, about 20 ms of one core."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, self._hasher.hash, password
        )

    async def matches(self, password: str, encoded: str | None) -> bool:
        """Whether it is the password; takes as long for an account that does not exist."""
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._pool, self._verify, password, encoded)
        return right and encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Whether it was made under other parameters than today's, and should be made again."""
        return self._hasher.check_needs_rehash(encoded)

    def close(self) -> None:
        """End the pool's threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, encoded: str | None) -> bool:
        try:
            return self._hasher.verify(encoded or self._nobody, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
