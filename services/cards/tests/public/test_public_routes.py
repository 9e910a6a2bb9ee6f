"""What everybody may ask for: pages, pictures, codes, contacts, and who may not see them."""

import io
import json
from base64 import b64encode
from typing import Any

import pytest
import zxingcpp
from cards.cards.examples import FACE
from cards.share_picture import HEIGHT, WIDTH, share_picture
from common.ids import uuid7
from PIL import Image, ImageChops

PUBLIC = ("", "/share.png", "/qr.png", "/contact.vcf", "/seen.gif", "/go/0123456789ab")


def decoded(picture: bytes) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))]


async def body(site: Any, path: str, **headers: str) -> bytes:
    answer = await site.visit(path, **headers)
    assert answer.status == 200, (path, answer.status)
    content: bytes = answer.body
    return content


async def test_a_page_is_found_by_id_slug_and_handle(site: Any) -> None:
    card = await site.card(handle="ada-lovelace")
    slug = card["slug"]

    found = [await body(site, f"/view/{key}") for key in (card["id"], slug, "ada-lovelace")]

    assert found[0] == found[1] == found[2]
    assert b"Ada Lovelace" in found[0]


async def test_a_page_can_be_kept_by_caches_until_its_card_changes(site: Any) -> None:
    owner = uuid7()
    card = await site.card(owner)
    view = f"/view/{card['slug']}"
    for path in (view, f"{view}/share.png", f"{view}/qr.png", f"/api/v1/cards/{card['id']}/qr"):
        first = await site.visit(path)
        tag = first.headers["ETag"]
        assert first.headers["Cache-Tags"] == f"card/{card['id']}"
        assert first.headers["Cache-Control"] == "public, no-cache"
        assert (await site.visit(path, **{"If-None-Match": tag})).status == 304

        change = {"title": f"Analyst {path}"}
        own = f"/api/v1/cards/{card['id']}"
        async with site.client.patch(own, json=change, headers=site.as_(owner)) as changed:
            assert changed.status == 200
        assert (await site.visit(path, **{"If-None-Match": tag})).status == 200


@pytest.mark.parametrize("where", PUBLIC)
async def test_a_private_a_deleted_and_an_unknown_card_are_alike(site: Any, where: str) -> None:
    """CP-18: 404 for a card that is not to be seen."""
    owner = uuid7()
    private = await site.card(visibility="private")
    deleted = await site.card(owner)
    async with site.client.delete(f"/api/v1/cards/{deleted['id']}", headers=site.as_(owner)) as r:
        assert r.status == 204

    answers = [
        await site.visit(f"/view/{key}{where}")
        for key in (private["slug"], deleted["slug"], uuid7(), "nobody", "a" * 128)
    ]

    assert {answer.status for answer in answers} == {404}
    assert not [answer for answer in answers if "Cache-Tags" in answer.headers]


async def test_only_its_owner_gets_a_private_cards_code_and_contact(site: Any) -> None:
    owner = uuid7()
    card = await site.card(owner, visibility="private")
    for path in (f"/api/v1/cards/{card['id']}/{what}" for what in ("qr", "vcard")):
        own = await site.visit(path, **site.as_(owner))

        assert (own.status, own.headers["Cache-Control"]) == (200, "private")
        assert (await site.visit(path)).status == 404
        assert (await site.visit(path, **site.as_(uuid7()))).status == 404


async def test_a_page_speaks_the_readers_language(site: Any) -> None:
    card = await site.card()
    view = f"/view/{card['slug']}"

    french = await site.visit(view, **{"Accept-Language": "fr-CH, en;q=0.5"})

    assert french.headers["Content-Language"] == "fr"
    assert french.headers["Vary"] == "Accept-Language"
    assert french.headers["ETag"] != (await site.visit(view)).headers["ETag"]
    missing = await site.visit("/view/nobody", **{"Accept-Language": "fr"})
    assert "pas de carte" in missing.text


async def test_what_one_may_write_into_an_address_is_not_a_page_each(site: Any) -> None:
    card = await site.card()

    odd = await site.visit(f"/view/{card['slug']}?via=<script>")

    assert (odd.status, odd.headers["Cache-Control"]) == (200, "no-store")
    assert "<script>" not in odd.text


async def test_every_code_of_a_card_leads_to_its_lasting_address(site: Any) -> None:
    card = await site.card(handle="the-countess")
    lasting = f"https://cards.example/view/{card['slug']}?via=qr"
    api = f"/api/v1/cards/{card['id']}/qr"

    for path in ("/view/the-countess/qr.png", f"{api}?scale=3&level=L", f"{api}?logo=monogram"):
        assert decoded(await body(site, path)) == [lasting]
    drawn = await body(site, f"{api}?format=svg&logo=monogram&dark=%237a2e1d")
    assert drawn.startswith(b"<svg")


