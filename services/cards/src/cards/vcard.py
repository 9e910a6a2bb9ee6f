"""A card as phones import it: vCard 3.0 (RFC 2426) and 4.0 (RFC 6350).

Written by hand: the kept library for it (vobject) knows 3.0 only, and the format's three rules
(escape, fold at 75 octets, CRLF) are shorter than its use.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC
from typing import Literal

from cards.card_face import CardFace

Version = Literal["3.0", "4.0"]

FOLD_AT = 75
PARTICLES = frozenset(
    [
        "af",
        "al",
        "av",
        "bin",
        "da",
        "de",
        "del",
        "della",
        "den",
        "der",
        "di",
        "dos",
        "du",
        "el",
        "ibn",
        "la",
        "le",
        "ten",
        "ter",
        "van",
        "von",
        "zu",
        "zum",
        "zur",
    ]
)
_LINE_ENDS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def vcard(face: CardFace, *, page_url: str, version: Version = "3.0") -> bytes:
    """The card in UTF-8 with CRLF. `page_url` is the card's public page."""
    lines = [
        "BEGIN:VCARD",
        f"VERSION:{version}",
        *_identity(face),
        *_ways_to_reach(face, version),
        *_links(face, page_url),
        f"REV:{face.updated_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        "END:VCARD",
    ]
    return b"".join(fold(line) for line in lines)


def vcard_filename(face: CardFace) -> str:
    """A file name of plain letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", face.name).encode("ascii", "ignore").decode()
    return (re.sub(r"[^A-Za-z0-9]+", "-", plain).lower()[:60].strip("-") or "card") + ".vcf"


def clean(text: str) -> str:
    """The text without what no vCard can hold: every line end is LF, controls are gone."""
    return _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text))


def escape(text: str) -> str:
    """A text value in which nothing can end the value or the line."""
    return re.sub(r"([\\;,])", r"\\\1", clean(text)).replace("\n", "\\n")


def fold(line: str) -> bytes:
    """The line with CRLF, broken between characters into lines of at most 75 octets."""
    parts: list[bytes] = []
    part = b""
    for character in line:
        octets = character.encode()
        if len(part) + len(octets) > FOLD_AT:
            parts.append(part)
            part = b" "
        part += octets
    return b"\r\n".join([*parts, part]) + b"\r\n"


def split_name(name: str) -> tuple[str, str]:
    """Family and given name, as far as a display name tells.

    The family is the last word with the particles before it, as in van Beethoven; of one word
    nobody can tell, so it is the given name.
    """
    words = name.split()
    start = len(words) - 1
    while start > 1 and words[start - 1] in PARTICLES:
        start -= 1
    return ("", name.strip()) if start < 1 else (" ".join(words[start:]), " ".join(words[:start]))


def _identity(face: CardFace) -> Iterator[str]:
    family, given = split_name(face.name)
    yield f"UID:urn:uuid:{face.card_id}"
    yield f"N:{escape(family)};{escape(given)};;;"
    yield f"FN:{escape(face.name)}"
    yield f"TITLE:{escape(face.title)}"
    if face.company:
        yield f"ORG:{escape(face.company)}"
    if face.bio:
        yield f"NOTE:{escape(face.bio)}"


def _ways_to_reach(face: CardFace, version: Version) -> Iterator[str]:
    mail, phone = ("work", "cell") if version == "4.0" else ("INTERNET", "CELL")
    yield f"EMAIL;TYPE={mail}:{escape(face.email)}"
    if face.phone:
        yield f"TEL;TYPE={phone}:{escape(face.phone)}"
    if face.address:
        yield f"ADR;TYPE=WORK:;;{escape(face.address)};;;;"


def _links(face: CardFace, page_url: str) -> Iterator[str]:
    # Addresses are not escaped, the format has them as they are; `safe_link` keeps them in line.
    if face.website_link:
        yield f"URL:{face.website_link}"
    for profile in face.profiles:
        yield f"X-SOCIALPROFILE;TYPE={profile.network.lower()}:{profile.link}"
    yield f"URL:{page_url}"  # phones show a URL, and ignore the SOURCE from which to refresh
    yield f"SOURCE:{page_url}"
