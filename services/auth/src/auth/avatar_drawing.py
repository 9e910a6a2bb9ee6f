"""Pictures of people: whatever arrives is decoded and drawn anew, so nothing else comes along.

The kind is told by content, never by name or header. What is stored and served is a WebP that we
made: no metadata, no trailing archive, no script survives. Other services are told of it as a
portrait, a small JPEG, which is what contacts and telephones take.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from common.problems import Invalid
from PIL import Image, ImageOps

EDGE = 512
QUALITY = 82
PORTRAIT_BYTES = 24 * 1024
"""Every message that tells of a picture carries its portrait."""
PORTRAITS = ((256, 80), (256, 60), (256, 40), (128, 40))
"""Pixels an edge, and quality: the first that fits. Only noise needs another than the first, and
nothing is too large for the last."""

Kind = Literal["JPEG", "PNG", "WEBP"]

MOST_PIXELS: Mapping[Kind, int] = {"JPEG": 16_000_000, "PNG": 8_000_000, "WEBP": 6_000_000}
"""Width times height, read before anything is decoded: two megabytes can announce gigabytes. So
that drawing takes about 100 MiB: a JPEG is decoded smaller, a WebP in several copies."""
_SHRINKABLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
"""Ways to keep pixels that can be drawn smaller without a copy of the whole."""
_UNREADABLE = (
    OSError,
    SyntaxError,  # Pillow's word for a broken PNG
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class NotAPicture(Invalid):
    """Neither JPEG nor PNG nor WebP, or a broken one."""

    code = "not_a_picture"
    detail = "A JPEG, PNG or WebP picture is needed."


class PictureTooLarge(Invalid):
    """More pixels than a picture of somebody needs."""

    code = "picture_too_large"

    def __init__(self, kind: Kind) -> None:
        millions = MOST_PIXELS[kind] // 1_000_000
        super().__init__(f"A picture of this kind has at most {millions} million pixels.")


def kind_of(content: bytes) -> Kind | None:
    """What the first bytes say that it is."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return None


def redrawn(content: bytes) -> bytes:
    """The picture as a WebP of at most 512 pixels an edge, the right way up, without metadata.

    Raises `NotAPicture` and `PictureTooLarge`. Takes up to a second of one core.
    """
    kind = kind_of(content)
    if kind is None:
        raise NotAPicture
    try:
        with Image.open(BytesIO(content), formats=(kind,)) as picture:
            if picture.width * picture.height > MOST_PIXELS[kind]:
                raise PictureTooLarge(kind)
            return _redrawn(picture)
    except _UNREADABLE as error:
        raise NotAPicture from error


def _redrawn(picture: Image.Image) -> bytes:
    picture.draft("RGB", (EDGE, EDGE))  # a JPEG is decoded no larger than needed
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    small = picture if picture.mode in _SHRINKABLE else picture.convert(mode)
    small.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)  # first of all: the rest is small
    drawn = ImageOps.exif_transpose(small).convert(mode)
    plain = Image.new(drawn.mode, drawn.size)
    plain.paste(drawn)  # pixels only: `info` with its profiles and texts stays behind
    buffer = BytesIO()
    plain.save(buffer, "WEBP", quality=QUALITY, method=4)
    return buffer.getvalue()


def portrait_of(picture: bytes) -> bytes:
    """The middle of a picture that `redrawn` made, as a square JPEG without metadata.

    At most 256 pixels an edge and `PORTRAIT_BYTES`; what is transparent becomes white.
    """
    with Image.open(BytesIO(picture), formats=("WEBP",)) as shown:
        seen = shown.convert("RGBA")
    ground = Image.new("RGBA", seen.size, "white")
    ground.alpha_composite(seen)
    plain = ground.convert("RGB")
    written = (_square_jpeg(plain, edge, quality) for edge, quality in PORTRAITS)
    return next(jpeg for jpeg in written if len(jpeg) <= PORTRAIT_BYTES)


def _square_jpeg(picture: Image.Image, edge: int, quality: int) -> bytes:
    edge = min(edge, *picture.size)
    square = ImageOps.fit(picture, (edge, edge), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    # baseline, and colours at half the size: every telephone reads it
    square.save(buffer, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
    return buffer.getvalue()


@dataclass(frozen=True)
class Drawn:
    """A picture as it is shown, and its portrait."""

    picture: bytes
    portrait: bytes


def draw(content: bytes) -> Drawn:
    """Both of what arrived. Raises as `redrawn` does."""
    picture = redrawn(content)
    return Drawn(picture, portrait_of(picture))
