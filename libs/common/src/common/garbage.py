"""The collector of garbage in a process that serves: what was made at the start is left alone.

Without this a rebuild spends a quarter of its time in looking through what never changes; requests
and messages leave hardly any cycles behind.
"""

import gc

OBJECTS_BEFORE_A_LOOK = 20_000


def settle() -> None:
    """Leave all that exists out of every later look, and look seldom; once, at the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_A_LOOK, 20, 50)
