"""What a card shows to the world: one value for the page, the vCard and the QR code."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, urlsplit
from uuid import UUID

from cards.card_details import CardDetails, Email, Link, Phone, PostalAddress, Visibility


@dataclass(frozen=True)
class Profile:
    """A person's place on a network; `link` opens it."""

    network: str
    link: str


@dataclass(frozen=True, kw_only=True)
class CardFace(CardDetails):
    """A card as its readers meet it; the properties are what may be shown of it.

    `slug` is its permanent address, made by chance; `handle` the one that its owner chose;
    `portrait_id` names the picture of its owner, None where the card shows none.
    """

    card_id: UUID
    version: int
    updated_at: datetime
    slug: str
    handle: str | None = None
    visibility: Visibility = "public"
    portrait_id: UUID | None = None

    @property
    def initials(self) -> str:
        """One or two letters for the monogram, a dot when the name has none."""
        words = unicodedata.normalize("NFC", self.name).split()
        letters = [found[0] for word in words if (found := [c for c in word if c.isalnum()])]
        if not letters:
            return "·"
        return "".join(letters[:1] + letters[1:][-1:]).upper()

    @property
    def every_phone(self) -> tuple[Phone, ...]:
        """The main number and the further ones."""
        return (*((Phone(self.phone),) if self.phone else ()), *self.phones)

    @property
    def every_email(self) -> tuple[Email, ...]:
        """The main address and the further ones."""
        return (Email(self.email), *self.emails)

    @property
    def every_address(self) -> tuple[PostalAddress, ...]:
        """The main place and the further ones."""
        return (*((PostalAddress(self.address),) if self.address else ()), *self.addresses)

    @property
    def shown_links(self) -> tuple[Link, ...]:
        """The owner's links that a browser may open; one without words shows its address."""
        found = ((link, safe_link(link.url)) for link in self.links)
        return tuple(Link(url, link.label or shown(url)) for link, url in found if url)

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


class KnownCard(Protocol):
    """What the rules and the tables to read both know of a card."""

    @property
    def card_id(self) -> UUID: ...
    @property
    def details(self) -> CardDetails: ...
    @property
    def slug(self) -> str: ...
    @property
    def handle(self) -> str | None: ...
    @property
    def visibility(self) -> Visibility: ...
    @property
    def updated_at(self) -> datetime: ...


def face_of(card: KnownCard, version: int, portrait_id: UUID | None = None) -> CardFace:
    """The card as its readers meet it. A private one shows no picture: it is nobody's to see."""
    return CardFace(
        **vars(card.details),
        card_id=card.card_id,
        version=version,
        updated_at=card.updated_at,
        slug=card.slug,
        handle=card.handle,
        visibility=card.visibility,
        portrait_id=None if card.visibility == "private" else portrait_id,
    )


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
