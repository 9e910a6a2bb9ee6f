"""The pages for everybody: server-rendered, no script, nothing from other hosts."""

import re
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cards.card_face import CardFace, safe_link, shown
from cards.page_texts import TEXTS, Language, label_in
from cards.themes import THEMES, Theme, theme_of, theme_style

_TEMPLATES = files("cards") / "templates"
STYLE = (_TEMPLATES / "card.css").read_text(encoding="utf-8")
LANDING_STYLE = (_TEMPLATES / "landing.css").read_text(encoding="utf-8")
EDITION = sha256(
    b"".join(file.read_bytes() for file in sorted(_TEMPLATES.iterdir(), key=lambda file: file.name))
    + repr((THEMES, TEXTS)).encode()
).hexdigest()[:8]
"""Changes with the templates: a page that a browser kept from before must not be called current."""

_WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)")


@dataclass(frozen=True)
class Page:
    """A page, and the content security policy that allows what it has and nothing else."""

    html: str
    policy: str


@dataclass(frozen=True)
class Places:
    """Where things of a card are. `root` is its path with a slash; `scanned`: by the QR code."""

    public_url: str
    address: str
    slug: str
    scanned: bool = False

    @property
    def page(self) -> str:
        """The card's page, as people pass it on."""
        return f"{self.public_url}/view/{self.address}"

    @property
    def picture(self) -> str:
        """What others show beside the address."""
        return f"{self.public_url}/view/{self.slug}/share.png"

    @property
    def contact(self) -> str:
        """The contact to save; it is counted."""
        return f"/view/{self.slug}/contact.vcf"

    @property
    def qr_to_save(self) -> str:
        """The QR code as a picture for printing."""
        return f"/view/{self.slug}/qr.png"

    @property
    def seen(self) -> str:
        """The picture of one pixel that counts a view: the page itself comes from a cache."""
        return f"/view/{self.slug}/seen.gif" + ("?via=qr" if self.scanned else "")

    @property
    def share_by_mail(self) -> str:
        """Opens a mail with the address in it."""
        return f"mailto:?body={quote(self.page)}"

    @property
    def share_by_text(self) -> str:
        """Opens a text message with the address in it."""
        return f"sms:?&body={quote(self.page)}"

    def way(self, link: str | None) -> str | None:
        """The way to a link of the card, past the counter."""
        return f"/view/{self.slug}/go/{link_key(link)}" if link else None


def link_key(link: str) -> str:
    """A short name of a link: the way to it stays right when others come and go."""
    return sha256(link.encode()).hexdigest()[:12]


def links_of(face: CardFace) -> dict[str, str]:
    """Everything on the card that leads elsewhere, by its key. Only these are led to."""
    found = [
        face.website_link,
        *(map_link(place.address) for place in face.every_address),
        *(profile.link for profile in face.profiles),
        *(link.url for link in face.shown_links),
    ]
    return {link_key(link): link for link in found if safe_link(link) and link}


def breakable(text: str) -> Markup:
    """An address that may go on in a new line before an at sign or a slash."""
    return Markup(re.sub(r"(?=[@/])", "<wbr>", str(escape(text))))  # escaped in this very line


def phone_link(phone: str | None) -> str | None:
    """What dials the number; None without a digit."""
    digits = "".join(c for c in phone or "" if c in "+0123456789")
    return f"tel:{digits}" if digits.strip("+") else None


def mail_link(address: str) -> str:
    """What begins a mail."""
    return "mailto:" + quote(address, safe="@")


def portrait_link(face: CardFace) -> str | None:
    """Where the picture of the card's owner is, if the card shows one."""
    return f"/view/{face.slug}/portrait.jpg" if face.portrait_id else None


def map_link(address: str | None) -> str | None:
    """Where a map shows the address."""
    where = " ".join((address or "").split())
    return f"https://www.openstreetmap.org/search?query={quote(where)}" if where else None


_templates = Environment(
    loader=PackageLoader("cards"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"shown": shown, "breakable": breakable}
_templates.globals |= {
    "phone_link": phone_link,
    "mail_link": mail_link,
    "map_link": map_link,
    "portrait_link": portrait_link,
}


def render_card(face: CardFace, *, places: Places, qr_svg: str, language: Language) -> Page:
    """The card as a page. `qr_svg` is our own picture, everything else is shown as text."""
    return _page(
        "card.html",
        language,
        theme_of(face.theme, face.accent),
        [STYLE],
        face=face,
        places=places,
        qr=Markup(qr_svg),  # made by us from an address of ours
        label=partial(label_in, language),
    )


def render_missing(language: Language) -> Page:
    """What stands where no card is: the same for deleted, private and unknown ones."""
    return _page("missing.html", language, theme_of("ink"), [STYLE])


def render_landing(
    language: Language, *, demo: CardFace | None, demo_page: str, qr_svg: str
) -> Page:
    """What this is, beside a card as it is at this moment, if there is one to show."""
    theme = theme_of(demo.theme, demo.accent) if demo else theme_of("ink")
    return _page(
        "landing.html",
        language,
        theme,
        [STYLE, LANDING_STYLE],
        demo=demo,
        demo_page=demo_page,
        qr=Markup(qr_svg),  # made by us from an address of ours
    )


def _page(
    template: str, language: Language, theme: Theme, styles: list[str], **values: object
) -> Page:
    styles = [theme_style(theme), *styles]
    html = _templates.get_template(template).render(
        language=language,
        text=TEXTS[language],
        theme=theme,
        styles=[Markup(style) for style in styles],  # ours; the colours in them are checked ones
        **values,
    )
    return Page(html, _policy(tuple(styles)))


@lru_cache(maxsize=512)
def _policy(styles: tuple[str, ...]) -> str:
    hashes = (b64encode(sha256(style.encode()).digest()).decode() for style in styles)
    allowed = " ".join(f"'sha256-{fingerprint}'" for fingerprint in hashes)
    return (
        f"default-src 'none'; style-src {allowed}; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


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
