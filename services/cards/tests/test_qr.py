"""QR codes that a real reader reads."""

import io

import pytest
import zxingcpp
from cards.qr import (
    BORDERS,
    SCALES,
    Level,
    QrColourUnknown,
    QrContrastTooLow,
    QrOptions,
    QrSizeOutOfBounds,
    QrTextTooLong,
    contrast,
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
    ],
)
def test_a_size_out_of_bounds_is_refused(options: QrOptions) -> None:
    with pytest.raises(QrSizeOutOfBounds):
        qr_png(URL, options)


def test_every_refusal_has_its_public_code() -> None:
    refusals = (QrContrastTooLow, QrTextTooLong, QrColourUnknown, QrSizeOutOfBounds)

    assert [refusal.code for refusal in refusals] == [
        "qr_contrast_too_low",
        "qr_text_too_long",
        "qr_colour_unknown",
        "qr_size_out_of_bounds",
    ]
