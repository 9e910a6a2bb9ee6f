"""What a card shows to the world: one value for the page, the vCard and the QR code."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID


@dataclass(frozen=True)
class Profile:
    """A person's place on a network; `link` opens it."""

    network: str
    link: str


@dataclass(frozen=True)
class CardFace:
    """A card's public content, as its owner wrote it; the properties are what may be shown of it.

    `theme` names the colours of the page; a name that the page does not know reads as `ink`.
    """

    card_id: UUID
    version: int
    updated_at: datetime
    name: str
    title: str
    email: str
    phone: str | None = None
    company: str | None = None
    website: str | None = None
    linkedin: str | None = None
    instagram: str | None = None
    bio: str | None = None
    address: str | None = None
    theme: str = "ink"

    @staticmethod
    def of(
        card_id: UUID, version: int, updated_at: datetime, details: dict[str, Any]
    ) -> "CardFace":
        """The face of a stored card."""
        return CardFace(card_id, version, updated_at, **details)

    @property
    def initials(self) -> str:
        """One or two letters for the monogram, a dot when the name has none."""
        words = unicodedata.normalize("NFC", self.name).split()
        letters = [found[0] for word in words if (found := [c for c in word if c.isalnum()])]
        if not letters:
            return "·"
        return "".join(letters[:1] + letters[1:][-1:]).upper()

    @property
    def website_link(self) -> str | None:
        """The website, if a browser may open it."""
        return safe_link(self.website)

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The places on networks, in the order in which they are shown."""
        found = (
            ("LinkedIn", profile_link("linkedin.com", "in/", self.linkedin)),
            ("Instagram", profile_link("instagram.com", "", self.instagram)),
        )
        return tuple(Profile(network, link) for network, link in found if link)


def safe_link(url: str | None) -> str | None:
    """The address if it is http or https; `javascript:` and the like are no links.

    Neither is what misleads (`https://bank.example@evil.example`) or could end a line or a value.
    """
    link = (url or "").strip()
    try:
        parts = urlsplit(link)
        host, user, _ = parts.hostname, parts.username, parts.port
    except ValueError:  # brackets or a port that make no sense
        return None
    if not host or user is not None or parts.scheme not in ("http", "https"):
        return None
    return link if all(c.isprintable() and c not in ' "<>\\^`{|}' for c in link) else None


def profile_link(host: str, folder: str, text: str | None) -> str | None:
    """A profile's address on `host`, from a handle (`ada`, `@ada`, `in/ada`) or an address.

    None when the address is one of another host: a link called LinkedIn leads to LinkedIn.
    """
    written = (text or "").strip()
    handle = written.lstrip("@/").removeprefix(folder).rstrip("/")
    if handle and "/" not in handle and ":" not in handle:
        return f"https://www.{host}/{folder}{quote(handle)}"
    link = safe_link(written if "://" in written else f"https://{written}")
    at = urlsplit(link).hostname if link else None
    return link if at == host or (at or "").endswith("." + host) else None


def shown(link: str) -> str:
    """An address as people write it: without scheme and slash."""
    return link.partition("://")[2].removeprefix("www.").rstrip("/")
