"""vCards that phones import, whatever people write into their cards."""

import re
from base64 import b64decode
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import vobject
from cards.card_details import Email, Link, Phone, PostalAddress
from cards.card_face import CardFace
from cards.cards.examples import BARE_FACE, FACE, SLUG
from cards.vcard import TYPES, Version, clean, escape, split_name, vcard, vcard_filename
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

GOLDEN = Path(__file__).parent / "golden"
PORTRAIT = (GOLDEN / "portrait.jpg").read_bytes()
PLAIN = replace(FACE, phones=(), emails=(), addresses=(), links=())
FULL_OF_SIGNS = replace(
    FACE,
    name="Zoë; van der Straße, \\ 王小明",
    company="Éclairs, Fils; & Cie",
    bio="First line.\nBEGIN:VCARD\r\nEND:VCARD\n" + "🜁 élan vital, " * 12,
    address="14 rue des Tanneurs\n67000 Strasbourg",
    phones=(Phone("+33 3 88 00 00 00", "Büro; 2, \\"), Phone("+33 6 00 00 00 00", "Mobile")),
    emails=(Email("zoë@müller.example", "END:VCARD"),),
    addresses=(PostalAddress("1, place\r\nKléber;\\", "privé"),),
    links=(Link("https://x.example/a,b;c?d=\u00e9", "Carte; des, vins\nTEL:1"),),
)
PAGE = f"https://cards.example/view/{SLUG}"
FIELDS = {
    "name": "FN",
    "title": "TITLE",
    "email": "EMAIL",
    "phone": "TEL",
    "company": "ORG",
    "bio": "NOTE",
    "address": "ADR",
}
TEXTS = st.fixed_dictionaries({field: st.text(min_size=1) for field in FIELDS})
VERSIONS: tuple[Version, ...] = ("3.0", "4.0")
versions = pytest.mark.parametrize("version", VERSIONS)


def properties(card: bytes) -> list[tuple[str, str]]:
    """What a reader finds: each property's name and raw value."""
    assert card.endswith(b"\r\n")
    lines = card.decode().replace("\r\n ", "").removesuffix("\r\n").split("\r\n")
    return [(re.split("[;:]", line)[0], line.partition(":")[2]) for line in lines]


def unescape(value: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


@versions
@pytest.mark.parametrize(("file", "face"), [("ada", FACE), ("signs", FULL_OF_SIGNS)])
def test_a_card_becomes_the_golden_vcard(file: str, face: CardFace, version: Version) -> None:
    golden = (GOLDEN / f"{file}-{version}.vcf").read_bytes()

    assert vcard(face, page_url=PAGE, version=version) == golden


@versions
def test_a_card_whose_owner_shows_a_picture_becomes_the_golden_vcard(version: Version) -> None:
    golden = (GOLDEN / f"ada-portrait-{version}.vcf").read_bytes()

    assert vcard(FACE, page_url=PAGE, version=version, portrait=PORTRAIT) == golden


def test_another_reader_finds_the_picture_and_can_open_it() -> None:
    three, four = (
        vcard(FACE, page_url=PAGE, version=version, portrait=PORTRAIT) for version in VERSIONS
    )

    photo = read_by_another(three).photo
    # an address is not escaped in 4.0, and by the rules of 3.0 it would end at the comma
    head, _, data = dict(properties(four))["PHOTO"].partition(",")

    assert photo.params == {"ENCODING": ["b"], "TYPE": ["JPEG"]}
    assert head == "data:image/jpeg;base64"
    for found in (photo.value, b64decode(data, validate=True)):
        assert found == PORTRAIT
        with Image.open(BytesIO(found)) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("JPEG", (256, 256))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=2_000), st.sampled_from(["3.0", "4.0"]))
def test_a_picture_stays_in_its_property_whatever_its_bytes_are(
    portrait: bytes, version: Version
) -> None:
    usual = properties(vcard(FACE, page_url=PAGE, version=version))

    card = vcard(FACE, page_url=PAGE, version=version, portrait=portrait)

    assert all(len(line) <= 75 for line in card.split(b"\r\n"))
    found = properties(card)
    assert [pair for pair in found if pair[0] != "PHOTO"] == usual
    assert b64decode(dict(found)["PHOTO"].partition(",")[2] or dict(found)["PHOTO"]) == portrait


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["3.0", "4.0"]))
def test_any_text_comes_back_and_stays_in_its_property(
    texts: dict[str, str], version: Version
) -> None:
    usual = properties(vcard(PLAIN, page_url=PAGE, version=version))

    card = vcard(replace(PLAIN, **texts), page_url=PAGE, version=version)

    found = properties(card)
    assert all(len(line) <= 75 for line in card.split(b"\r\n"))
    assert [name for name, _ in found] == [name for name, _ in usual]
    values = dict(found)
    values["ADR"] = values["ADR"].removeprefix(";;").removesuffix(";;;;")
    assert {field: unescape(values[FIELDS[field]]) for field in texts} == {
        field: clean(text) for field, text in texts.items()
    }


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.text(min_size=1), st.text(max_size=40)), max_size=4),
    TEXTS,
    st.sampled_from(["3.0", "4.0"]),
)
def test_another_reader_finds_every_text_where_it_belongs(
    pairs: list[tuple[str, str]], texts: dict[str, str], version: Version
) -> None:
    face = replace(
        PLAIN,
        **texts,
        phones=tuple(Phone(*pair) for pair in pairs),
        emails=tuple(Email(*pair) for pair in pairs),
        addresses=tuple(PostalAddress(*pair) for pair in pairs),
        links=tuple(Link("https://x.example/a?b=c", label) for _, label in pairs),
    )

    card = read_by_another(vcard(face, page_url=PAGE, version=version))

    assert values(card, "fn") == [clean(face.name)]
    assert values(card, "note") == [clean(face.bio or "")]
    assert values(card, "tel") == [clean(phone.number) for phone in face.every_phone]
    assert values(card, "email") == [clean(email.email) for email in face.every_email]
    assert [place.street for place in values(card, "adr")] == [
        clean(place.address) for place in face.every_address
    ]
    assert values(card, "url").count("https://x.example/a?b=c") == len(pairs)
    labels = [clean(text) for _, text in pairs if text and text.casefold() not in TYPES]
    further = [label for label in labels for _ in range(3)]
    shown = [clean(link.label) for link in face.shown_links]
    assert sorted(values(card, "x-ablabel")) == sorted(further + shown)


