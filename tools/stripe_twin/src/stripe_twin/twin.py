"""The twin's inside: what it remembers, what time it is, what happens later, what it tells."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stripe_twin import API_VERSION
from stripe_twin.faults import Faults
from stripe_twin.problems import Json, missing
from stripe_twin.store import Clock, Store, new_id
from stripe_twin.switches import Switches


@dataclass
class Call:
    """The request that is being answered: events name it."""

    id: str | None = None
    key: str | None = None
    base_url: str = "http://127.0.0.1"


@dataclass
class Twin:
    """One account. Everything here is plain and without waiting, so that each call is atomic."""

    store: Store
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    switches: Switches = field(default_factory=Switches)
    call: Call = field(default_factory=Call)
    on_event: Callable[[Json], None] = lambda event: None
    public_url: str | None = None

    @staticmethod
    def on(path: Path | None = None) -> "Twin":
        """A twin that remembers in this file, or only while it runs."""
        store = Store(path)
        return Twin(store, Clock(store))

    def base_url(self, asked_at: object) -> str:
        """Where people reach the pages: where it was asked at, unless it is told otherwise."""
        return (self.public_url or str(asked_at)).rstrip("/")

    def find(self, kind: str, id: object, *, param: str | None = None) -> Json:
        """The object. Raises `ApiError`."""
        found = self.store.get(kind, id)
        if found is None:
            name = kind.rpartition(".")[2].replace("_", "")
            if param is None:
                raise missing(name, str(id))
            raise missing(name, str(id), param=param, status=400)
        return found

    def tell(self, type: str, thing: Json, previous: Json | None = None) -> None:
        """Something happened to an object: an event that shows it as it is now."""
        data: Json = {"object": shown(thing)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.clock.now(),
            "data": deepcopy(data),
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.call.id, "idempotency_key": self.call.key},
            "type": type,
        }
        self.store.put(event)
        self.on_event(event)

    def later(self, seconds: int, do: str, id: str) -> None:
        """Do this to an object once the twin's clock has come so far."""
        due = self.clock.now() + seconds
        self.store.put({"id": new_id("_later"), "object": "_later", "due": due, "do": do, "to": id})

    def due(self) -> list[Json]:
        """What was to be done by now, in order of its time."""
        now = self.clock.now()
        found = [task for task in self.store.all("_later") if task["due"] <= now]
        return sorted(found, key=lambda task: int(task["due"]))


def shown(thing: Any) -> Any:
    """An object without what is the twin's own business."""
    if isinstance(thing, dict):
        return {name: shown(value) for name, value in thing.items() if not name.startswith("_")}
    if isinstance(thing, list):
        return [shown(item) for item in thing]
    return thing
