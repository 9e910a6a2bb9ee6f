"""What must hold after any fault, read from both databases when all is quiet again."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from common.broker import partition
from common.event_store import Recorded
from common.kernel import Kernel
from common.messages import PublishedEvent, subject_of
from common.parking import list_parked
from common.statements import Statement
from common.testing.example import NOTE, NOTES, Note, NoteBurnt, NoteChanged, NoteWritten
from common.testing.faults.system import PARTITIONS, System
from common.testing.waiting import eventually
from common.verification import verify_log

_PAGE = 2_000


@dataclass
class Findings:
    """How many, and what is wrong."""

    events: int = 0
    public: int = 0
    effects: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)

    @property
    def faultless(self) -> bool:
        """Nothing lost, doubled, reordered, nor wrong otherwise."""
        return not (self.lost or self.doubled or self.reordered or self.flaws)


async def quiet(system: System, within: float = 120) -> None:
    """Wait until everything written has passed through, in every partition.

    A note is written into each partition after all the others: queues keep their order, also what
    is delivered again stands before it, so its effect says that theirs are there.
    """
    left, last = set(range(PARTITIONS)), list[UUID]()
    while left:
        id = await system.writer().note(0, burn=False)
        last.append(id)
        left.discard(partition(subject_of(NOTE.stream(id)), PARTITIONS))

    async def heard() -> bool:
        async with system.reader.database.reader() as reader:
            return bool(await reader.connection.fetchval(_HEARD, last, len(last)))

    await eventually(heard, within=within, what="all partitions heard of the last notes")


async def inspect(system: System) -> Findings:
    """Compare what was answered, both logs, the effects and the read models."""
    findings = Findings(flaws=list(system.ledger.wrong))
    log = await _whole_log(system.notes)
    findings.events = len(log)
    _compare_answers(system.ledger.notes, log, findings)
    await _compare_effects(system, log, findings)
    for kernel in (system.notes, system.reader):
        await _compare_view(kernel, findings)
        findings.flaws += [f"chain: {flaw}" async for flaw in verify_log(kernel.database)]
        findings.flaws += [f"parked: {dict(row)}" for row in await list_parked(kernel.database)]
    return findings


async def _whole_log(kernel: Kernel) -> list[Recorded]:
    found: list[Recorded] = []
    async with kernel.database.reader() as reader:
        while True:
            after = found[-1].position if found else 0
            rows = await reader.connection.fetch(_LOG, after, _PAGE)
            if not rows:
                return found
            found += await kernel.store.recorded(reader, rows)


def _compare_answers(
    answered: Mapping[UUID, Sequence[str | None]], log: Sequence[Recorded], findings: Findings
) -> None:
    """The log holds what was answered: all of it, once, in this order, and nothing else."""
    logged: dict[UUID, list[str | None]] = defaultdict(list)
    for record in log:
        logged[record.event.note_id].append(_text(record.event))
    for id in answered.keys() | logged.keys():
        owed, there = list(answered.get(id, ())), logged.get(id, [])
        if owed != there:
            findings.flaws.append(f"note-{id} was answered {owed} and has {there}")


def _text(event: NoteWritten | NoteChanged | NoteBurnt) -> str | None:
    return None if isinstance(event, NoteBurnt) else event.text


async def _compare_effects(system: System, log: Sequence[Recorded], findings: Findings) -> None:
    """Every public event has had its effect: once, and in the order of its stream."""
    told = ((record, system.notes.declaration.publish(record.event)) for record in log)
    owed = {
        (record.event.note_id, record.version): _what(message)
        for record, message in told
        if message is not None
    }
    async with system.reader.database.reader() as reader:
        rows = await reader.connection.fetch(_EFFECTS)
        obituaries = await reader.connection.fetchval("select count(*) from events")
    had = Counter((row["note_id"], row["version"]) for row in rows)
    findings.public, findings.effects = len(owed), len(rows)
    findings.lost += [f"note-{id} {version}" for id, version in owed.keys() - had.keys()]
    findings.doubled += [f"note-{id} {version}: {n}" for (id, version), n in had.items() if n > 1]
    findings.flaws += [
        f"note-{row['note_id']} {row['version']} is not what was written"
        for row in rows
        if owed.get((row["note_id"], row["version"])) != row["what"]
    ]
    newest: dict[UUID, int] = defaultdict(int)
    for row in rows:
        if row["version"] < newest[row["note_id"]]:
            findings.reordered.append(f"note-{row['note_id']} {row['version']}")
        newest[row["note_id"]] = row["version"]
    burnt = sum(what == "gone" for what in owed.values())
    if obituaries != burnt:
        findings.flaws.append(f"{burnt} notes were burnt, and there are {obituaries} obituaries")


def _what(message: PublishedEvent) -> str:
    return str(getattr(message, "text", "gone"))


async def _compare_view(kernel: Kernel, findings: Findings) -> None:
    """The read model says what the streams fold to."""
    streams: dict[str, list[Any]] = defaultdict(list)
    for record in await _whole_log(kernel):
        streams[record.stream].append(record.event)
    folded = {}
    for events in streams.values():
        state = NOTE.fold(events)
        if isinstance(state, Note):
            folded[state.note_id] = (len(events), state.title, state.text)
    rows = await kernel.database.fetch(_VIEW)
    shown = {row["note_id"]: (row["version"], row["title"], row["text"]) for row in rows}
    findings.flaws += [
        f"the view of note-{id} says {shown.get(id)}, its stream {folded.get(id)}"
        for id in folded.keys() | shown.keys()
        if shown.get(id) != folded.get(id)
    ]


_VIEW = Statement(NOTES.tables[0].select())
_HEARD = "select count(distinct note_id) = $2 from effects where note_id = any($1::uuid[])"
_EFFECTS = "select note_id, version, what from effects order by position"
_LOG = """
    select position as log_position, stream, version, type, schema, data, meta, recorded_at
      from events where position > $1 order by position limit $2"""
