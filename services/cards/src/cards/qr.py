"""QR codes that can be read: bounded, with enough contrast, as SVG and PNG, with a logo or not.

Few codes have a logo, and what draws it (Pillow) is 4 MB: it is imported for the first one.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import segno
from common.problems import Invalid
from segno.encoder import DataOverflowError

from cards.colours import contrast, hexadecimal

if TYPE_CHECKING:
    from PIL import Image

Level = Literal["L", "M", "Q", "H"]
Format = Literal["png", "svg"]

LOWEST_CONTRAST = 3.0
SCALES, BORDERS = range(1, 41), range(21)
MOST_PIXELS = 4_096
"""A side of the picture: a code of the largest version at the largest scale would take minutes."""

SAFE_SHARE = 0.24
"""The side of a logo's safe area: under 6 % of the code, where level H mends 30 %."""


class QrContrastTooLow(Invalid):
    """Readers would not tell the colours apart."""

    code = "qr_contrast_too_low"
    detail = "The dark colour must be darker than the light one, with a contrast of 3:1 at least."


class QrTextTooLong(Invalid):
    """It does not fit into a QR code."""

    code = "qr_text_too_long"
    detail = "This text is too long for a QR code of this error correction level."


class QrColourUnknown(Invalid):
    """Not a colour in hexadecimal."""

    code = "qr_colour_unknown"
    detail = "A colour is written #rrggbb or #rgb."


class QrSizeOutOfBounds(Invalid):
    """The picture would be too small to read or too big to make."""

    code = "qr_size_out_of_bounds"
    detail = (
        "The scale is 1 to 40 pixels a module, the border 0 to 20 modules, "
        f"and the picture at most {MOST_PIXELS} pixels wide."
    )


@dataclass(frozen=True)
class QrOptions:
    """How it looks. `scale` is in pixels a module, `border` in modules; colours are #rrggbb.

    `logo` stands in the middle of an area that is kept free for it, and raises `level` to H.
    """

    scale: int = 8
    border: int = 4
    dark: str = "#111111"
    light: str = "#ffffff"
    level: Level = "M"
    logo: "Image.Image | None" = None


class Place(NamedTuple):
    """The free square in the middle, in pixels, and its colour; `inner` is the logo's share."""

    start: int
    side: int
    inner: int
    light: str


def qr_svg(text: str, options: QrOptions) -> bytes:
    """An SVG document of the size that the options say.

    Refused (422): `QrTextTooLong`, `QrContrastTooLow`, `QrColourUnknown`, `QrSizeOutOfBounds`.
    """
    code = _code(text, options)
    document = _saved(code, options, "svg", xmldecl=False)
    if options.logo is None:
        return document
    from cards.qr_logo import logo_element  # noqa: PLC0415 (see above)

    return document.replace(
        b"</svg>", logo_element(_place(code, options), options.logo) + b"</svg>"
    )


def qr_inline(text: str, options: QrOptions) -> str:
    """An SVG element without a size of its own: a page's style scales it. Refused like `qr_svg`."""
    code = _code(text, options)
    element = _saved(code, options, "svg", xmldecl=False, svgns=False, omitsize=True)
    return element.decode().strip()


def qr_png(text: str, options: QrOptions) -> bytes:
    """A PNG picture; refused like `qr_svg`."""
    code = _code(text, options)
    picture = _saved(code, options, "png")
    if options.logo is None:
        return picture
    from cards.qr_logo import with_logo  # noqa: PLC0415 (see above)

    return with_logo(picture, _place(code, options), options.logo)


def _place(code: segno.QRCode, options: QrOptions) -> Place:
    """A whole, odd number of modules, so that no module is cut, with half a module of air."""
    across = int(code.symbol_size(scale=1, border=0)[0])
    modules = int(across * SAFE_SHARE) // 2 * 2 + 1
    start = (options.border + (across - modules) // 2) * options.scale
    side = modules * options.scale
    light = hexadecimal(options.light) or options.light
    return Place(start, side, max(side - options.scale, 1), light)


def _code(text: str, options: QrOptions) -> segno.QRCode:
    level = "H" if options.logo is not None else options.level
    try:
        # UTF-8 for every text: readers guess the encoding, and that is what they guess best
        code = segno.make_qr(text, error=level, boost_error=False, encoding="utf-8")
    except DataOverflowError:
        raise QrTextTooLong from None
    if options.scale not in SCALES or options.border not in BORDERS:
        raise QrSizeOutOfBounds
    if code.symbol_size(scale=options.scale, border=options.border)[0] > MOST_PIXELS:
        raise QrSizeOutOfBounds
    return code


def _saved(code: segno.QRCode, options: QrOptions, kind: str, **how: bool) -> bytes:
    out = io.BytesIO()
    code.save(out, kind=kind, **_look(options), **how)
    return out.getvalue()


def _look(options: QrOptions) -> dict[str, int | str]:
    dark, light = hexadecimal(options.dark), hexadecimal(options.light)
    if dark is None or light is None:
        raise QrColourUnknown
    if contrast(dark, light) < LOWEST_CONTRAST:
        raise QrContrastTooLow
    return {"scale": options.scale, "border": options.border, "dark": dark, "light": light}
