"""What the twin remembers: objects by id, in memory, and in a SQLite file if one is named."""

import json
import secrets
import sqlite3
import time
from pathlib import Path

from stripe_twin.problems import Json

_TABLE = "create table if not exists objects (id text primary key, seq integer, body text)"
_KEEP = "insert into objects values (?, ?, ?) on conflict (id) do update set body = excluded.body"


class Store:
    """Every object has an `id` and says what it is in `object`. What is put is kept by `save`."""

    def __init__(self, path: Path | None = None) -> None:
        self._objects: dict[str, Json] = {}
        self._by_kind: dict[str, dict[str, Json]] = {}
        self._order: dict[str, int] = {}
        self._changed: set[str] = set()
        self._file = sqlite3.connect(path) if path else None
        if self._file:
            self._file.execute(_TABLE)
            for id, body in self._file.execute("select id, body from objects order by seq"):
                self._remember(id, json.loads(body))

    def put(self, thing: Json) -> Json:
        """Keep a new object, or say that it has changed."""
        self._remember(thing["id"], thing)
        self._changed.add(thing["id"])
        return thing

    def get(self, kind: str, id: object) -> Json | None:
        """The object of this kind."""
        return self._by_kind.get(kind, {}).get(id) if isinstance(id, str) else None

    def any(self, id: str) -> Json | None:
        """The object, of whatever kind."""
        return self._objects.get(id)

    def all(self, kind: str) -> list[Json]:
        """All of a kind, the oldest first."""
        return list(self._by_kind.get(kind, {}).values())

    def remove(self, thing: Json) -> None:
        """Forget it."""
        id = thing["id"]
        self._objects.pop(id, None)
        self._by_kind.get(thing["object"], {}).pop(id, None)
        self._changed.add(id)

    def clear(self) -> None:
        """Forget everything."""
        for thing in list(self._objects.values()):
            self.remove(thing)

    def save(self) -> None:
        """Write what has changed, if there is a file."""
        if self._file and self._changed:
            with self._file:
                for id in self._changed:
                    self._write(self._file, id)
        self._changed.clear()

    def close(self) -> None:
        """Write the last changes and close the file."""
        self.save()
        if self._file:
            self._file.close()

    def _write(self, file: sqlite3.Connection, id: str) -> None:
        thing = self._objects.get(id)
        if thing is None:
            file.execute("delete from objects where id = ?", (id,))
        else:
            file.execute(_KEEP, (id, self._order[id], json.dumps(thing)))

    def _remember(self, id: str, thing: Json) -> None:
        self._order.setdefault(id, len(self._order))
        self._objects[id] = thing
        self._by_kind.setdefault(thing["object"], {})[id] = thing


class Clock:
    """The machine's time and what it was moved forward by; kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> int:
        """Seconds since 1970."""
        return int(time.time()) + int(self._offset["seconds"])

    def advance(self, seconds: int) -> None:
        """Move forward."""
        moved = self._offset
        moved["seconds"] += seconds
        self._store.put(moved)

    @property
    def _offset(self) -> Json:
        kept = self._store.get("_clock", "_clock")
        return kept or {"id": "_clock", "object": "_clock", "seconds": 0}


def new_id(prefix: str) -> str:
    """A fresh id such as `pi_8f…`."""
    return f"{prefix}_{secrets.token_hex(12)}"
