"""The page behind the QR code: text stays text, languages are heard."""

from dataclasses import asdict, replace

import pytest
from cards.card_face import CardFace
from cards.cards.examples import AT, CARD_ID, DETAILS
from cards.public_page import Language, preferred_language, render_card, render_missing
from cards.qr import QrOptions, qr_inline

FACE = CardFace.of(CARD_ID, 1, AT, asdict(DETAILS))


def page(face: CardFace, language: Language = "en") -> str:
    return render_card(
        face,
        page_url="https://cards.example/view/x",
        vcard_url="/api/v1/cards/x/vcard",
        qr_svg=qr_inline("x", QrOptions()),
        language=language,
    )


def test_html_in_a_name_is_shown_as_text() -> None:
    html = page(replace(FACE, name="<script>alert(1)</script>", bio='"><img src=x onerror=1>'))

    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = page(replace(FACE, website=None, linkedin=None, instagram=None, address=None))

    links = [part for part in html.split('"') if part.startswith(("http:", "https:"))]
    assert set(links) == {"https://cards.example/view/x"}


def test_a_script_address_is_no_link() -> None:
    assert "javascript:" not in page(replace(FACE, website="javascript:alert(1)"))


def test_french_speaks_french() -> None:
    assert "Enregistrer le contact" in page(FACE, "fr")
    assert '<html lang="fr">' in render_missing("fr")


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en;q=0.5, fr;q=0.7", "fr"),
        ("de, en;q=0.4, fr;q=0.2", "en"),
        ("fr;q=nonsense", "en"),
    ],
)
def test_the_reader_chooses_the_language(accept: str | None, language: str) -> None:
    assert preferred_language(accept) == language


@pytest.mark.parametrize(
    ("name", "initials"), [("Ada Lovelace", "AL"), ("王小明", "王"), ("", "·"), ("  ", "·")]
)
def test_a_monogram_is_made_of_any_name(name: str, initials: str) -> None:
    assert replace(FACE, name=name.strip()).initials == initials