def read_by_another(card: bytes) -> Any:
    """What vobject reads; 4.0 it does not know, and reads by the rules of 3.0, which suffice."""
    return vobject.readOne(card.decode().replace("VERSION:4.0", "VERSION:3.0"))


def values(card: Any, name: str) -> list[Any]:
    return [line.value for line in card.contents.get(name, [])]


@versions
def test_labels_are_types_where_the_format_has_one_else_words_of_the_same_group(
    version: Version,
) -> None:
    lines = vcard(FULL_OF_SIGNS, page_url=PAGE, version=version).decode().replace("\r\n ", "")

    assert "item1.X-ABLabel:END:VCARD\r\n" in lines
    assert "item2.TEL:+33 3 88 00 00 00\r\nitem2.X-ABLabel:Büro\\; 2\\, \\\\\r\n" in lines
    assert "TEL;TYPE=CELL:+33 6 00 00 00 00\r\n" in lines
    assert "ADR;TYPE=HOME:;;1\\, place\\nKléber\\;\\\\;;;;\r\n" in lines
    assert "item3.X-ABLabel:Carte\\; des\\, vins\\nTEL:1\r\n" in lines


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_no_link_starts_a_property_of_its_own(website: str, linkedin: str, instagram: str) -> None:
    face = replace(
        FACE, website=f"https://x.example/{website}", linkedin=linkedin, instagram=instagram
    )

    card = vcard(face, page_url=PAGE)

    names = [name for name, _ in properties(card)]
    usual = [name for name, _ in properties(vcard(FACE, page_url=PAGE))]
    assert [name for name in names if name not in ("URL", "X-SOCIALPROFILE")] == [
        name for name in usual if name not in ("URL", "X-SOCIALPROFILE")
    ]
    assert len(card.splitlines()) == card.count(b"\r\n")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("tab\tstays", "tab\tstays"),
        ("bell\a and \x00 go", "bell and  go"),
    ],
)
def test_only_what_no_vcard_can_hold_is_cleaned_away(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_a_field_cannot_start_a_property_of_its_own() -> None:
    assert escape("x\r\nTEL:1;2,3\\") == "x\\nTEL:1\\;2\\,3\\\\"


@versions
def test_what_a_card_leaves_open_is_left_out(version: Version) -> None:
    face = replace(BARE_FACE, name="Jo", title="Baker", email="jo@x.example")

    names = {name for name, _ in properties(vcard(face, page_url=PAGE, version=version))}

    assert names.isdisjoint({"ORG", "TEL", "ADR", "NOTE", "X-SOCIALPROFILE"})
    assert names >= {"N", "FN", "TITLE", "EMAIL", "URL", "SOURCE", "REV", "UID"}


def test_the_revision_is_in_utc() -> None:
    noon_in_paris = datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))

    card = vcard(replace(FACE, updated_at=noon_in_paris), page_url=PAGE)

    assert dict(properties(card))["REV"] == "20260701T100000Z"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Ada Lovelace", ("Lovelace", "Ada")),
        ("Madonna", ("", "Madonna")),
        ("王小明", ("", "王小明")),
        ("Ada King Lovelace", ("Lovelace", "Ada King")),
        ("Ludwig van Beethoven", ("van Beethoven", "Ludwig")),
        ("Rogier van der Weyden", ("van der Weyden", "Rogier")),
        ("van Beethoven", ("Beethoven", "van")),
        ("", ("", "")),
    ],
)
def test_a_display_name_is_split_as_far_as_it_tells(name: str, split: tuple[str, str]) -> None:
    assert split_name(name) == split


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ('Zoë "X" Ümläut/..', "zoe-x-umlaut.vcf"),
        ("王", "card.vcf"),
        ("../../etc/passwd\r\nX: y", "etc-passwd-x-y.vcf"),
        ("a" * 59 + " b", "a" * 59 + ".vcf"),
    ],
)
def test_the_file_name_is_plain(name: str, file: str) -> None:
    assert vcard_filename(replace(FACE, name=name)) == file
