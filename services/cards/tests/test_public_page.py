"""The page behind the QR code: text stays text, languages are heard, everybody can read it."""

import re
from base64 import b64encode
from dataclasses import asdict, replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from cards.card_face import CardFace, safe_link
from cards.cards.examples import AT, CARD_ID, DETAILS
from cards.public_page import (
    CONTENT_SECURITY_POLICY,
    STYLE,
    Language,
    preferred_language,
    render_card,
    render_missing,
)
from cards.qr import QrOptions, contrast, qr_inline
from hypothesis import given, settings
from hypothesis import strategies as st

FACE = CardFace.of(CARD_ID, 1, AT, asdict(DETAILS))
PAGE = "https://cards.example/view/x"
VCARD = "/api/v1/cards/x/vcard"
languages = pytest.mark.parametrize("language", ["en", "fr"])


def page(face: CardFace, language: Language = "en") -> str:
    qr = qr_inline("x", QrOptions())
    return render_card(face, page_url=PAGE, vcard_url=VCARD, qr_svg=qr, language=language)


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


@settings(deadline=None)
@given(st.sampled_from(["name", "title", "email", "phone", "company", "bio", "address"]), st.text())
def test_whatever_is_written_is_shown_as_text(field: str, text: str) -> None:
    attack = f"{text}\"'><script>alert(1)</script><img src=x onerror=1>"

    elements = Elements(page(replace(FACE, **{field: attack})))

    assert {tag for tag, _ in elements.found}.isdisjoint({"script", "img"})
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert "<script>alert(1)</script>" in elements.text


@languages
def test_nothing_is_loaded_from_elsewhere(language: Language) -> None:
    for html in (page(FACE, language), render_missing(language)):
        loading = [
            (tag, attributes.get("src") or attributes.get("href"))
            for tag, attributes in Elements(html).found
            if tag not in ("a", "meta") and ("src" in attributes or "href" in attributes)
        ]
        assert [
            (tag, address) for tag, address in loading if not str(address).startswith("data:")
        ] == ([("link", PAGE), ("link", VCARD)] if "canonical" in html else [])
    assert "url(" not in STYLE
    assert "@import" not in STYLE


@languages
def test_the_policy_allows_exactly_what_the_page_has(language: Language) -> None:
    for html in (page(FACE, language), render_missing(language)):
        style = html.partition("<style>")[2].partition("</style>")[0]
        digest = b64encode(sha256(style.encode()).digest()).decode()

        assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
        assert "style" not in {name for _, found in Elements(html).found for name in found}
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")


def test_every_way_to_reach_somebody_can_be_tapped() -> None:
    assert Elements(page(FACE)).links() == {
        VCARD,
        "tel:+442079460958",
        "mailto:ada@example.org",
        "https://example.org",
        "https://www.openstreetmap.org/search?query=12%20St%20James%27s%20Square%2C%20London",
        "https://www.linkedin.com/in/ada-lovelace",
        "https://www.instagram.com/ada",
    }


def test_what_a_card_leaves_open_is_left_out() -> None:
    bare = CardFace.of(CARD_ID, 1, AT, {"name": "Jo", "title": "Baker", "email": "jo@x.example"})

    elements = Elements(page(bare))

    assert elements.links() == {VCARD, "mailto:jo@x.example"}
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
    assert [tag for tag, _ in found].count("h1") == 1


def test_french_speaks_french() -> None:
    assert "Enregistrer le contact" in page(FACE, "fr")
    assert '<html lang="fr">' in render_missing("fr")
    assert "Il n’y a pas de carte ici" in render_missing("fr")


def test_a_missing_card_is_not_for_search_engines() -> None:
    assert ("meta", {"name": "robots", "content": "noindex"}) in Elements(
        render_missing("en")
    ).found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "ground"),
        ("soft", "ground"),
        ("ink", "paper"),
        ("accent", "paper"),
        ("on-accent", "accent"),
        ("on-card", "card"),
        ("on-card-soft", "card"),
        ("on-card-accent", "card"),
    ],
)
def test_every_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    light, dark = STYLE.partition("* { box-sizing")[0].split("@media", 1)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", dark))

    ratio = contrast(colours[text], colours[ground])

    assert max(ratio, 1 / ratio) >= 4.5


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


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Lovelace", "AL"),
        ("Ada King Lovelace", "AL"),
        ("(Ada) “Countess”", "AC"),
        ("E\u0301lodie", "É"),
        ("王小明", "王"),
        ("🜁", "·"),
        ("", "·"),
    ],
)
def test_a_monogram_is_made_of_any_name(name: str, initials: str) -> None:
    assert replace(FACE, name=name).initials == initials


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https://",
        "https://bank.example@evil.example",
        "https://x.example/\r\nTEL:1",
        "https://x.example:port/",
        "https://[x/",
        "ftp://x.example",
        "",
        None,
    ],
)
def test_only_a_web_address_is_a_link(url: str | None) -> None:
    assert safe_link(url) is None


@pytest.mark.parametrize(
    "url", ["https://x.example", "HTTP://x.example/a?b=c#d", "https://é.example"]
)
def test_a_web_address_is_kept_as_written(url: str) -> None:
    assert safe_link(f" {url} ") == url


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("ada-lovelace", "https://www.linkedin.com/in/ada-lovelace"),
        (" @ada.l ", "https://www.linkedin.com/in/ada.l"),
        ("in/ada/", "https://www.linkedin.com/in/ada"),
        ("Zoë", "https://www.linkedin.com/in/Zo%C3%AB"),
        ("a?b#c", "https://www.linkedin.com/in/a%3Fb%23c"),
        ("linkedin.com/in/ada", "https://linkedin.com/in/ada"),
        ("https://fr.linkedin.com/in/ada", "https://fr.linkedin.com/in/ada"),
        ("https://linkedin.com.evil.example/in/ada", None),
        ("https://evil.example/linkedin.com", None),
        ("javascript:alert(1)", None),
        ("@", None),
        ("", None),
    ],
)
def test_a_handle_and_an_address_lead_to_the_same_place(written: str, link: str | None) -> None:
    face = replace(FACE, linkedin=written, instagram=None)

    assert [profile.link for profile in face.profiles] == ([link] if link else [])
