"""What runs in the process of the peer `eventsourcing`: its documented application, nothing tuned.

Reads orders line by line, answers each with one number, ends with its input.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from bench.example_store import TEXT


class Note(Aggregate):
    """The example's aggregate in the library's own style."""

    @event("Written")
    def __init__(self, title: str, text: str) -> None:
        self.title = title
        self.text = text

    @event("Changed")
    def change(self, text: str) -> None:
        """Another text."""
        self.text = text


class Notes(Application):
    """As the library's tutorial has it."""


def append(notes: Notes, threads: int, seconds: float) -> float:
    """Aggregates saved a second."""
    start = time.perf_counter()
    end = start + seconds

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < end:
            notes.save(Note(f"Note {done}", TEXT))
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(work, range(threads)))
    return done / (time.perf_counter() - start)


@cache
def _saved(notes: Notes, events: int) -> UUID:
    note = Note("A note", TEXT)
    for n in range(1, events):
        note.change(f"{n:3}{TEXT}")
    notes.save(note)
    id: UUID = note.id
    return id


def load(notes: Notes, events: int, seconds: float) -> float:
    """Milliseconds a load."""
    id = _saved(notes, events)
    start = time.perf_counter()
    done = 0
    while time.perf_counter() < start + seconds:
        assert notes.repository.get(id).version == events
        done += 1
    return (time.perf_counter() - start) / done * 1000


ORDERS = {"append": append, "load": load}


def main() -> None:
    """`python -m bench.eventsourcing_process`, with its settings in the environment."""
    notes = Notes()
    for order in sys.stdin:
        name, count, seconds = order.split()
        print(ORDERS[name](notes, int(count), float(seconds)), flush=True)
    notes.close()


if __name__ == "__main__":
    main()
