"""Pictures from outside, taken in safely, and the letters that we draw ourselves."""

import io
from base64 import b64decode
from functools import lru_cache
from importlib.resources import files

import font_source_serif_pro
from common.problems import FieldError, Invalid
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

LOGO_BYTES = 256 * 1024
LOGO_PIXELS = 2_048
LOGO_SIDE = 512
FORMATS = ("PNG", "JPEG", "WEBP")
_SERIF = files(font_source_serif_pro) / "files" / "SourceSerifPro-Regular.ttf"


class LogoUnreadable(Invalid):
    """What was sent as a logo is not a picture that we take."""

    code = "logo_unreadable"
    detail = (
        f"A logo is a PNG, JPEG or WebP picture in base64, of at most {LOGO_BYTES // 1024} KiB "
        f"and {LOGO_PIXELS} pixels a side."
    )

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("/logo", self.code, self.detail)])


def logo_of(text: str) -> Image.Image:
    """The picture in base64, or in a `data:` address, drawn anew: nothing else of it is kept.

    Its kind is told by its content, its size before a pixel is unpacked. Refused (422):
    `LogoUnreadable`.
    """
    try:
        raw = b64decode(text.rpartition("base64,")[2], validate=True)
        if len(raw) > LOGO_BYTES:
            raise LogoUnreadable
        with Image.open(io.BytesIO(raw), formats=FORMATS) as picture:
            if max(picture.size) > LOGO_PIXELS:
                raise LogoUnreadable
            logo = picture.convert("RGBA")
    except (ValueError, OSError, SyntaxError, UnidentifiedImageError) as error:
        raise LogoUnreadable from error
    logo.thumbnail((LOGO_SIDE, LOGO_SIDE), Image.Resampling.LANCZOS)
    return logo


def monogram(letters: str, *, ink: str, paper: str, side: int = LOGO_SIDE) -> Image.Image:
    """A disc with one or two letters; only the disc where our typeface lacks them."""
    drawn = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(drawn)
    draw.ellipse((0, 0, side - 1, side - 1), fill=ink)
    if can_write(letters):
        middle = (side / 2, side / 2)
        draw.text(middle, letters, fill=paper, font=typeface(int(side * 0.42)), anchor="mm")
    return drawn


@lru_cache(maxsize=64)
def typeface(size: int) -> ImageFont.FreeTypeFont:
    """Source Serif in pixels: Latin, Greek and Cyrillic letters."""
    return ImageFont.truetype(io.BytesIO(_SERIF.read_bytes()), size)


def can_write(text: str) -> bool:
    """Whether the typeface has all these letters; what it lacks it would draw as boxes."""
    font = typeface(32)
    return all(c.isspace() or bytes(font.getmask(c)) != _missing() for c in text)


@lru_cache(maxsize=1)
def _missing() -> bytes:
    return bytes(typeface(32).getmask("\U0010ffff"))
