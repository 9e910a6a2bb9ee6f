"""Every message one service publishes is one that its readers can still read.

`messages/<type>.json` is the published language. A new optional field is a change to review;
anything else needs a new version of the type. After a wanted change, write the file as the failure
shows it.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import auth.accounts.examples
import auth.addresses.examples
import auth.exports.examples
import auth.profiles.examples
import auth.published_events
import auth.sessions.examples
import cards.cards.examples
import cards.consumed_events
import cards.exports.examples
import cards.published_events
import gateway.consumed_events
import pytest
from common.messages import ConsumedEvent, PublishedEvent

MESSAGES = Path(__file__).parent / "messages"

PRODUCERS = (
    (
        auth.published_events,
        (
            *auth.accounts.examples.EVENTS,
            *auth.addresses.examples.EVENTS,
            *auth.exports.examples.EVENTS,
            *auth.sessions.examples.EVENTS,
            *auth.profiles.examples.EVENTS,
        ),
    ),
    (cards.published_events, (*cards.cards.examples.EVENTS, *cards.exports.examples.EVENTS)),
)

WRITTEN_BY_HAND = {"billing.entitlements_changed.v1"}
"""Cards is ready for entitlements before there is a billing that publishes them."""


def consumed(*modules: ModuleType) -> Iterable[type[ConsumedEvent]]:
    for module in modules:
        for value in vars(module).values():
            is_one = isinstance(value, type) and issubclass(value, ConsumedEvent)
            if is_one and value.__module__ == module.__name__:
                yield value


PUBLISHED: dict[str, PublishedEvent] = {
    message.type_name: message
    for module, events in PRODUCERS
    for event in events
    if (message := module.publish(event)) is not None
}
CONSUMED = list(consumed(cards.consumed_events, gateway.consumed_events))
RECORDED = {path.stem: path.read_text() for path in MESSAGES.glob("*.json")}


@pytest.mark.parametrize("type_name", sorted(PUBLISHED))
def test_a_producer_writes_exactly_the_recorded_message(type_name: str) -> None:
    written = PUBLISHED[type_name].model_dump_json(indent=2)
    recorded = json.loads(RECORDED.get(type_name, "{}"))

    assert json.loads(written) == recorded, what_to_do(type_name, recorded, written)


def what_to_do(type_name: str, recorded: dict[str, Any], written: str) -> str:
    now, file = json.loads(written), f"tests/contract/messages/{type_name}.json"
    if lost := sorted(set(recorded) - set(now)):
        family, _, version = type_name.rpartition(".v")
        return (
            f"{type_name} has no {', '.join(lost)} any more, and others may read it. Leave it "
            f"as it is, and publish {family}.v{int(version) + 1} until nobody reads v{version}."
        )
    return f"If this is wanted and every new field optional, write {file}:\n{written}"


@pytest.mark.parametrize("event", CONSUMED, ids=lambda event: event.__module__)
def test_a_consumer_can_read_the_recorded_message(event: type[ConsumedEvent]) -> None:
    event.model_validate_json(RECORDED[event.type_name])


def test_no_message_is_orphaned() -> None:
    assert set(PUBLISHED) | WRITTEN_BY_HAND == set(RECORDED)
    assert set(PUBLISHED).isdisjoint(WRITTEN_BY_HAND)
    assert {event.type_name for event in CONSUMED} <= set(RECORDED)
