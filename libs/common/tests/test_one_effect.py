"""P4: the same command any number of times, at once, with commits cut: one effect, one answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from common.command_handling import Answer, Commands, Handled, IdempotencyKeyInUse
from common.database import Database
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause
from common.kernel import Kernel
from common.problems import Conflict, Unavailable
from common.testing.cutting_proxy import Cut, CuttingProxy, cutting_proxy
from common.testing.example import NOTE, NoteState, WriteNote
from common.testing.kernel import NOW, cause, kernel_on
from hypothesis import given, settings
from hypothesis import strategies as st

ANSWER = Answer(201, {"it": "is written"}, {"ETag": '"1"'})


@dataclass
class Cutting:
    """A kernel whose commands go through the proxy, and the kernel without it."""

    proxy: CuttingProxy
    commands: Commands
    kernel: Kernel

    async def effects(self, id: UUID) -> int:
        """How often the note was written, by the log and by the read model alike."""
        async with self.kernel.database.reader() as reader:
            row = await reader.connection.fetchrow(
                "select (select count(*) from events where stream = $1) as events,"
                " (select count(*) from notes where note_id = $2) as rows",
                NOTE.stream(id),
                id,
            )
        assert row["events"] == row["rows"]
        return int(row["events"])


@asynccontextmanager
async def cutting_kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Cutting]:
    async with (
        kernel_on(postgres) as kernel,
        cutting_proxy(postgres, kernel.database.dsn) as proxy,
    ):
        database = await Database.connect(proxy.dsn, size=8)
        try:
            projections = kernel.commands.projections
            commands = Commands(database, kernel.store, projections, kernel.wake)
            yield Cutting(proxy, commands, kernel)
        finally:
            await database.close()


@pytest.fixture(scope="module")
async def cutting(postgres: EmbeddedPostgres) -> AsyncIterator[Cutting]:
    async with cutting_kernel(postgres) as cutting:
        yield cutting


async def attempt(commands: Commands, id: UUID, why: Cause) -> Handled[NoteState]:
    return await commands.handle(
        NOTE,
        id,
        WriteNote(id, UUID(int=1), f"title {id}", "x"),
        why,
        answer=lambda state, version: ANSWER,
    )


@pytest.mark.integration
async def test_a_lost_reply_to_the_commit_is_looked_up(cutting: Cutting) -> None:
    id = uuid4()
    cutting.proxy.plan = [Cut.AFTER_THE_COMMIT]

    handled = await attempt(cutting.commands, id, cause(fingerprint=b"same"))

    assert cutting.proxy.plan == []
    assert handled.replayed
    assert handled.answer == ANSWER
    assert await cutting.effects(id) == 1


@pytest.mark.integration
async def test_a_commit_that_never_arrived_is_told_and_changes_nothing(cutting: Cutting) -> None:
    id = uuid4()
    cutting.proxy.plan = [Cut.BEFORE_THE_COMMIT]

    with pytest.raises(Unavailable, match="Nothing was changed"):
        await attempt(cutting.commands, id, cause())

    assert cutting.proxy.plan == []
    assert await cutting.effects(id) == 0


@pytest.mark.integration
@pytest.mark.parametrize("cut", Cut)
async def test_who_shared_a_cut_commit_hears_the_truth_each(cutting: Cutting, cut: Cut) -> None:
    ids, told = list[UUID](), list[object]()
    cutting.proxy.plan = [cut] * 3
    # a crowd may share fewer commits than there are cuts: a later one meets them
    for _ in range(3):
        crowd = [uuid4() for _ in range(8)]
        told += await asyncio.gather(
            *(attempt(cutting.commands, id, cause()) for id in crowd), return_exceptions=True
        )
        ids += crowd

    assert cutting.proxy.plan == []
    assert {type(each) for each in told} <= {Handled, Unavailable}
    for id, each in zip(ids, told, strict=True):
        assert await cutting.effects(id) == isinstance(each, Handled)


@pytest.mark.integration
@given(
    rounds=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    plan=st.lists(st.sampled_from(Cut), max_size=4),
    repeatable=st.booleans(),
)
@settings(max_examples=25, deadline=None)  # a step is a transaction on a disk that others share
async def test_any_repeats_with_any_cuts_have_one_effect(
    cutting: Cutting, rounds: Sequence[int], plan: Sequence[Cut], repeatable: bool
) -> None:
    """Rounds of so many attempts at once. `repeatable`: under a key of the caller's; without one a
    repeat may also hear the decider's refusal, for the note stands there already."""
    id = uuid4()
    why = Cause(uuid4(), NOW, fingerprint=b"same" if repeatable else None)
    told: list[Handled[NoteState]] = []
    refusals = Unavailable | (IdempotencyKeyInUse if repeatable else Conflict)
    cutting.proxy.plan = list(plan)
    for at_once in rounds:
        results = await asyncio.gather(
            *(attempt(cutting.commands, id, why) for _ in range(at_once)), return_exceptions=True
        )
        told += [result for result in results if isinstance(result, Handled)]
        assert [r for r in results if not isinstance(r, Handled | refusals)] == []
        effects = await cutting.effects(id)
        assert effects == 1 if told else effects <= 1
    cutting.proxy.plan = []
    with nullcontext() if repeatable else suppress(Conflict):
        told.append(await attempt(cutting.commands, id, why))

    assert await cutting.effects(id) == 1
    assert all(handled.version == 1 for handled in told)
    assert all(handled.answer == ANSWER for handled in told)
