"""`cartulary views`: current, compared, built anew; never half."""

import signal
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from cards.consumed_events import AccountErased
from cartulary.services import KNOWN
from common.clock import SystemClock
from common.feed import Feeds
from common.in_process import InProcessBroker
from common.inbox import MessageView
from common.kernel import Kernel
from common.messages import Envelope
from common.statements import Write
from common.testing.waiting import eventually
from common.worker import Worker, WorkerDeclaration

pytestmark = pytest.mark.integration


async def rows(operated: Any) -> int:
    async with operated.cards.database.owner() as owner:
        count: int = await owner.fetchval("select count(*) from cards")
    return count


async def many_cards(operated: Any, count: int) -> None:
    """A log that takes a while to fold: copies of one card's event, as other cards."""
    await operated.card()
    async with operated.cards.database.owner() as owner:
        await owner.execute(
            "insert into events (stream, category, version, type, schema, data, meta, hash)"
            " select 'card-' || id, 'card', 1, type, schema,"
            "        (data::jsonb - '$sealed' || jsonb_build_object('card_id', id,"
            '           \'details\', \'{"name": "n", "title": "t", "email": "e"}\'::jsonb))'
            "        ::json, meta, hash"
            "   from events, (select gen_random_uuid() as id from generate_series(1, $1::int)) as n"
            "  where position = 1",
            count,
        )


async def test_the_state_of_each_view_is_told(operated: Any) -> None:
    ran = await operated.run("views", "status", "--json")

    assert ran.code == 0, ran.err
    assert [(v["service"], v["name"], v["state"]) for v in ran.json] == [
        ("auth", "accounts", "live"),
        ("auth", "sessions", "live"),
        ("auth", "profiles", "live"),
        ("auth", "activity", "live"),
        ("cards", "cards", "live"),
        ("cards", "card_visits", "live"),
        ("billing", "plans", "live"),
        ("billing", "plan_categories", "live"),
        ("billing", "customers", "live"),
        ("billing", "subscriptions", "live"),
        ("billing", "invoices", "live"),
        ("billing", "invoice_refunds", "live"),
        ("billing", "payments", "live"),
        ("billing", "payment_refunds", "live"),
    ]
    async with operated.cards.database.owner() as owner:
        await owner.execute("update views set version = '0:older'")
        await owner.execute("create schema building_cards")
    ran = await operated.ask("views", "status")
    assert ran.code == 1
    assert "outdated" in ran.out
    assert "an interrupted rebuild left tables" in ran.out


async def test_a_view_is_the_same_as_its_log_or_the_rows_are_named(operated: Any) -> None:
    right, wrong, lost = [await operated.card() for _ in range(3)]
    same = await operated.ask("views", "verify")
    assert same.code == 0, same.err
    assert "cards: the same as its log (3 rows from 3 events, at position 3)" in same.out

    async with operated.cards.database.owner() as owner:
        await owner.execute(
            'update cards set details = details || \'{"name": "Eve"}\' where card_id = $1', wrong
        )
        await owner.execute("delete from cards where card_id = $1", lost)
    ran = await operated.ask("views", "verify", "cards")

    assert ran.code == 1
    assert f"card_id={wrong} differs in details" in ran.out
    assert f"card_id={lost} is missing" in ran.out
    assert str(right) not in ran.out
    assert "Eve" not in ran.out
    assert await rows(operated) == 2, "it rewrites nothing"


async def test_a_rebuild_mends_what_differs(operated: Any) -> None:
    for _ in range(3):
        await operated.card()
    async with operated.cards.database.owner() as owner:
        await owner.execute("delete from cards")

    ran = await operated.ask("views", "rebuild", "cards")

    assert ran.code == 0, ran.err
    assert "cards: built anew from 3 events" in ran.out
    assert "/s, 100 % of the log" in ran.err
    assert await rows(operated) == 3


async def test_an_interrupted_rebuild_changes_nothing_and_a_second_at_once_is_refused(
    operated: Any,
) -> None:
    await many_cards(operated, 6_000)
    assert await rows(operated) == 1

    async def work() -> str | None:
        status = await operated.ask("views", "status", "--service", "cards", "--json")
        work: str | None = status.json[0]["work"]
        return work

    async def builds() -> bool:
        return await work() == "rebuild"

    async def lock_is_free() -> bool:
        return await work() is None

    async with operated.cards.database.owner() as writer, writer.transaction():
        await writer.execute("lock table cards in row exclusive mode")  # no switch meanwhile
        first = await operated.start("views", "rebuild", "cards")
        await eventually(builds, within=180, what="a rebuild under way")
        first.send_signal(signal.SIGSTOP)  # it holds its lock and stands still
        second = await operated.ask("views", "rebuild", "cards")
        compared = await operated.ask("views", "verify", "cards")
        first.kill()
        await first.wait()

    assert (second.code, compared.code) == (1, 1)
    assert "another process rebuilds or verifies it" in second.err
    assert await rows(operated) == 1
    await eventually(lock_is_free, within=180, what="the end of the killed one's session")
    again = await operated.ask("views", "rebuild", "cards")
    assert again.code == 0, again.err
    assert await rows(operated) == 6_001


async def test_an_unknown_view_is_told_the_known_ones(operated: Any) -> None:
    for command in ("rebuild", "verify"):
        ran = await operated.ask("views", command, "card")

        assert (ran.code, ran.out) == (2, "")
        assert "There is no view card. Did you mean cards? Known: accounts, sessions," in ran.err


async def test_a_view_that_is_not_live_is_not_compared(operated: Any) -> None:
    async with operated.cards.database.owner() as owner:
        await owner.execute("update views set version = $1", uuid4().hex)

    ran = await operated.ask("views", "verify", "cards")

    assert ran.code == 1
    assert "cards is outdated" in ran.err


async def test_a_view_made_of_messages_is_said_to_have_no_log_here(
    operated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_rows(_: AccountErased, __: Envelope) -> list[Write]:
        return []

    def create_worker(_: Any, kernel: Kernel, broker: InProcessBroker, feeds: Feeds) -> Worker:
        declaration = WorkerDeclaration(handlers=[MessageView(AccountErased, no_rows)])
        return Worker(kernel, declaration, broker, feeds, SystemClock())

    of_messages = replace(KNOWN["cards"], create_worker=create_worker)
    monkeypatch.setitem(KNOWN, "cards", of_messages)

    for command in ("rebuild", "verify"):
        ran = await operated.ask("views", command, "auth.account_erased.v1")

        assert ran.code == 2
        assert "there is no log here to fold" in ran.err


async def test_a_role_that_may_not_build_tables_is_told(operated: Any) -> None:
    async with operated.cards.database.owner() as owner:
        role = f"visitor_{uuid4().hex}"
        await owner.execute(f"create role {role} login")
        await owner.execute(f"grant cartulary_service to {role}")
    address = operated.environment["CARDS_DATABASE_URL"].replace("postgres@", f"{role}@")

    where = ("--service", "cards", "--database-url", address)
    ran = await operated.ask("views", "verify", "cards", *where)

    assert ran.code == 3
    assert "PostgreSQL refuses: permission denied" in ran.err


async def test_a_log_with_events_of_newer_code_is_not_folded(operated: Any) -> None:
    await operated.card()
    async with operated.cards.database.owner() as owner:
        await owner.execute("alter table events disable trigger events_are_append_only")
        await owner.execute("update events set schema = 9")

    ran = await operated.ask("views", "rebuild", "cards")

    assert ran.code == 3
    assert "This command is older than the log" in ran.err
    assert await rows(operated) == 1
