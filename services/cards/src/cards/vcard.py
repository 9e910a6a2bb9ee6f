"""A card as phones import it: vCard 3.0 (RFC 2426) and 4.0 (RFC 6350).

Written by hand: vobject, the library that is kept, writes 4.0 by the rules of 3.0, escapes web
addresses (phones then open wrong ones) and lets control characters pass; the package `vcard` only
checks. The format's three rules (escape, fold at 75 octets, CRLF) are shorter than their use. The
tests read what is written here with vobject.

The picture stands in it, at the end: of a link to one telephones take no notice.
"""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC
from itertools import count
from typing import Literal

from cards.card_face import CardFace

Version = Literal["3.0", "4.0"]

FOLD_AT = 75
PARTICLES = frozenset(
    [
        *("af", "al", "av", "bin", "da", "de", "del", "della", "den", "der", "di", "dos", "du"),
        *("el", "ibn", "la", "le", "ten", "ter", "van", "von", "zu", "zum", "zur"),
    ]
)
TYPES = {
    "home": "HOME",
    "private": "HOME",
    "privé": "HOME",
    "work": "WORK",
    "office": "WORK",
    "bureau": "WORK",
    "mobile": "CELL",
    "cell": "CELL",
    "fax": "FAX",
    "pager": "PAGER",
}
"""Labels for which the format has a type (RFC 2426, 3.3.1)."""
_LINE_ENDS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def vcard(
    face: CardFace, *, page_url: str, version: Version = "3.0", portrait: bytes | None = None
) -> bytes:
    """The card in UTF-8 with CRLF. `page_url` is its public page, `portrait` a JPEG to embed."""
    lines = [
        "BEGIN:VCARD",
        f"VERSION:{version}",
        *_identity(face),
        *_ways_to_reach(face, version),
        *_links(face, page_url),
        *_photo(portrait, version),
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
    if line.isascii():  # a photo has hundreds of such lines
        starts = range(FOLD_AT, len(line), FOLD_AT - 1)
        pieces = [line[:FOLD_AT], *(f" {line[n : n + FOLD_AT - 1]}" for n in starts)]
        return ("\r\n".join(pieces) + "\r\n").encode()
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
    groups = count(1)
    yield f"EMAIL;TYPE={mail}:{escape(face.email)}"
    for further in face.emails:
        internet = () if version == "4.0" else ("INTERNET",)
        yield from _labelled("EMAIL", further.label, escape(further.email), groups, internet)
    if face.phone:
        yield f"TEL;TYPE={phone}:{escape(face.phone)}"
    for number in face.phones:
        yield from _labelled("TEL", number.label, escape(number.number), groups)
    if face.address:
        yield f"ADR;TYPE=WORK:{_place(face.address)}"
    for place in face.addresses:
        yield from _labelled("ADR", place.label, _place(place.address), groups)
    for link in face.shown_links:
        yield from _labelled("URL", link.label, link.url, groups)


def _labelled(
    name: str, label: str, value: str, groups: Iterator[int], types: Sequence[str] = ()
) -> Iterator[str]:
    """A property whose label phones show: as a type where the format has one, else in words.

    Words stand in X-ABLabel of the same group, as Apple and Google write and read them.
    """
    kind = TYPES.get(label.casefold()) if name != "URL" else None
    written = "".join(f";TYPE={type}" for type in (*types, *((kind,) if kind else ())))
    if kind or not label:
        yield f"{name}{written}:{value}"
        return
    group = f"item{next(groups)}"
    yield f"{group}.{name}{written}:{value}"
    yield f"{group}.X-ABLabel:{escape(label)}"


def _place(address: str) -> str:
    """The seven parts of an address; ours is one text, and the street shows it whole."""
    return f";;{escape(address)};;;;"


def _links(face: CardFace, page_url: str) -> Iterator[str]:
    # Addresses are not escaped, the format has them as they are; `safe_link` keeps them in line.
    if face.website_link:
        yield f"URL:{face.website_link}"
    for profile in face.profiles:
        yield f"X-SOCIALPROFILE;TYPE={profile.network.lower()}:{profile.link}"
    yield f"URL:{page_url}"  # phones show a URL, and ignore the SOURCE from which to refresh
    yield f"SOURCE:{page_url}"


def _photo(portrait: bytes | None, version: Version) -> Iterator[str]:
    if portrait:
        head = (
            "PHOTO:data:image/jpeg;base64," if version == "4.0" else "PHOTO;ENCODING=b;TYPE=JPEG:"
        )
        yield head + b64encode(portrait).decode()
