"""QR codes that a real reader reads."""

import io
import re
from base64 import b64decode, b64encode

import pytest
import zxingcpp
from cards.colours import contrast
from cards.pictures import LOGO_BYTES, LOGO_PIXELS, LogoUnreadable, logo_of, monogram
from cards.qr import (
    BORDERS,
    SCALES,
    Level,
    QrColourUnknown,
    QrContrastTooLow,
    QrOptions,
    QrSizeOutOfBounds,
    QrTextTooLong,
    qr_inline,
    qr_png,
    qr_svg,
)
from PIL import Image

URL = "https://cards.example/view/01990000-0000-7000-8000-00000000c001"


def read(png: bytes) -> list[str]:
    """The texts that a reader finds in a picture."""
    return [found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))]


@pytest.mark.parametrize("level", ["L", "M", "Q", "H"])
def test_what_is_written_is_read_at_every_level(level: Level) -> None:
    assert read(qr_png(URL, QrOptions(level=level))) == [URL]


@pytest.mark.parametrize(
    "options",
    [
        QrOptions(scale=3, border=2),
        QrOptions(dark="#7a2e1d", light="#fffdf9"),
        QrOptions(dark="7a2e1d", light="fff"),
        QrOptions(dark="#949494", light="#ffffff"),
    ],
)
def test_what_is_written_is_read_in_any_allowed_look(options: QrOptions) -> None:
    assert read(qr_png(URL, options)) == [URL]


@pytest.mark.parametrize("text", ["https://cards.example/é", "王小明", "مرحبا", "20260131", "€ ß"])
def test_any_script_is_read(text: str) -> None:
    assert read(qr_png(text, QrOptions())) == [text]


def test_an_inline_code_scales_as_a_whole() -> None:
    element = qr_inline(URL, QrOptions())

    assert 'viewBox="0 0 ' in element
    assert "width=" not in element
    assert "style=" not in element  # the page's policy allows no style attribute


def test_a_document_has_its_size_and_colours() -> None:
    svg = qr_svg(URL, QrOptions(scale=2, border=0, dark="#7a2e1d", light="#fffdf9")).decode()

    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert 'width="74" height="74"' in svg
    assert "#7a2e1d" in svg
    assert "#fffdf9" in svg


@pytest.mark.parametrize(
    ("dark", "light"), [("#777", "#888"), ("#ffffff", "#000000"), ("#959595", "#ffffff")]
)
def test_colours_that_no_reader_tells_apart_are_refused(dark: str, light: str) -> None:
    with pytest.raises(QrContrastTooLow):
        qr_png(URL, QrOptions(dark=dark, light=light))


def test_black_on_white_is_the_highest_contrast() -> None:
    assert round(contrast("#000000", "#ffffff")) == 21


@pytest.mark.parametrize("colour", ["red", "#12345", "", '#fff"/><script>', "#\uff11\uff11\uff11"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(QrColourUnknown):
        qr_svg(URL, QrOptions(dark=colour))


@pytest.mark.parametrize(("level", "most"), [("M", 2_331), ("H", 1_273)])
def test_a_text_that_does_not_fit_is_refused(level: Level, most: int) -> None:
    options = QrOptions(scale=1, level=level)

    assert qr_png("x" * most, options)
    with pytest.raises(QrTextTooLong):
        qr_png("x" * (most + 1), options)


@pytest.mark.parametrize(
    "options",
    [
        QrOptions(scale=SCALES[0] - 1),
        QrOptions(scale=SCALES[-1] + 1),
        QrOptions(border=BORDERS[0] - 1),
        QrOptions(border=BORDERS[-1] + 1),
        QrOptions(scale=40, border=20, level="H"),
    ],
)
def test_a_size_out_of_bounds_is_refused(options: QrOptions) -> None:
    with pytest.raises(QrSizeOutOfBounds):
        qr_png(URL * 8, options)


LOGOS = {
    "square": Image.new("RGBA", (512, 512), "#7a2e1d"),
    "wide": Image.new("RGBA", (512, 90), "#000000"),
    "tall": Image.new("RGBA", (20, 400), "#ffffff"),
    "tiny": Image.new("RGBA", (1, 1), "#00000000"),
    "monogram": monogram("AL", ink="#111111", paper="#ffffff"),
}


@pytest.mark.parametrize("text", ["x", URL, URL * 6, "https://é.example/" + "ü" * 300])
@pytest.mark.parametrize("logo", sorted(LOGOS))
def test_a_code_with_a_logo_in_its_middle_is_read(text: str, logo: str) -> None:
    for scale in (3, 8):
        assert read(qr_png(text, QrOptions(scale=scale, logo=LOGOS[logo]))) == [text]


def test_a_logo_has_the_middle_to_itself_and_raises_the_level() -> None:
    plain = Image.open(io.BytesIO(qr_png(URL, QrOptions(level="H")))).convert("RGB")
    options = QrOptions(level="L", logo=Image.new("RGBA", (64, 64), "#ff0000"))
    drawn = Image.open(io.BytesIO(qr_png(URL, options)))

    middle = drawn.width // 2
    assert drawn.size == plain.size
    assert drawn.getpixel((middle, middle)) == (255, 0, 0)
    row = [drawn.getpixel((x, middle)) for x in range(drawn.width)]
    red = [x for x, colour in enumerate(row) if colour == (255, 0, 0)]
    assert {row[x] for x in (red[0] - 2, red[-1] + 2)} == {(255, 255, 255)}


def test_a_document_carries_its_logo_within() -> None:
    svg = qr_svg(URL, QrOptions(logo=LOGOS["square"])).decode()

    within = re.findall(r'href="data:image/png;base64,([^"]+)"', svg)
    assert len(within) == svg.count("href") == 1
    assert Image.open(io.BytesIO(b64decode(within[0]))).size == (512, 512)
    assert svg.rstrip().endswith("</svg>")


def encoded(picture: Image.Image, kind: str) -> str:
    out = io.BytesIO()
    picture.save(out, kind)
    return b64encode(out.getvalue()).decode()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_taken_by_its_content(kind: str) -> None:
    picture = Image.new("RGB", (900, 300), "#1d3a2c")

    assert logo_of(encoded(picture, kind)).size == (512, 171)
    assert logo_of(f"data:text/plain;base64,{encoded(picture, kind)}").mode == "RGBA"


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "no base64!",
        b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode(),
        b64encode(b"GIF89a").decode(),
        encoded(Image.new("RGB", (9, 9)), "GIF"),
        encoded(Image.new("RGB", (9, 9)), "PNG")[:60],
        encoded(Image.new("1", (LOGO_PIXELS + 1, 1)), "PNG"),
        b64encode(b"\x89PNG\r\n\x1a\n" + bytes(LOGO_BYTES)).decode(),
        "\ud800",
    ],
)
def test_what_is_no_picture_or_too_large_is_refused(sent: str) -> None:
    with pytest.raises(LogoUnreadable) as refused:
        logo_of(sent)

    assert refused.value.errors[0].pointer == "/logo"


def test_a_monogram_without_letters_of_ours_is_a_disc() -> None:
    disc = monogram("王", ink="#111111", paper="#ffffff")

    assert disc.getcolors() is not None
    assert "#ffffff" not in {f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b, a) in disc.getcolors() if a}


def test_every_refusal_has_its_public_code() -> None:
    refusals = (QrContrastTooLow, QrTextTooLong, QrColourUnknown, QrSizeOutOfBounds)

    assert [refusal.code for refusal in refusals] == [
        "qr_contrast_too_low",
        "qr_text_too_long",
        "qr_colour_unknown",
        "qr_size_out_of_bounds",
    ]
