"""A card as phones import it: vCard 3.0 (RFC 2426) and 4.0 (RFC 6350).

Written by hand: the kept library for it (vobject) knows 3.0 only, and the format's three rules
(escape, fold at 75 octets, CRLF) are shorter than its use.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

from cards.card_face import CardFace

Version = Literal["3.0", "4.0"]
FOLD_AT = 75


def vcard(face: CardFace, *, page_url: str, version: Version = "3.0") -> bytes:
    """The card in UTF-8 with CRLF. `page_url` is the card's public page."""
    lines = [
        "BEGIN:VCARD",
        f"VERSION:{version}",
        *_properties(face, page_url, version),
        "END:VCARD",
    ]
    return b"".join(fold(line) for line in lines)


def vcard_filename(face: CardFace) -> str:
    """A file name of plain letters."""
    plain = unicodedata.normalize("NFKD", face.name).encode("ascii", "ignore").decode()
    return (re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:60] or "card") + ".vcf"


def escape(text: str) -> str:
    """A text value in which nothing can end the value or the line."""
    text = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return re.sub(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]", "\\\\n", text)


def fold(line: str) -> bytes:
    """The line with CRLF, broken so that no physical line has more than 75 octets."""
    parts: list[bytes] = []
    part = b""
    for character in line:
        octets = character.encode()
        limit = FOLD_AT if not parts else FOLD_AT - 1
        if len(part) + len(octets) > limit:
            parts.append(part)
            part = b""
        part += octets
    return b"\r\n ".join([*parts, part]) + b"\r\n"


def _properties(face: CardFace, page_url: str, version: Version) -> Iterator[str]:
    family, given = split_name(face.name)
    mail, phone = ("TYPE=work", "TYPE=cell") if version == "4.0" else ("TYPE=INTERNET", "TYPE=CELL")
    yield f"UID:urn:uuid:{face.card_id}"
    yield f"N:{escape(family)};{escape(given)};;;"
    yield f"FN:{escape(face.name)}"
    yield f"TITLE:{escape(face.title)}"
    if face.company:
        yield f"ORG:{escape(face.company)}"
    yield f"EMAIL;{mail}:{escape(face.email)}"
    if face.phone:
        yield f"TEL;{phone}:{escape(face.phone)}"
    if face.address:
        yield f"ADR;TYPE=WORK:;;{escape(face.address)};;;;"
    for label, link in face.links:
        is_profile = label in ("LinkedIn", "Instagram")
        yield (
            f"X-SOCIALPROFILE;TYPE={label.lower()}:{_uri(link)}"
            if is_profile
            else f"URL:{_uri(link)}"
        )
    if face.bio:
        yield f"NOTE:{escape(face.bio)}"
    yield f"SOURCE:{_uri(page_url)}"
    yield f"REV:{face.updated_at:%Y%m%dT%H%M%SZ}"


def split_name(name: str) -> tuple[str, str]:
    """Family and given name, as far as a display name tells: the last word is the family."""
    words = name.split()
    return (words[-1], " ".join(words[:-1])) if len(words) > 1 else ("", name.strip())


def _uri(link: str) -> str:
    return "".join(c for c in link if c.isprintable() and not c.isspace())
