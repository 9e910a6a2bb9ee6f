"""The page behind the QR code: text stays text, languages are heard, everybody can read it."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from uuid import UUID

import pytest
from cards.card_face import CardFace
from cards.cards.examples import BARE_FACE, FACE
from cards.page_texts import Language
from cards.public_page import (
    LANDING_STYLE,
    STYLE,
    Page,
    Places,
    link_key,
    links_of,
    preferred_language,
    render_card,
    render_landing,
    render_missing,
)
from cards.qr import QrOptions, qr_inline
from hypothesis import given, settings
from hypothesis import strategies as st

PLACES = Places("https://cards.example", "ada", "k7m2xq9wd4hc")
PAGE = "https://cards.example/view/ada"
ROOT = "/view/k7m2xq9wd4hc/"
QR = qr_inline("x", QrOptions())
PORTRAYED = replace(FACE, portrait_id=UUID("01990000-0000-7000-8000-00000000d001"))
languages = pytest.mark.parametrize("language", ["en", "fr"])


def page(face: CardFace, language: Language = "en") -> str:
    return whole_page(face, language).html


def whole_page(face: CardFace, language: Language = "en") -> Page:
    return render_card(face, places=PLACES, qr_svg=QR, language=language)


def pages(language: Language) -> list[Page]:
    """One of every kind."""
    return [
        whole_page(FACE, language),
        whole_page(replace(FACE, theme="plum", accent="#ffee00"), language),
        whole_page(PORTRAYED, language),
        render_missing(language),
        render_landing(language, demo=None, demo_page="", qr_svg=""),
        render_landing(language, demo=FACE, demo_page="/view/ada", qr_svg=QR),
        render_landing(language, demo=PORTRAYED, demo_page="/view/ada", qr_svg=QR),
    ]


class Elements(HTMLParser):
    """Every element with its attributes, and the text, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> set[str | None]:
        return {attributes.get("href") for tag, attributes in self.found if tag == "a"}


