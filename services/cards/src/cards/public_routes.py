"""HTTP for everybody: the page of a card, its vCard, its QR code."""

from typing import Annotated, Literal
from uuid import UUID

from common.problems import NotFound
from common.service import not_modified
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, Response

from cards.card_face import CardFace
from cards.cards.read_model import live_card
from cards.cards.routes import Cards, Service
from cards.public_page import (
    CONTENT_SECURITY_POLICY,
    EDITION,
    preferred_language,
    render_card,
    render_missing,
)
from cards.qr import Level, QrOptions, qr_inline, qr_png, qr_svg
from cards.vcard import vcard, vcard_filename

router = APIRouter(tags=["public cards"])

PAGE_QR = QrOptions(scale=4, border=2)


class QrQuery(BaseModel):
    """How a QR code shall look; bounds keep it readable and small."""

    format: Literal["png", "svg"] = "png"
    scale: Annotated[int, Field(ge=1, le=40)] = 8
    border: Annotated[int, Field(ge=0, le=20)] = 4
    dark: Annotated[str, Field(max_length=7)] = "#111111"
    light: Annotated[str, Field(max_length=7)] = "#ffffff"
    level: Level = "M"


@router.get("/api/v1/cards/{card_id}/vcard", response_class=Response)
async def card_vcard(
    request: Request,
    card_id: UUID,
    service: Service,
    version: Annotated[Literal["3.0", "4.0"], Query()] = "3.0",
) -> Response:
    """The card as a contact to import."""
    face = await _face(service, card_id)
    headers = _headers(face, f"{face.version}-{version}")
    headers["Content-Disposition"] = f'attachment; filename="{vcard_filename(face)}"'
    body = vcard(face, page_url=_page_url(service, card_id), version=version)
    cached = not_modified(request, headers["ETag"], headers)
    return cached or Response(body, headers=headers, media_type="text/vcard; charset=utf-8")


@router.get("/api/v1/cards/{card_id}/qr", response_class=Response)
async def card_qr(
    request: Request,
    card_id: UUID,
    service: Service,
    look: Annotated[QrQuery, Query()],
) -> Response:
    """The QR code of the card's page."""
    face = await _face(service, card_id)
    options = QrOptions(look.scale, look.border, look.dark, look.light, look.level)
    headers = _headers(face, f"{face.version}-{_variant(options, look.format)}")
    cached = not_modified(request, headers["ETag"], headers)
    if cached:
        return cached
    draw, kind = (qr_svg, "image/svg+xml") if look.format == "svg" else (qr_png, "image/png")
    return Response(draw(_page_url(service, card_id), options), headers=headers, media_type=kind)


@router.get("/view/{card_id}", response_class=HTMLResponse)
async def view_card(request: Request, card_id: str, service: Service) -> Response:
    """The card's public page; a page of its own when there is none."""
    language = preferred_language(request.headers.get("accept-language"))
    try:
        face = await _face(service, UUID(card_id))
    except (NotFound, ValueError):
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-store"}
        return HTMLResponse(render_missing(language), 404, headers)
    headers = _headers(face, f"{face.version}-{language}-{EDITION}")
    headers |= {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    cached = not_modified(request, headers["ETag"], headers)
    if cached:
        return cached
    page_url = _page_url(service, face.card_id)
    html = render_card(
        face,
        page_url=page_url,
        vcard_url=f"/api/v1/cards/{face.card_id}/vcard",
        qr_svg=qr_inline(page_url, PAGE_QR),
        language=language,
    )
    return HTMLResponse(html, headers=headers)


async def _face(service: Cards, card_id: UUID) -> CardFace:
    row = await live_card(service.kernel.database, card_id)
    if row is None:
        raise NotFound
    return CardFace.of(row.card_id, row.version, row.updated_at, row.details)


def _page_url(service: Cards, card_id: UUID) -> str:
    return f"{service.public_url}/view/{card_id}"


def _headers(face: CardFace, variant: str) -> dict[str, str]:
    return {
        "Cache-Tags": f"card/{face.card_id}",
        "Cache-Control": "public, no-cache",
        "ETag": f'"{variant}"',
    }


def _variant(options: QrOptions, format: str) -> str:
    look = (options.dark + options.light).replace("#", "")
    return f"{format}-{options.scale}-{options.border}-{look}-{options.level}"
