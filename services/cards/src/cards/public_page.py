"""The page behind a card's QR code: server-rendered, no script, nothing from other hosts."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Literal
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cards.card_face import CardFace, shown

Language = Literal["en", "fr"]

STYLE = (files("cards") / "templates" / "card.css").read_text()
_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "save": "Save contact",
        "call": "Call",
        "mail": "E-mail",
        "website": "Website",
        "map": "Map",
        "phone": "Phone",
        "address": "Address",
        "scan": "Scan to keep this card",
        "qr": "QR code of this page",
        "elsewhere": "Elsewhere",
        "about": "About",
        "missing_title": "There is no card here",
        "missing": "It may have been taken back by its owner, or the address has a slip in it.",
        "made": "A card by Cartulary",
    },
    "fr": {
        "save": "Enregistrer le contact",
        "call": "Appeler",
        "mail": "E-mail",
        "website": "Site web",
        "map": "Plan",
        "phone": "Téléphone",
        "address": "Adresse",
        "scan": "Scannez pour garder cette carte",
        "qr": "Code QR de cette page",
        "elsewhere": "Ailleurs",
        "about": "À propos",
        "missing_title": "Il n’y a pas de carte ici",
        "missing": "Son propriétaire l’a peut-être retirée, ou l’adresse contient une erreur.",
        "made": "Une carte Cartulary",
    },
}

_templates = Environment(
    loader=PackageLoader("cards"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["shown"] = shown


def render_card(
    face: CardFace, *, page_url: str, vcard_url: str, qr_svg: str, language: Language
) -> str:
    """The card as a page. `qr_svg` is our own picture, everything else is shown as text."""
    return _templates.get_template("card.html").render(
        face=face,
        page_url=page_url,
        vcard_url=vcard_url,
        qr=Markup(qr_svg),  # made by us from an address of ours
        phone_link="tel:" + "".join(c for c in face.phone or "" if c in "+0123456789"),
        mail_link="mailto:" + quote(face.email, safe="@"),
        map_link="https://www.openstreetmap.org/search?query=" + quote(face.address or ""),
        style=Markup(STYLE),
        language=language,
        text=_TEXTS[language],
    )


def render_missing(language: Language) -> str:
    """What stands where no card is: the same for deleted and unknown ones."""
    return _templates.get_template("missing.html").render(
        style=Markup(STYLE),
        language=language,
        text=_TEXTS[language],
    )


def preferred_language(accept_language: str | None) -> Language:
    """French where it is asked for before English, else English (RFC 9110, 12.5.4)."""
    best: Language = "en"
    highest = 0.0
    for part in (accept_language or "").split(","):
        name, _, parameter = part.strip().partition(";")
        language = name.strip().lower()[:2]
        weight = _quality(parameter)
        if language in ("en", "fr") and weight > highest:
            best, highest = ("fr" if language == "fr" else "en"), weight
    return best


def _quality(parameter: str) -> float:
    try:
        return float(parameter.strip().removeprefix("q=")) if parameter.strip() else 1.0
    except ValueError:
        return 0.0