@pytest.mark.parametrize(
    "query",
    [
        "scale=0",
        "scale=x",
        "border=21",
        "format=gif",
        "level=Z",
        "logo=https://x.example/a.png",
        "dark=%23999",
        "dark=white&light=black",
        "dark=red",
        "light=%23111111",
    ],
)
async def test_a_look_that_no_reader_reads_is_refused(site: Any, query: str) -> None:
    card = await site.card()

    answer = await site.visit(f"/api/v1/cards/{card['id']}/qr?{query}")

    assert answer.status == 422
    assert answer.content_type == "application/problem+json"


async def generated(site: Any, **sent: Any) -> tuple[int, bytes]:
    async with site.client.post("/api/v1/qr/generate", json=sent) as response:
        return response.status, await response.read()


async def test_a_code_of_anything_is_generated(site: Any) -> None:
    """CP-17: with a url a PNG."""
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "#1d3a2c").save(picture, "PNG")
    logo = b64encode(picture.getvalue()).decode()

    for sent in ({"url": "https://example.org/a?b=c"}, {"text": "Grüße\n王"}):
        text = next(iter(sent.values()))
        assert decoded((await generated(site, **sent))[1]) == [text]
        assert decoded((await generated(site, **sent, logo=logo))[1]) == [text]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, "invalid"),
        ({"url": "https://a.example", "text": "b"}, "invalid"),
        ({"text": ""}, "invalid"),
        ({"text": 5}, "invalid"),
        ({"url": "javascript:alert(1)"}, "qr_url_unfit"),
        ({"url": "ftp://a.example"}, "qr_url_unfit"),
        ({"text": "x" * 2_500}, "qr_text_too_long"),
        ({"text": "x" * 3_001}, "invalid"),
        ({"text": "x" * 2_000, "scale": 40}, "qr_size_out_of_bounds"),
        ({"text": "x", "logo": "bm8="}, "logo_unreadable"),
        ({"text": "x", "dark": "#aaa"}, "qr_contrast_too_low"),
        ({"text": "\ud800"}, "invalid"),
    ],
)
async def test_what_makes_no_code_is_refused(site: Any, sent: dict[str, Any], code: str) -> None:
    """CP-17: without a url an error."""
    status, answer = await generated(site, **sent)

    assert (status, json.loads(answer)["code"]) == (422, code)


async def test_a_way_leads_only_to_what_stands_on_the_card(site: Any) -> None:
    card = await site.card(website="https://example.org")
    view = f"/view/{card['slug']}"

    for key in ("0123456789ab", "https:%2F%2Fevil.example"):
        answer = await site.visit(f"{view}/go/{key}")
        assert answer.headers.get("Location", f"https://cards.example{view}") == (
            f"https://cards.example{view}"
        )


async def test_the_landing_page_shows_the_demo_card_as_soon_as_there_is_one(site: Any) -> None:
    before = await site.visit("/")
    card = await site.card(handle="the-demo")
    after = await site.visit("/", **{"Accept-Language": "fr"})

    assert (before.status, before.headers["Cache-Control"]) == (200, "no-store")
    assert "Ada Lovelace" not in before.text
    assert after.headers["Cache-Tags"] == f"card/{card['id']}"
    assert "Ada Lovelace" in after.text
    assert "/view/the-demo" in after.text


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "Élodie Ångström-Żółkiewska de la Fontaine et Compagnie", "title": "x" * 200},
        {"name": "X" * 100, "company": "Y" * 200},
        {"name": "王小明", "title": "مهندس", "company": "🜁"},
        {"accent": "#ffee00", "theme": "linen"},
    ],
)
def test_every_card_has_a_share_picture(changes: dict[str, Any]) -> None:

    face = type(FACE)(**{**vars(FACE), **changes})

    drawn = Image.open(io.BytesIO(share_picture(face)))

    assert (drawn.format, drawn.size) == ("PNG", (WIDTH, HEIGHT))


def test_a_share_picture_shows_the_owner_where_the_monogram_stands() -> None:
    portrait = io.BytesIO()
    Image.new("RGB", (256, 256), "#00ff00").save(portrait, "JPEG")

    without, shown = (
        Image.open(io.BytesIO(share_picture(FACE, picture))).convert("RGB")
        for picture in (None, portrait.getvalue())
    )

    left, top, right, bottom = ImageChops.difference(without, shown).getbbox() or (0, 0, 0, 0)
    middle = shown.getpixel(((left + right) // 2, (top + bottom) // 2))
    assert middle[1] > 200 > 50 > middle[0]
    assert 190 < left < right < 350
    assert 115 < top < bottom < 265, "the first line of a long name begins there"
