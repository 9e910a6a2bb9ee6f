"""The tokens in links of mails: derived from the request that they answer, so none is ever stored.

A token names account and request and carries an HMAC-SHA256 over both and its purpose, under a key
derived from the service's data key. Whether the request still waits is for the account to say.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import Enum
from hmac import compare_digest, digest
from uuid import UUID

from common.problems import Invalid

ID_BYTES = 16
LONGEST = 200
"""Characters of a token that are looked at."""


class LinkInvalid(Invalid):
    """No token of ours, or one for another purpose."""

    code = "link_invalid"
    detail = "This link is not valid. Copy all of it, or ask for another."


class Purpose(Enum):
    """What a link is for; a token for one is worth nothing for another."""

    VERIFY = b"verify an address"
    CONFIRM = b"confirm a new address"
    UNDO = b"undo a change of address"
    RESET = b"reset a password"


class LinkTokens:
    """Makes and reads tokens. `secret` is the service's data key."""

    def __init__(self, secret: bytes) -> None:
        self._key = digest(secret, b"links in mails", "sha256")

    def make(self, purpose: Purpose, account_id: UUID, request_id: UUID) -> str:
        """The token for this request: 86 characters that may stand in an address."""
        ids = account_id.bytes + request_id.bytes
        return urlsafe_b64encode(ids + self._seal(purpose, ids)).rstrip(b"=").decode()

    def read(self, purpose: Purpose, token: str) -> tuple[UUID, UUID]:
        """Account and request. Raises `LinkInvalid`."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except ValueError:
            raise LinkInvalid from None
        ids, seal = raw[: 2 * ID_BYTES], raw[2 * ID_BYTES :]
        if not compare_digest(seal, self._seal(purpose, ids)):
            raise LinkInvalid
        return UUID(bytes=ids[:ID_BYTES]), UUID(bytes=ids[ID_BYTES:])

    def _seal(self, purpose: Purpose, ids: bytes) -> bytes:
        return digest(self._key, purpose.value + b"\0" + ids, "sha256")
