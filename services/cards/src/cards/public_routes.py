"""HTTP for everybody: the page of a card and what hangs on it, and the landing page."""

import asyncio
from base64 import b64decode
from typing import Annotated, Literal

from common.problems import NotFound
from common.service import MaybeCaller, not_modified
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cards.cards.read_model import CardRow
from cards.cards.routes import Cards, Service
from cards.counters.events import Kind
from cards.counters.routes import Counters, ThisVisitor, Visitor
from cards.counters.routes import Service as Counting
from cards.page_texts import Language
from cards.public_cards import (
    address_of,
    card_headers,
    lasting_url,
    page_url,
    scan_url,
    shown_portrait,
    shown_row,
)
from cards.public_page import (
    EDITION,
    Page,
    Places,
    links_of,
    preferred_language,
    render_card,
    render_landing,
    render_missing,
)
from cards.qr import QrOptions, qr_inline, qr_png
from cards.vcard import vcard, vcard_filename

router = APIRouter(tags=["public cards"])

PAGE_QR = QrOptions(scale=4, border=2)
PRINTED_QR = QrOptions(scale=20, border=4)
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of one pixel."""

_NOT_KEPT = {"Cache-Control": "no-store"}


@router.get("/api/v1/cards/{card_id}/vcard", response_class=Response)
async def card_vcard(
    request: Request,
    card_id: str,
    service: Service,
    caller: MaybeCaller,
    version: Annotated[Literal["3.0", "4.0"], Query()] = "3.0",
) -> Response:
    """The card as a contact to import; the page's own download is the one that is counted."""
    row = await shown_row(service, card_id, caller)
    headers = card_headers(row.face(), f"{row.version}-{version}")
    cached = not_modified(request, headers["ETag"], headers)
    return cached or await _contact(service, row, version, headers)


@router.get(
    "/view/{address}",
    response_class=HTMLResponse,
    responses={404: {"description": "A page that says so", "content": {"text/html": {}}}},
)
async def view_card(request: Request, address: str, service: Service, via: str = "") -> Response:
    """The card's public page, by its id, slug or handle; a page of its own where there is none.

    `via=qr` is in the address that the QR code carries, so that scans are told from other views.
    """
    language = preferred_language(request.headers.get("accept-language"))
    try:
        face = (await shown_row(service, address, None)).face()
    except NotFound:
        return _html(render_missing(language), language, _NOT_KEPT, 404)
    headers = card_headers(face, f"{face.version}-{language}-{via == 'qr'}-{EDITION}")
    if via not in ("", "qr"):
        headers["Cache-Control"] = "no-store"  # whatever one may write there: not a page each
    cached = not_modified(request, headers["ETag"], headers)
    if cached:
        return cached
    places = Places(service.public_url, address_of(face), face.slug, scanned=via == "qr")
    qr = qr_inline(scan_url(service, face), PAGE_QR)
    return _html(render_card(face, places=places, qr_svg=qr, language=language), language, headers)


@router.get("/view/{address}/seen.gif", response_class=Response)
async def card_seen(
    address: str, service: Service, counting: Counting, visitor: ThisVisitor, via: str = ""
) -> Response:
    """One pixel, which the page asks for: so a view is counted although a cache serves the page."""
    row = await shown_row(service, address, None)
    kinds: tuple[Kind, ...] = ("views", "scans") if via == "qr" else ("views",)
    await _count(counting, row, visitor, *kinds)
    return Response(PIXEL, headers=_NOT_KEPT, media_type="image/gif")


@router.get("/view/{address}/contact.vcf", response_class=Response)
async def save_contact(
    address: str, service: Service, counting: Counting, visitor: ThisVisitor
) -> Response:
    """The contact that the page offers: version 3.0, which every phone imports. Counted."""
    row = await shown_row(service, address, None)
    await _count(counting, row, visitor, "downloads")
    return await _contact(service, row, "3.0", _NOT_KEPT)


