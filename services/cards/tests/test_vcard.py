"""vCards that phones import, whatever people write into their cards."""

import re
from dataclasses import asdict, replace
from uuid import UUID

import pytest
from cards.card_face import CardFace
from cards.cards.examples import AT, CARD_ID, DETAILS
from cards.vcard import Version, escape, split_name, vcard, vcard_filename
from hypothesis import given
from hypothesis import strategies as st

FACE = CardFace.of(CARD_ID, 1, AT, asdict(DETAILS))
PAGE = f"https://cards.example/view/{CARD_ID}"


def properties(card: bytes) -> list[tuple[str, str]]:
    """Unfolded lines as (name with parameters, raw value)."""
    text = card.decode().replace("\r\n ", "")
    return [tuple(line.split(":", 1)) for line in text.split("\r\n") if line]  # type: ignore[misc] # pairs


def unescape(value: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


def test_a_card_becomes_the_golden_vcard() -> None:
    assert vcard(FACE, page_url=PAGE).decode().split("\r\n") == [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "UID:urn:uuid:01990000-0000-7000-8000-00000000c001",
        "N:Lovelace;Ada;;;",
        "FN:Ada Lovelace",
        "TITLE:Analyst",
        "ORG:Analytical Engines",
        "EMAIL;TYPE=INTERNET:ada@example.org",
        "TEL;TYPE=CELL:+44 20 7946 0958",
        "ADR;TYPE=WORK:;;12 St James's Square\\, London;;;;",
        "URL:https://example.org",
        "X-SOCIALPROFILE;TYPE=linkedin:https://www.linkedin.com/in/ada-lovelace",
        "X-SOCIALPROFILE;TYPE=instagram:https://www.instagram.com/ada",
        "NOTE:I write programmes for engines that are not built yet.",
        "SOURCE:https://cards.example/view/01990000-0000-7000-8000-00000000c001",
        "REV:20260131T120000Z",
        "END:VCARD",
        "",
    ]


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_both_versions_say_which_they_are(version: Version) -> None:
    assert ("VERSION", version) in properties(vcard(FACE, page_url=PAGE, version=version))


@given(st.text(), st.text(), st.sampled_from(["3.0", "4.0"]))
def test_no_text_escapes_from_its_property(name: str, bio: str, version: Version) -> None:
    face = replace(FACE, name=name, bio=bio or "x")

    card = vcard(face, page_url=PAGE, version=version)

    assert all(len(line) <= 75 for line in card.split(b"\r\n"))
    found = properties(card)
    assert len(found) == len(properties(vcard(FACE, page_url=PAGE, version=version)))
    lines = re.sub(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]", "\n", name)
    assert unescape(dict(found)["FN"]) == lines


def test_a_field_cannot_start_a_property_of_its_own() -> None:
    assert escape("x\r\nTEL:1;2,3\\") == "x\\nTEL:1\\;2\\,3\\\\"


@pytest.mark.parametrize(
    ("name", "split"),
    [("Ada Lovelace", ("Lovelace", "Ada")), ("Madonna", ("", "Madonna")), ("A B C", ("C", "A B"))],
)
def test_a_display_name_is_split_as_far_as_it_tells(name: str, split: tuple[str, str]) -> None:
    assert split_name(name) == split


def test_a_script_is_no_link() -> None:
    face = replace(FACE, website="javascript:alert(1)", linkedin=None, instagram=None)

    assert face.links == []


def test_the_file_name_is_plain() -> None:
    assert vcard_filename(replace(FACE, name='Zoë "X" Ümläut/..')) == "zoe-x-umlaut.vcf"
    assert vcard_filename(replace(FACE, name="王")) == "card.vcf"
    assert isinstance(FACE.card_id, UUID)
