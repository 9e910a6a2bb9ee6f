"""A cache of folded states, for streams where loading them was measured to be slow.

A snapshot whose state has another shape than the code's is ignored, and any of them may be deleted
at any time: the fold gives the same.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Generic

import orjson
import structlog
from pydantic import TypeAdapter

from common.database import Database, Transaction
from common.decider import CommandT, Decider, EventT, StateT
from common.event_store import Stream

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SnapshotPolicy:
    """Keep the states of this decider once `every` events had to be folded."""

    decider: Decider[Any, Any, Any]
    state: TypeAdapter[Any]
    every: int = 100

    @property
    def shape(self) -> str:
        """Changes with the state's schema, so that older snapshots are ignored."""
        schema = orjson.dumps(self.state.json_schema(), option=orjson.OPT_SORT_KEYS)
        return sha256(schema).hexdigest()[:16]


@dataclass(frozen=True)
class Start(Generic[StateT]):
    """Where folding may begin."""

    state: StateT
    version: int = 0
    hash: bytes | None = None


class Snapshots:
    """The snapshots of those categories that have a policy."""

    def __init__(self, policies: Sequence[SnapshotPolicy]) -> None:
        self._policies = {policy.decider.category: policy for policy in policies}
        self._shapes = {category: policy.shape for category, policy in self._policies.items()}
        self._writing: set[asyncio.Task[None]] = set()

    def cover(self, decider: Decider[CommandT, StateT, EventT]) -> bool:
        """Whether there may be one of this category."""
        return decider.category in self._policies

    async def newest(
        self, transaction: Transaction, decider: Decider[CommandT, StateT, EventT], stream: str
    ) -> Start[StateT]:
        """The newest usable snapshot, or the beginning."""
        policy = self._policies.get(decider.category)
        if policy is None:
            return Start(decider.initial)
        shape = self._shapes[decider.category]
        row = await transaction.connection.fetchrow(_NEWEST, stream, shape)
        if row is None:
            return Start(decider.initial)
        return Start(policy.state.validate_json(row["state"]), row["version"], row["hash"])

    def renew(
        self,
        database: Database,
        transaction: Transaction,
        decider: Decider[CommandT, StateT, EventT],
        stream: Stream,
        state: StateT,
    ) -> None:
        """Write a snapshot after the commit, in the background, if enough events were folded."""
        policy = self._policies.get(decider.category)
        if policy is None or len(stream.events) < policy.every:
            return
        text = policy.state.dump_json(state).decode()
        if policy.state.validate_json(text) != state:
            # two states of the union look alike in JSON: the fold tells them apart, this would not
            log.warning("snapshot_is_ambiguous", category=decider.category)
            return
        shape = self._shapes[decider.category]

        def write() -> None:
            task = asyncio.ensure_future(_write(database, stream, shape, text))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

        transaction.after_commit(write)


async def _write(database: Database, stream: Stream, shape: str, state: str) -> None:
    async with database.reader() as connection:
        await connection.connection.execute(
            _WRITE, stream.name, stream.version, shape, stream.hash, state
        )


_NEWEST = """
    select version, hash, state from snapshots
     where stream = $1 and kind = 'state' and shape = $2"""
# Who still remembers an erased person's key, for up to a minute, must not keep them in a snapshot.
# The share lock waits for an erasure under way; an erasure waits for the lock, then deletes.
_WRITE = """
    with persons as (
        select wrapped from subject_keys
         where subject in (select (data ->> field)::uuid
                             from events, json_object_keys(data -> '$sealed') as field
                            where stream = $1)
           for share)
    insert into snapshots (stream, kind, version, shape, hash, state)
    select $1, 'state', $2, $3, $4, $5::json
     where not exists (select from persons where wrapped is null)
        on conflict (stream, kind) do update
           set version = excluded.version, shape = excluded.shape, hash = excluded.hash,
               state = excluded.state
         where snapshots.version < excluded.version or snapshots.shape <> excluded.shape"""
