"""The pages that links in mails open: opening them changes nothing, and they need nobody else."""

import re

import pytest
from gateway.pages import LINK_PAGES
from gateway.route_tree import RoutesTable
from gateway.routes import Access
from gateway.routes_table import ROUTES

pages = pytest.mark.parametrize("page", LINK_PAGES)


@pages
async def test_opening_a_link_asks_no_service_and_changes_nothing(world, page):
    got = await world.get(f"/{page}?token=abc")

    assert (got.status, got.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not world.service.asked("/api/v1/auth/email/verify")
    assert f'data-page="{page}"'.encode() in got.body
    assert b"abc" not in got.body


@pages
async def test_a_link_page_loads_all_it_needs_from_here(world, page):
    html = (await world.get(f"/{page}")).body

    for address in re.findall(rb'(?:src|href)="(/[^"]+)"', html):
        assert (await world.get(address.decode())).status == 200
    assert b"//" not in html.replace(b"<!doctype", b"")
    assert b"<script>" not in html
    assert b"style=" not in html


@pages
async def test_a_link_page_can_only_talk_to_this_site(world, page):
    policy = (await world.get(f"/{page}")).headers["content-security-policy"]

    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives.pop("default-src") == "'none'"
    assert set(directives.values()) <= {"'self'", "'none'"}
    assert directives["form-action"] == "'none'", "a password never goes into an address"


async def test_every_address_that_a_link_s_button_asks_for_takes_a_post_from_anyone(world):
    script = (await world.get("/assets/link.js")).body.decode()

    addresses = re.findall(r'"(/api/v1/[^"]+)"', script)
    table = RoutesTable(ROUTES)
    assert len(addresses) == len(LINK_PAGES) + 1
    for address in addresses:
        match = table.find(address)
        assert match is not None, address
        assert match.routes["POST"][0].who is Access.ANYONE


async def test_both_languages_say_the_same_things(world):
    script = (await world.get("/assets/link.js")).body.decode()

    english, french = re.findall(r"^  (?:en|fr): \{(.*?)^  \},", script, re.DOTALL | re.MULTILINE)
    assert re.findall(r"\b(\w+): [\[\"]", english) == re.findall(r"\b(\w+): [\[\"]", french)
