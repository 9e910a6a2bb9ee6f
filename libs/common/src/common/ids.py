"""New ids: UUIDv7, ordered by time, so that neighbours in time are neighbours in an index."""

import os
import time
from uuid import UUID

_last = 0


def uuid7() -> UUID:
    """A new UUIDv7 (RFC 9562); within this process each is greater than the one before it.

    The 12 bits after the milliseconds count the sub-millisecond part, and move on by one when two
    ids would fall on the same tick.
    """
    global _last
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    tick = max((milliseconds << 12) | (rest * 4096 // 1_000_000), _last + 1)
    _last = tick
    random = int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=(tick >> 12) << 80 | 7 << 76 | (tick & 0xFFF) << 64 | 2 << 62 | random)
