"""HTTP for QR codes: of a card's page, and of anything that somebody sends."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Literal

from common.problems import FieldError, Invalid
from common.service import MaybeCaller, not_modified
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from cards.card_face import safe_link
from cards.cards.routes import Service
from cards.public_cards import card_headers, scan_url, shown_row
from cards.qr import Format, Level, QrOptions, qr_png, qr_svg

router = APIRouter(tags=["QR codes"])

LOGO_TEXT = 350_000
"""What 256 KiB are in base64, rounded up."""


class QrLook(BaseModel):
    """How a QR code shall look; bounds keep it readable and small."""

    format: Format = "png"
    scale: Annotated[int, Field(ge=1, le=40)] = 8
    border: Annotated[int, Field(ge=0, le=20)] = 4
    dark: Annotated[str, Field(max_length=7)] = "#111111"
    light: Annotated[str, Field(max_length=7)] = "#ffffff"
    level: Level = "M"

    def options(self) -> QrOptions:
        """The same for the drawing, without a logo."""
        return QrOptions(self.scale, self.border, self.dark, self.light, self.level)


class CardQr(QrLook):
    """How a card's QR code shall look; `monogram` sets the name's initials into its middle."""

    logo: Literal["none", "monogram"] = "none"


class NewQr(QrLook, json_schema_extra={"examples": [{"url": "https://atelier-verran.example"}]}):
    """What to write, an address or a text, and how. `logo` is a picture in base64."""

    url: Annotated[str | None, Field(max_length=2_000)] = None
    text: Annotated[str | None, Field(min_length=1, max_length=3_000)] = None
    logo: Annotated[str | None, Field(max_length=LOGO_TEXT)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "NewQr":
        if (self.url is None) == (self.text is None):
            raise PydanticCustomError("url_or_text", "Either url or text is needed, not both.")
        return self


class QrUrlUnfit(Invalid):
    """Not an address that a scanner should open."""

    code = "qr_url_unfit"
    detail = "A url begins with https:// or http:// and has a host."


@router.get("/api/v1/cards/{card_id}/qr", response_class=Response)
async def card_qr(
    request: Request,
    card_id: str,
    service: Service,
    caller: MaybeCaller,
    look: Annotated[CardQr, Query()],
) -> Response:
    """The QR code of the card's page. Unchanged as long as the card and the options are."""
    face = (await shown_row(service, card_id, caller)).face()
    variant = sha256(look.model_dump_json().encode()).hexdigest()[:12]
    headers = card_headers(face, f"{face.version}-{variant}")
    cached = not_modified(request, headers["ETag"], headers)
    if cached:
        return cached
    options = look.options()
    if look.logo == "monogram":
        from cards.pictures import monogram  # noqa: PLC0415 (Pillow: 4 MB, and few ask for it)

        options = replace(options, logo=monogram(face.initials, ink="#111111", paper="#ffffff"))
    return await _drawn(scan_url(service, face), options, look.format, headers)


@router.post("/api/v1/qr/generate", response_class=Response)
async def generate_qr(body: NewQr) -> Response:
    """A QR code of an address or a text (CP-17). Nothing is kept of it."""
    if body.url is not None and safe_link(body.url) is None:
        raise QrUrlUnfit(errors=[FieldError("/url", QrUrlUnfit.code, QrUrlUnfit.detail)])
    options = body.options()
    if body.logo is not None:
        from cards.pictures import logo_of  # noqa: PLC0415 (as above)

        options = replace(options, logo=await asyncio.to_thread(logo_of, body.logo))
    text = (body.url or "").strip() or body.text or ""
    return await _drawn(text, options, body.format, {"Cache-Control": "no-store"})


async def _drawn(
    text: str, options: QrOptions, format: Format, headers: Mapping[str, str]
) -> Response:
    """Drawn in a thread: a large code takes a tenth of a second."""
    draw, kind = (qr_svg, "image/svg+xml") if format == "svg" else (qr_png, "image/png")
    picture = await asyncio.to_thread(draw, text, options)
    return Response(picture, headers=dict(headers), media_type=kind)
