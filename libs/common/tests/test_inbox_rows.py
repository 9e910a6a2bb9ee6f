"""The rows that tell duplicates from successors: a batch looks at its own streams and no others."""

from common.inbox_rows import lock_rows, move_rows
from common.kernel import Kernel

KNOWN = 20_000
"""Streams that were heard of before."""

_FILL = """
    insert into inbox (consumer, source, stream, last_version)
    select 'reader', 'example', 'note-' || n, 5 from generate_series(1, $1::int) as n"""
_READ = """
    select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = 'inbox'"""


async def test_a_batch_reads_no_more_rows_than_it_has_streams(kernel: Kernel) -> None:
    async with kernel.database.owner() as owner:
        await owner.execute(_FILL, KNOWN)
    streams = [("example", f"note-{n}") for n in (1, 700, 15_000)]

    async with kernel.database.transaction() as transaction:
        rows = await lock_rows(transaction, "reader", streams)
        await move_rows(transaction, "reader", dict.fromkeys(streams, (6, False)))
        read = await transaction.connection.fetchval(_READ)

    assert rows == dict.fromkeys(streams, (5, False))
    assert read <= 4 * len(streams)


async def test_rows_are_made_for_streams_that_are_new_and_never_go_back(kernel: Kernel) -> None:
    old, new = ("example", "note-old"), ("example", "note-new")
    async with kernel.database.transaction() as transaction:
        await lock_rows(transaction, "reader", [old])
        await move_rows(transaction, "reader", {old: (9, False)})

    async with kernel.database.transaction() as transaction:
        rows = await lock_rows(transaction, "reader", [new, old])
        await move_rows(transaction, "reader", {old: (4, False), new: (1, False)})
        after = await lock_rows(transaction, "reader", [old, new])

    assert rows == {old: (9, False), new: (0, False)}
    assert after == {old: (9, False), new: (1, False)}
