"""QR codes that can be read: bounded, with enough contrast, as SVG and PNG."""

import io
import re
from dataclasses import dataclass
from typing import Literal

import segno
from common.problems import Invalid
from segno.encoder import DataOverflowError

Level = Literal["L", "M", "Q", "H"]

LOWEST_CONTRAST = 3.0
SCALES, BORDERS = range(1, 41), range(21)
_COLOUR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


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
    detail = "The scale is 1 to 40 pixels a module, the border 0 to 20 modules."


@dataclass(frozen=True)
class QrOptions:
    """How it looks. `scale` is in pixels a module, `border` in modules; colours are #rrggbb."""

    scale: int = 8
    border: int = 4
    dark: str = "#111111"
    light: str = "#ffffff"
    level: Level = "M"


def qr_svg(text: str, options: QrOptions) -> bytes:
    """An SVG document of the size that the options say.

    Refused (422): `QrTextTooLong`, `QrContrastTooLow`, `QrColourUnknown`, `QrSizeOutOfBounds`.
    """
    return _save(text, options, "svg", xmldecl=False)


def qr_inline(text: str, options: QrOptions) -> str:
    """An SVG element without a size of its own: a page's style scales it. Refused like `qr_svg`."""
    return _save(text, options, "svg", xmldecl=False, svgns=False, omitsize=True).decode().strip()


def qr_png(text: str, options: QrOptions) -> bytes:
    """A PNG picture; refused like `qr_svg`."""
    return _save(text, options, "png")


def contrast(dark: str, light: str) -> float:
    """WCAG's contrast ratio of two #rrggbb, 1 to 21; below 1 when `dark` is the lighter one."""
    return (_luminance(light) + 0.05) / (_luminance(dark) + 0.05)


def _save(text: str, options: QrOptions, kind: str, **how: bool) -> bytes:
    look = _look(options)
    try:
        # UTF-8 for every text: readers guess the encoding, and that is what they guess best
        code = segno.make_qr(text, error=options.level, boost_error=False, encoding="utf-8")
    except DataOverflowError:
        raise QrTextTooLong from None
    out = io.BytesIO()
    code.save(out, kind=kind, **look, **how)
    return out.getvalue()


def _look(options: QrOptions) -> dict[str, int | str]:
    if options.scale not in SCALES or options.border not in BORDERS:
        raise QrSizeOutOfBounds
    dark, light = _hex(options.dark), _hex(options.light)
    if contrast(dark, light) < LOWEST_CONTRAST:
        raise QrContrastTooLow
    return {"scale": options.scale, "border": options.border, "dark": dark, "light": light}


def _hex(colour: str) -> str:
    match = _COLOUR.fullmatch(colour)
    if match is None:
        raise QrColourUnknown
    digits = match[1]
    return "#" + (digits if len(digits) == 6 else "".join(d * 2 for d in digits))


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