class Nesting(HTMLParser):
    """What is still open at the end, or was closed in the wrong order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img", "wbr", "path", "circle", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "circle", "rect"):
            assert self.open.pop() == tag


@settings(deadline=None)
@given(st.sampled_from(["name", "title", "email", "phone", "company", "bio", "address"]), st.text())
def test_whatever_is_written_is_shown_as_text(field: str, text: str) -> None:
    attack = f"{text}\"'><script>alert(1)</script><img src=x onerror=1>"

    elements = Elements(page(replace(FACE, **{field: attack})))

    assert "script" not in {tag for tag, _ in elements.found}
    assert [a["src"] for tag, a in elements.found if tag == "img"] == [ROOT + "seen.gif"]
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert "<script>alert(1)</script>" in elements.text


def pictures(html: str) -> dict[str | None, str | None]:
    """What each picture says in words."""
    return {a.get("src"): a.get("alt") for tag, a in Elements(html).found if tag == "img"}


@settings(deadline=None)
@given(st.text())
def test_a_picture_of_the_owner_says_in_words_whose_it_is(text: str) -> None:
    attack = f"{text}\"'><script>alert(1)</script>"

    shown = pictures(page(replace(PORTRAYED, name=attack)))

    assert shown[ROOT + "portrait.jpg"] == f"Portrait of {attack}"
    assert shown.keys() == {ROOT + "portrait.jpg", ROOT + "seen.gif"}


@languages
def test_a_monogram_stands_where_there_is_no_picture(language: Language) -> None:
    names = [
        {str(attributes.get("class")) for _, attributes in Elements(page(face, language)).found}
        for face in (FACE, PORTRAYED)
    ]

    assert "monogram" in names[0]
    assert "portrait u-photo" not in names[0]
    assert "monogram" not in names[1]
    assert {"portrait u-photo", "h-card portrayed"} <= names[1]


@languages
def test_nothing_is_loaded_from_elsewhere(language: Language) -> None:
    told = {PAGE, ROOT + "contact.vcf", ROOT + "seen.gif", ROOT + "portrait.jpg"}
    for shown in pages(language):
        loading = {
            attributes.get("src") or attributes.get("href")
            for tag, attributes in Elements(shown.html).found
            if tag not in ("a", "meta") and ("src" in attributes or "href" in attributes)
        }
        assert {address for address in loading if not str(address).startswith("data:")} <= told
    for style in (STYLE, LANDING_STYLE):
        assert "url(" not in style
        assert "@import" not in style


@languages
def test_the_policy_allows_exactly_what_the_page_has(language: Language) -> None:
    for shown in pages(language):
        styles = re.findall(r"<style>(.*?)</style>", shown.html, re.DOTALL)
        hashes = [b64encode(sha256(style.encode()).digest()).decode() for style in styles]

        assert re.findall(r"'sha256-([^']+)'", shown.policy) == hashes
        assert shown.policy.startswith("default-src 'none'; ")
        assert "http" not in shown.policy
        assert "style" not in {name for _, found in Elements(shown.html).found for name in found}


@languages
def test_every_element_is_closed_where_it_should_be(language: Language) -> None:
    for shown in pages(language):
        assert Nesting(shown.html).open == []


def test_every_way_to_reach_somebody_can_be_tapped() -> None:
    ways = links_of(FACE)

    assert Elements(page(FACE)).links() == {
        ROOT + "contact.vcf",
        ROOT + "qr.png",
        "mailto:?body=https%3A//cards.example/view/ada",
        "sms:?&body=https%3A//cards.example/view/ada",
        "tel:+442079460958",
        *(f"tel:{phone.number.replace(' ', '')}" for phone in FACE.phones),
        "mailto:ada@example.org",
        *(f"mailto:{mail.email}" for mail in FACE.emails),
        *(f"{ROOT}go/{key}" for key in ways),
    }
    assert set(ways.values()) >= {
        "https://example.org",
        "https://www.openstreetmap.org/search?query=12%20St%20James%27s%20Square%2C%20London",
        "https://www.linkedin.com/in/ada-lovelace",
        "https://www.instagram.com/ada",
        *(link.url for link in FACE.links),
    }
    assert all(key == link_key(link) for key, link in ways.items())


def test_labels_are_in_the_readers_language_or_the_owners_words() -> None:
    english, french = Elements(page(FACE)).text, Elements(page(FACE, "fr")).text

    assert "Work" in english
    assert "Professionnel" in french
    assert "Reception" in english
    assert "Reception" in french


def test_only_a_public_card_is_for_search_engines() -> None:
    robots = ("meta", {"name": "robots", "content": "noindex"})

    assert robots not in Elements(page(FACE)).found
    assert robots in Elements(page(replace(FACE, visibility="unlisted"))).found


def test_a_page_that_the_code_led_to_says_so_to_its_pixel() -> None:
    scanned = replace(PLACES, scanned=True)

    html = render_card(FACE, places=scanned, qr_svg=QR, language="en").html

    assert f'src="{ROOT}seen.gif?via=qr"' in html


def test_the_landing_page_shows_the_card_as_it_is() -> None:
    shown = render_landing("en", demo=FACE, demo_page="/view/ada", qr_svg=QR)
    elements = Elements(shown.html)

    assert "Ada Lovelace" in elements.text
    assert "/view/ada" in elements.links()
    assert (
        "/view/ada"
        not in Elements(render_landing("en", demo=None, demo_page="", qr_svg="").html).links()
    )


def test_what_a_card_leaves_open_is_left_out() -> None:
    bare = replace(BARE_FACE, name="Jo", title="Baker", email="jo@x.example")

    elements = Elements(page(bare))

    assert {str(link).partition("?")[0] for link in elements.links()} == {
        ROOT + "contact.vcf",
        ROOT + "qr.png",
        "mailto:jo@x.example",
        "mailto:",
        "sms:",
    }
    assert "About" not in elements.text
    assert "None" not in elements.text


@languages
def test_a_page_says_its_language_and_what_it_shows(language: Language) -> None:
    found = Elements(page(FACE, language)).found

    shared = {a["property"]: a["content"] for tag, a in found if tag == "meta" and "property" in a}
    assert ("html", {"lang": language}) in found
    assert shared["og:title"] == "Ada Lovelace"
    assert shared["og:description"] == "Analyst, Analytical Engines"
    assert shared["og:url"] == PAGE
    assert shared["og:image"] == "https://cards.example" + ROOT + "share.png"
    assert [tag for tag, _ in found].count("h1") == 1


def test_french_speaks_french() -> None:
    assert "Enregistrer le contact" in page(FACE, "fr")
    assert '<html lang="fr">' in render_missing("fr").html
    assert "Il n’y a pas de carte ici" in render_missing("fr").html


def test_a_missing_card_is_not_for_search_engines() -> None:
    assert ("meta", {"name": "robots", "content": "noindex"}) in Elements(
        render_missing("en").html
    ).found


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en;q=0.5, fr;q=0.7", "fr"),
        ("de, en;q=0.4, fr;q=0.2", "en"),
        ("de-CH, de;q=0.9, FR ; q=0.3", "fr"),
        ("frr, gsw", "en"),
        ("fr;q=0, *", "en"),
        ("fr;q=nonsense", "en"),
        ("fr;q=inf, en;q=0.1", "en"),
    ],
)
def test_the_reader_chooses_the_language(accept: str | None, language: str) -> None:
    assert preferred_language(accept) == language
