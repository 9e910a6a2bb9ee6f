"""What a card shows to the world: one value for the page, the vCard and the QR code."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID


@dataclass(frozen=True)
class CardFace:
    """A card's public content."""

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

    @staticmethod
    def of(
        card_id: UUID, version: int, updated_at: datetime, details: dict[str, Any]
    ) -> "CardFace":
        """The face of a stored card."""
        return CardFace(card_id, version, updated_at, **details)

    @property
    def initials(self) -> str:
        """One or two letters for the monogram."""
        words = [word for word in self.name.split() if word[0].isalnum()] or [self.name or "·"]
        letters = [words[0][0], words[-1][0]] if len(words) > 1 else [words[0][0]]
        return "".join(letters).upper()

    @property
    def links(self) -> list[tuple[str, str]]:
        """Label and address of each link; only what a browser may open safely."""
        website = safe_link(self.website)
        found = [(shown(website), website)] if website else []
        for label, host, handle in (
            ("LinkedIn", "https://www.linkedin.com/in/", self.linkedin),
            ("Instagram", "https://www.instagram.com/", self.instagram),
        ):
            if handle:
                found.append((label, profile_link(host, handle)))
        return found


def safe_link(text: str | None) -> str | None:
    """The address if it is http or https; `javascript:` and the like are no links."""
    if not text:
        return None
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    return text.strip() if parts.scheme in ("http", "https") and parts.netloc else None


def profile_link(host: str, handle: str) -> str:
    """A profile's address: the given one, or the handle on its network."""
    return safe_link(handle) or host + quote(handle.strip().lstrip("@"), safe="")


def shown(link: str) -> str:
    """An address as people write it: without scheme and slash."""
    return link.partition("://")[2].removeprefix("www.").rstrip("/")
