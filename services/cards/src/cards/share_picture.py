"""The picture that others show beside a shared address: the card, drawn as PNG."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageOps

from cards.card_face import CardFace
from cards.pictures import can_write, typeface
from cards.themes import Palette, theme_of

WIDTH, HEIGHT = 1200, 630
"""What the networks ask for (Open Graph): 1.91 to 1."""

_TWICE = 2  # drawn larger and made smaller: edges become smooth
_CARD = (130, 75, 1070, 555)
_TEXT_LEFT, _TEXT_WIDE = 200, 800


def share_picture(face: CardFace, portrait: bytes | None = None) -> bytes:
    """The card as a PNG of 1200 by 630, with the picture of its owner (a JPEG) if there is one.

    A line with letters that our typeface lacks is left out.
    """
    palette = theme_of(face.theme, face.accent).light
    canvas = Image.new("RGB", (WIDTH * _TWICE, HEIGHT * _TWICE), palette.ground)
    draw = ImageDraw.Draw(canvas)
    draw.rounded_rectangle(_scaled(_CARD), radius=36 * _TWICE, fill=palette.card)
    inner = (_CARD[0] + 18, _CARD[1] + 18, _CARD[2] - 18, _CARD[3] - 18)
    draw.rounded_rectangle(
        _scaled(inner), radius=22 * _TWICE, outline=palette.on_card_soft, width=_TWICE
    )
    if portrait:
        _portrait(canvas, portrait, palette)
    else:
        _monogram(draw, face.initials, palette)
    _lines(draw, face, palette)
    out = io.BytesIO()
    canvas.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _monogram(draw: ImageDraw.ImageDraw, letters: str, palette: Palette) -> None:
    disc = (_TEXT_LEFT, 125, _TEXT_LEFT + 120, 245)
    draw.ellipse(_scaled(disc), outline=palette.on_card_accent, width=3 * _TWICE)
    if can_write(letters):
        middle = ((_TEXT_LEFT + 60) * _TWICE, 185 * _TWICE)
        font = typeface(48 * _TWICE)
        draw.text(middle, letters, fill=palette.on_card_accent, font=font, anchor="mm")


def _portrait(canvas: Image.Image, jpeg: bytes, palette: Palette) -> None:
    """In a ring as the monogram is, and a little larger: the name's two lines begin below."""
    left, top, side, ring = _TEXT_LEFT, 122, 134, 4
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        square = ImageOps.fit(picture.convert("RGB"), (side * _TWICE, side * _TWICE))
    disc = Image.new("L", square.size)
    ImageDraw.Draw(disc).ellipse((2, 2, side * _TWICE - 3, side * _TWICE - 3), fill=255)
    canvas.paste(square, (left * _TWICE, top * _TWICE), disc)
    around = _scaled((left - 1, top - 1, left + side + 1, top + side + 1))
    ImageDraw.Draw(canvas).ellipse(around, outline=palette.on_card_accent, width=ring * _TWICE)


def _lines(draw: ImageDraw.ImageDraw, face: CardFace, palette: Palette) -> None:
    """From the bottom upwards, as on the page: company, title, name."""
    bottom = 500
    written = ((face.company, 34, palette.on_card_soft), (face.title, 38, palette.on_card_soft))
    for text, size, colour in written:
        if text and can_write(text):
            line = _cut(" ".join(text.split()), size)
            at = (_TEXT_LEFT * _TWICE, bottom * _TWICE)
            draw.text(at, line, fill=colour, font=typeface(size * _TWICE), anchor="ls")
            bottom -= size + 18
    if can_write(face.name):
        size, lines = _name_set(face.name)
        for line in reversed(lines):
            at = (_TEXT_LEFT * _TWICE, (bottom - 8) * _TWICE)
            draw.text(at, line, fill=palette.on_card, font=typeface(size * _TWICE), anchor="ls")
            bottom -= int(size * 1.12)


def _name_set(name: str) -> tuple[int, list[str]]:
    """The name in one line as large as it goes, or in two, and how large."""
    for size in (84, 72, 60):
        if _width(name, size) <= _TEXT_WIDE:
            return size, [name]
    words = name.split()
    breaks = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    best = min(breaks, key=lambda two: max(_width(line, 54) for line in two), default=(name,))
    return 54, [_cut(line, 54) for line in best]


def _cut(text: str, size: int) -> str:
    """The text, or as much of it as fits into the line, with an ellipsis."""
    if _width(text, size) <= _TEXT_WIDE:
        return text
    fitting = next(
        n for n in range(len(text), -1, -1) if _width(text[:n] + "…", size) <= _TEXT_WIDE
    )
    return text[:fitting].rstrip() + "…"


def _width(text: str, size: int) -> float:
    return typeface(size * _TWICE).getlength(text) / _TWICE


def _scaled(box: Sequence[int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return left * _TWICE, top * _TWICE, right * _TWICE, bottom * _TWICE
