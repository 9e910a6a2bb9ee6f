"""QR codes that a real reader reads."""

import io

import pytest
import zxingcpp
from cards.qr import (
    QrColourUnknown,
    QrContrastTooLow,
    QrOptions,
    QrTextTooLong,
    contrast,
    qr_inline,
    qr_png,
    qr_svg,
)
from PIL import Image

URL = "https://cards.example/view/01990000-0000-7000-8000-00000000c001"


@pytest.mark.parametrize(
    "options",
    [
        QrOptions(),
        QrOptions(scale=3, border=2, level="H"),
        QrOptions(dark="#7a2e1d", light="#fffdf9", level="Q"),
    ],
)
def test_what_is_written_is_read(options: QrOptions) -> None:
    picture = Image.open(io.BytesIO(qr_png(URL, options))).convert("L")

    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [URL]


def test_an_inline_code_scales_as_a_whole() -> None:
    element = qr_inline(URL, QrOptions())

    assert 'viewBox="0 0 ' in element
    assert "width=" not in element


def test_a_document_has_its_size() -> None:
    assert b"<svg" in qr_svg(URL, QrOptions())


@pytest.mark.parametrize(("dark", "light"), [("#777", "#888"), ("#ffffff", "#000000")])
def test_colours_that_no_reader_tells_apart_are_refused(dark: str, light: str) -> None:
    with pytest.raises(QrContrastTooLow):
        qr_png(URL, QrOptions(dark=dark, light=light))


def test_black_on_white_is_the_highest_contrast() -> None:
    assert round(contrast("#000000", "#ffffff")) == 21


def test_what_is_no_colour_is_refused() -> None:
    with pytest.raises(QrColourUnknown):
        qr_png(URL, QrOptions(dark="red"))


def test_a_text_that_does_not_fit_is_refused() -> None:
    with pytest.raises(QrTextTooLong):
        qr_png("x" * 5_000, QrOptions())
