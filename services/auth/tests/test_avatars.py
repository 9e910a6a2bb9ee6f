"""Pictures: told by content, drawn anew, and nothing of what came with them survives."""

import os
import struct
import zipfile
import zlib
from io import BytesIO

import pytest
from auth.avatar_drawing import (
    EDGE,
    MOST_PIXELS,
    PORTRAIT_BYTES,
    Kind,
    NotAPicture,
    PictureTooLarge,
    draw,
    portrait_of,
    redrawn,
)
from PIL import Image, PngImagePlugin

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
SECRET = b"where this picture was taken"


def picture(
    kind: str, size: tuple[int, int] = (800, 400), mode: str = "RGB", **how: object
) -> bytes:
    buffer = BytesIO()
    Image.new(mode, size, (200, 40, 20, 128)[: len(mode)]).save(buffer, kind, **how)
    return buffer.getvalue()


def opened(content: bytes) -> Image.Image:
    found = Image.open(BytesIO(content))
    found.load()
    return found


def archive() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("evil.html", SVG)
    return buffer.getvalue()


def png_that_announces(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_drawn_anew_no_larger_than_needed(kind: str) -> None:
    drawn = opened(redrawn(picture(kind)))

    assert (drawn.format, drawn.size) == ("WEBP", (EDGE, EDGE // 2))


def test_a_small_picture_stays_small() -> None:
    assert opened(redrawn(picture("PNG", (30, 20)))).size == (30, 20)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P", "I;16", "1", "LA"])
def test_every_way_to_keep_pixels_is_understood(mode: str) -> None:
    kind = {"CMYK": "JPEG"}.get(mode, "PNG")
    buffer = BytesIO()
    Image.new(mode, (40, 40)).save(buffer, kind)

    assert opened(redrawn(buffer.getvalue())).size == (40, 40)


def test_what_is_transparent_stays_so() -> None:
    assert opened(redrawn(picture("PNG", mode="RGBA"))).mode == "RGBA"


def test_a_picture_taken_upright_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter

    assert opened(redrawn(picture("JPEG", exif=exif))).size == (EDGE // 2, EDGE)


def test_of_an_animation_the_first_picture_is_shown() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    buffer = BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])

    assert not getattr(opened(redrawn(buffer.getvalue())), "is_animated", False)


def test_metadata_is_dropped() -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    for content in (
        picture("JPEG", exif=exif, comment=SECRET, icc_profile=SECRET),
        picture("PNG", exif=exif, pnginfo=text, icc_profile=SECRET),
        picture("WEBP", exif=exif, xmp=SECRET, icc_profile=SECRET),
    ):
        drawn = redrawn(content)
        assert SECRET not in drawn
        assert not {b"EXIF", b"XMP ", b"ICCP"} & {drawn[n : n + 4] for n in range(len(drawn))}


@pytest.mark.parametrize("payload", [archive(), SVG, b"<?php system($_GET[0]); ?>"])
def test_a_picture_that_is_also_something_else_is_only_a_picture_afterwards(payload: bytes) -> None:
    for content in (
        picture("JPEG") + payload,
        picture("PNG") + payload,
        picture("JPEG", comment=payload[:60_000]),
    ):
        drawn = redrawn(content)

        assert payload not in drawn
        assert not zipfile.is_zipfile(BytesIO(drawn))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SVG,
        b"<?xml version='1.0'?>" + SVG,
        b"GIF89a" + b"\0" * 100,
        picture("GIF", mode="RGB"),
        picture("TIFF"),
        picture("BMP"),
        b"%PDF-1.4\n" + picture("JPEG"),
        SVG + picture("PNG"),
        archive() + picture("JPEG"),
        b"\xff\xd8\xff",
        b"\xff\xd8\xff" + b"\0" * 1000,
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x10\0\0\0WEBPVP8 ",
        picture("PNG")[:-60],
        picture("JPEG")[:300],
        picture("WEBP")[:60],
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        redrawn(content)


@pytest.mark.parametrize("size", [(60_000, 60_000), (4_001, 4_000), (2**31 - 1, 1), (1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises((PictureTooLarge, NotAPicture)):
        redrawn(png_that_announces(*size))


@pytest.mark.parametrize("kind", MOST_PIXELS)
def test_a_picture_of_the_largest_size_is_drawn_and_a_larger_one_not(kind: Kind) -> None:
    side = int(MOST_PIXELS[kind] ** 0.5)

    assert opened(redrawn(picture(kind, (side, side)))).size == (EDGE, EDGE)
    with pytest.raises(PictureTooLarge):
        redrawn(picture(kind, (side + 1, side + 1)))


@pytest.mark.parametrize(
    ("size", "edge"), [((800, 800), 256), ((1000, 600), 256), ((300, 900), 171), ((30, 20), 20)]
)
def test_a_portrait_is_the_middle_of_the_picture_and_no_larger_than_it(
    size: tuple[int, int], edge: int
) -> None:
    both = draw(picture("PNG", size))

    portrait = opened(both.portrait)

    assert both.picture == redrawn(picture("PNG", size))
    assert (portrait.format, portrait.mode, portrait.size) == ("JPEG", "RGB", (edge, edge))
    assert abs(portrait.getpixel((edge // 2, edge // 2))[0] - 200) < 8


def test_a_portrait_shows_the_middle() -> None:
    wide = Image.new("RGB", (900, 300), "red")
    wide.paste("blue", (300, 0, 600, 300))
    buffer = BytesIO()
    wide.save(buffer, "PNG")

    portrait = opened(draw(buffer.getvalue()).portrait)

    corner, middle = portrait.getpixel((2, 2)), portrait.getpixel((85, 85))
    assert corner[2] > 150 > corner[0]
    assert middle[2] > 200 > middle[0]


def test_what_is_transparent_is_white_in_a_portrait() -> None:
    buffer = BytesIO()
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(buffer, "PNG")

    assert opened(draw(buffer.getvalue()).portrait).getpixel((9, 9)) == (255, 255, 255)


def test_a_portrait_has_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()

    portrait = draw(picture("JPEG", exif=exif, comment=SECRET, icc_profile=SECRET)).portrait

    assert SECRET not in portrait
    assert b"Exif" not in portrait
    assert set(opened(portrait).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("bits", [1, 8])
def test_a_portrait_fits_into_a_message_whatever_it_shows(bits: int) -> None:
    noise = os.urandom(512 * 512 * 3)
    if bits == 1:
        noise = bytes(255 * (byte >> 7) for byte in noise)
    buffer = BytesIO()
    Image.frombytes("RGB", (512, 512), noise).save(buffer, "WEBP", lossless=True)

    portrait = portrait_of(buffer.getvalue())

    assert len(portrait) <= PORTRAIT_BYTES
    assert opened(portrait).size[0] >= 128
