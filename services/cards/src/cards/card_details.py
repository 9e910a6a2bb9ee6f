"""What stands on a card: one value for the log, the tables to read, the page and the vCard."""

from dataclasses import dataclass
from typing import Literal

Visibility = Literal["public", "unlisted", "private"]
"""Who finds a card: everybody, those who have its address, or its owner alone."""

Theme = Literal["ink", "linen", "moss", "plum"]
"""The looks that a page can have."""


@dataclass(frozen=True)
class Phone:
    """A number and what it is for: `work`, `mobile`, or words of the owner's."""

    number: str
    label: str = ""


@dataclass(frozen=True)
class Email:
    """An e-mail address and what it is for."""

    email: str
    label: str = ""


@dataclass(frozen=True)
class PostalAddress:
    """A place as one writes it on an envelope, and what it is."""

    address: str
    label: str = ""


@dataclass(frozen=True)
class Link:
    """An http or https address and the words to show for it."""

    url: str
    label: str = ""


@dataclass(frozen=True)
class CardDetails:
    """All that its owner wrote on a card.

    `phones`, `emails`, `addresses` and `links` are further ones, in the order of the owner.
    `theme` names the look of the page, `accent` (#rrggbb) is the owner's colour instead of the
    theme's; what the page does not know it shows as `ink`.
    """

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
    phones: tuple[Phone, ...] = ()
    emails: tuple[Email, ...] = ()
    addresses: tuple[PostalAddress, ...] = ()
    links: tuple[Link, ...] = ()
    theme: str = "ink"
    accent: str | None = None


ERASED = CardDetails(name="", title="", email="")
"""What a card says once its owner was erased."""
