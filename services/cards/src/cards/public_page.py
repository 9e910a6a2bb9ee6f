"""The page behind a card's QR code: server-rendered, no script, nothing from other hosts."""

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Literal
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cards.card_face import CardFace, shown

Language = Literal["en", "fr"]

STYLE = (files("cards") / "templates" / "card.css").read_text(encoding="utf-8")
_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
EDITION = sha256(
    b"".join(
        file.read_bytes()
        for file in sorted((files("cards") / "templates").iterdir(), key=lambda file: file.name)
    )
).hexdigest()[:8]
"""Changes with the templates: a page that a browser kept from before must not be called current."""

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "save": "Save contact",
        "actions": "Get in touch",
        "call": "Call",
        "mail": "E-mail",
        "website": "Website",
        "map": "Map",
        "phone": "Phone",
        "address": "Address",
        "contact": "Contact",
        "about": "About",
        "scan": "Scan to keep",
        "scan_how": "Point a phone’s camera here to take this card with you.",
        "qr": "QR code of this page",
        "missing_title": "There is no card here",
        "missing": "Its owner may have taken it back, or the address has a slip in it.",
        "made": "A card by Cartulary",
    },
    "fr": {
        "save": "Enregistrer le contact",
        "actions": "Prendre contact",
        "call": "Appeler",
        "mail": "E-mail",
        "website": "Site",
        "map": "Plan",
        "phone": "Téléphone",
        "address": "Adresse",
        "contact": "Coordonnées",
        "about": "À propos",
        "scan": "À scanner, à garder",
        "scan_how": "Visez ce code avec un téléphone pour emporter la carte.",
        "qr": "Code QR de cette page",
        "missing_title": "Il n’y a pas de carte ici",
        "missing": "Son propriétaire l’a peut-être retirée, ou l’adresse contient une erreur.",
        "made": "Une carte Cartulary",
    },
}

LONG_NAME = 22
"""A name of so many characters is set smaller, so that it keeps to a few lines."""

_WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)")


def breakable(text: str) -> Markup:
    """An address that may go on in a new line before an at sign or a slash."""
    return Markup(re.sub(r"(?=[@/])", "<wbr>", str(escape(text))))  # escaped in this very line


_templates = Environment(
    loader=PackageLoader("cards"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"shown": shown, "breakable": breakable}


def render_card(
    face: CardFace, *, page_url: str, vcard_url: str, qr_svg: str, language: Language
) -> str:
    """The card as a page. `qr_svg` is our own picture, everything else is shown as text."""
    return _templates.get_template("card.html").render(
        face=face,
        name_size="long" if len(face.name) >= LONG_NAME else "short",
        page_url=page_url,
        vcard_url=vcard_url,
        qr=Markup(qr_svg),  # made by us from an address of ours
        phone_link=phone_link(face.phone),
        mail_link="mailto:" + quote(face.email, safe="@"),
        map_link=map_link(face.address),
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


def phone_link(phone: str | None) -> str | None:
    """What dials the number; None without a digit."""
    digits = "".join(c for c in phone or "" if c in "+0123456789")
    return f"tel:{digits}" if digits.strip("+") else None


def map_link(address: str | None) -> str | None:
    """Where a map shows the address."""
    where = " ".join((address or "").split())
    return f"https://www.openstreetmap.org/search?query={quote(where)}" if where else None


def preferred_language(accept_language: str | None) -> Language:
    """French where it is asked for before English, else English (RFC 9110, 12.5.4)."""
    best: Language = "en"
    highest = 0.0
    for part in (accept_language or "").split(","):
        name, _, parameter = part.strip().partition(";")
        weight = _quality(parameter)
        match name.strip().lower().partition("-")[0]:
            case ("en" | "fr") as language if weight > highest:
                best, highest = language, weight
    return best


def _quality(parameter: str) -> float:
    """The weight after the semicolon, 1 without one, 0 when it is none."""
    if not parameter.strip():
        return 1.0
    found = _WEIGHT.fullmatch(parameter.strip().lower())
    return float(found[1]) if found else 0.0
