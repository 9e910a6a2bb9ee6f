"""The looks of a page: four palettes for light and dark, and the owner's colour in any of them.

Every pair of text and ground keeps WCAG's 4.5:1, whatever colour an owner chose: what cannot be
read is mixed with black or white until it can.
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache

from cards.colours import apart, hexadecimal, mixture, readable_on


@dataclass(frozen=True)
class Palette:
    """Colours as #rrggbb: of the page, of what is tapped (`accent`), of the card upon it."""

    ink: str
    soft: str
    line: str
    ground: str
    paper: str
    accent: str
    on_accent: str
    card: str
    on_card: str
    on_card_soft: str
    on_card_accent: str


@dataclass(frozen=True)
class Theme:
    """One look. `coloured`: the owner's colour fills the card, not only what is tapped."""

    light: Palette
    dark: Palette
    coloured: bool = True


_INK = Theme(
    Palette(
        ink="#1d1b18",
        soft="#5f5a52",
        line="#ded6c8",
        ground="#f3eee4",
        paper="#fffdf9",
        accent="#7a2e1d",
        on_accent="#fffaf3",
        card="#231f1b",
        on_card="#f7f0e4",
        on_card_soft="#c3b8a7",
        on_card_accent="#e8a58f",
    ),
    Palette(
        ink="#f2ede4",
        soft="#b5ada0",
        line="#38332c",
        ground="#151310",
        paper="#1e1b17",
        accent="#e8a58f",
        on_accent="#2a120b",
        card="#2b2621",
        on_card="#f7f0e4",
        on_card_soft="#c3b8a7",
        on_card_accent="#e8a58f",
    ),
)
_LINEN = Theme(
    Palette(
        ink="#22262b",
        soft="#5a6068",
        line="#d6d5d0",
        ground="#e7e5df",
        paper="#f7f6f2",
        accent="#2d4a6e",
        on_accent="#f7f9fc",
        card="#fdfcf9",
        on_card="#22262b",
        on_card_soft="#5a6068",
        on_card_accent="#2d4a6e",
    ),
    Palette(
        ink="#ecebe7",
        soft="#a9adb3",
        line="#34373c",
        ground="#141619",
        paper="#1c1f23",
        accent="#a5c1e4",
        on_accent="#0f1d2e",
        card="#e4e1d8",
        on_card="#22262b",
        on_card_soft="#50555c",
        on_card_accent="#2d4a6e",
    ),
    coloured=False,
)
_MOSS = Theme(
    Palette(
        ink="#18201b",
        soft="#535f57",
        line="#d3dbd2",
        ground="#ebf0e9",
        paper="#fbfdfa",
        accent="#23553d",
        on_accent="#f4faf5",
        card="#1d3a2c",
        on_card="#f1f5ea",
        on_card_soft="#b9c9b8",
        on_card_accent="#d9c27a",
    ),
    Palette(
        ink="#e9efe8",
        soft="#a5b3a8",
        line="#2c362f",
        ground="#101512",
        paper="#181f1a",
        accent="#8fcfa9",
        on_accent="#0c2418",
        card="#1f4030",
        on_card="#f1f5ea",
        on_card_soft="#b9c9b8",
        on_card_accent="#d9c27a",
    ),
)
_PLUM = Theme(
    Palette(
        ink="#221a22",
        soft="#645866",
        line="#e0d5df",
        ground="#f3ecf1",
        paper="#fefbfd",
        accent="#7b2657",
        on_accent="#fff5fa",
        card="#421a37",
        on_card="#fbf0f4",
        on_card_soft="#d6b9c8",
        on_card_accent="#f0a9b8",
    ),
    Palette(
        ink="#f3eaf0",
        soft="#b9a9b4",
        line="#3b2f38",
        ground="#161015",
        paper="#20181e",
        accent="#f0a9b8",
        on_accent="#35101f",
        card="#4a1f3e",
        on_card="#fbf0f4",
        on_card_soft="#d6b9c8",
        on_card_accent="#f0a9b8",
    ),
)

THEMES = {"ink": _INK, "linen": _LINEN, "moss": _MOSS, "plum": _PLUM}


@lru_cache(maxsize=512)
def theme_of(name: str, accent: str | None = None) -> Theme:
    """The look of this name (`ink` for an unknown one), in the owner's colour if it is one."""
    theme = THEMES.get(name, _INK)
    colour = hexadecimal(accent or "")
    if colour is None:
        return theme
    light, dark = (_tinted(p, colour, theme.coloured) for p in (theme.light, theme.dark))
    return replace(theme, light=light, dark=dark)


@lru_cache(maxsize=512)
def theme_style(theme: Theme) -> str:
    """The look as a style sheet: variables, and nothing else."""
    light, dark = _variables(theme.light), _variables(theme.dark)
    return f":root{{{light}}}@media (prefers-color-scheme: dark){{:root{{{dark}}}}}"


def _tinted(palette: Palette, colour: str, coloured: bool) -> Palette:
    accent = readable_on(palette.paper, colour)
    tinted = replace(palette, accent=accent, on_accent=_written_on(accent))
    if not coloured:
        return replace(tinted, on_card_accent=readable_on(palette.card, colour))
    written = _written_on(colour)
    soft = readable_on(colour, mixture(written, colour, 0.25))
    return replace(tinted, card=colour, on_card=written, on_card_soft=soft, on_card_accent=written)


def _written_on(ground: str) -> str:
    """White or black: one of them always has 4.5:1."""
    return max(("#ffffff", "#000000"), key=lambda text: apart(text, ground))


def _variables(palette: Palette) -> str:
    names = (field.name for field in fields(palette))
    return "".join(f"--{name.replace('_', '-')}:{getattr(palette, name)};" for name in names)