@router.get("/view/{address}/go/{key}", response_class=RedirectResponse, status_code=303)
async def follow_link(
    address: str, key: str, service: Service, counting: Counting, visitor: ThisVisitor
) -> Response:
    """To a link of the card, counted; back to the card when it has no such link any more.

    Leads to nothing but what stands on the card.
    """
    row = await shown_row(service, address, None)
    link = links_of(row.face()).get(key)
    if link is None:
        return RedirectResponse(page_url(service, row.face()), 303, _NOT_KEPT)
    await _count(counting, row, visitor, "clicks")
    return RedirectResponse(link, 303, {**_NOT_KEPT, "Referrer-Policy": "no-referrer"})


@router.get("/view/{address}/share.png", response_class=Response)
async def card_picture(request: Request, address: str, service: Service) -> Response:
    """What networks and messengers show beside the address."""
    row = await shown_row(service, address, None)
    headers = card_headers(row.face(), f"{row.version}-share-{EDITION}")
    cached = not_modified(request, headers["ETag"], headers)
    if cached:
        return cached
    from cards.share_picture import share_picture  # noqa: PLC0415 (Pillow: 4 MB for this route)

    portrait = await shown_portrait(service, row)
    picture = await asyncio.to_thread(share_picture, row.face(), portrait)
    return Response(picture, headers=headers, media_type="image/png")


@router.get("/view/{address}/portrait.jpg", response_class=Response)
async def card_portrait(request: Request, address: str, service: Service) -> Response:
    """The picture of the card's owner, as the page shows it; 404 for a card that shows none."""
    row = await shown_row(service, address, None)
    portrait = await shown_portrait(service, row)
    if portrait is None:
        raise NotFound
    headers = card_headers(row.face(), f"{row.version}-portrait")
    cached = not_modified(request, headers["ETag"], headers)
    return cached or Response(portrait, headers=headers, media_type="image/jpeg")


@router.get("/view/{address}/qr.png", response_class=Response)
async def printed_qr(request: Request, address: str, service: Service) -> Response:
    """The card's QR code, large enough to print."""
    face = (await shown_row(service, address, None)).face()
    headers = card_headers(face, f"{face.version}-qr")
    cached = not_modified(request, headers["ETag"], headers)
    if cached:
        return cached
    picture = await asyncio.to_thread(qr_png, scan_url(service, face), PRINTED_QR)
    return Response(picture, headers=headers, media_type="image/png")


@router.get("/", response_class=HTMLResponse)
async def landing(request: Request, service: Service) -> Response:
    """What this is, with the demo card as it stands at this moment."""
    language = preferred_language(request.headers.get("accept-language"))
    try:
        demo = (await shown_row(service, request.app.state.demo_card, None)).face()
    except NotFound:
        page = render_landing(language, demo=None, demo_page="", qr_svg="")
        return _html(page, language, _NOT_KEPT)
    headers = card_headers(demo, f"{demo.version}-{language}-landing-{EDITION}")
    cached = not_modified(request, headers["ETag"], headers)
    if cached:
        return cached
    qr = qr_inline(scan_url(service, demo), PAGE_QR)
    page = render_landing(language, demo=demo, demo_page=f"/view/{address_of(demo)}", qr_svg=qr)
    return _html(page, language, headers)


async def _count(counting: Counters, row: CardRow, visitor: Visitor, *kinds: Kind) -> None:
    for kind in kinds:
        await counting.count(kind, row.card_id, row.owner_id, visitor)


async def _contact(
    service: Cards, row: CardRow, version: Literal["3.0", "4.0"], headers: dict[str, str]
) -> Response:
    face, portrait = row.face(), await shown_portrait(service, row)
    named = f'attachment; filename="{vcard_filename(face)}"'
    lasting = lasting_url(service, face)
    body = vcard(face, page_url=lasting, version=version, portrait=portrait)
    headers = {**headers, "Content-Disposition": named}
    return Response(body, headers=headers, media_type="text/vcard; charset=utf-8")


def _html(
    page: Page, language: Language, headers: dict[str, str], status: int = 200
) -> HTMLResponse:
    said = {
        "Content-Security-Policy": page.policy,
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return HTMLResponse(page.html, status, {**headers, **said})
