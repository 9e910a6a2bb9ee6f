"""Logos in QR codes; apart from the codes, since only this needs Pillow."""

import io
from base64 import b64encode

from PIL import Image, ImageDraw

from cards.qr import Place

SIDE_IN_DOCUMENT = 512
"""Of a logo that stands in an SVG, in pixels at most."""


def with_logo(picture: bytes, place: Place, logo: Image.Image) -> bytes:
    """The PNG with the logo on its place."""
    canvas = Image.open(io.BytesIO(picture)).convert("RGB")
    end = place.start + place.side - 1
    ImageDraw.Draw(canvas).rectangle((place.start, place.start, end, end), fill=place.light)
    fitted = _fitted(logo, place.inner)
    left, top = (place.start + (place.side - side) // 2 for side in fitted.size)
    canvas.paste(fitted, (left, top), fitted)
    out = io.BytesIO()
    canvas.save(out, "PNG", optimize=True)
    return out.getvalue()


def logo_element(place: Place, logo: Image.Image) -> bytes:
    """The place and the logo in it, which is part of the document: nothing is loaded."""
    out = io.BytesIO()
    _fitted(logo, SIDE_IN_DOCUMENT).save(out, "PNG", optimize=True)
    inset = place.start + (place.side - place.inner) / 2
    return (
        f'<rect x="{place.start}" y="{place.start}" width="{place.side}" height="{place.side}" '
        f'fill="{place.light}"/>'
        f'<image x="{inset:g}" y="{inset:g}" width="{place.inner}" height="{place.inner}" '
        f'href="data:image/png;base64,{b64encode(out.getvalue()).decode()}"/>'
    ).encode()


def _fitted(logo: Image.Image, side: int) -> Image.Image:
    fitted = logo.copy()
    fitted.thumbnail((side, side), Image.Resampling.LANCZOS)
    return fitted
