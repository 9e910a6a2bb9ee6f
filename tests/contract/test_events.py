"""P9: whatever was ever written to a log can still be read, lifted to today's schema.

`events/<type>.<schema>.json` is one sample of every schema that was ever written, as it stands in
the log before it is sealed. It is never edited: a new schema adds a file and an upcaster.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import auth.accounts.examples
import auth.addresses.examples
import auth.declaration
import auth.exports.examples
import auth.profiles.examples
import auth.sessions.examples
import billing.categories.examples
import billing.customers.examples
import billing.declaration
import billing.entitlements.examples
import billing.invoices.examples
import billing.payments.examples
import billing.plans.examples
import billing.subscriptions.examples
import cards.cards.examples
import cards.counters.examples
import cards.declaration
import cards.exports.examples
import pytest
from common.event_types import EventType, EventTypes
from common.kernel import KernelDeclaration
from common.money import Money
from hypothesis import given, settings
from hypothesis import strategies as st

# any three letters are no currency
st.register_type_strategy(
    Money, st.builds(Money, st.integers(), st.from_regex(r"[A-Z]{3}", fullmatch=True))
)
SAMPLES = {path.stem: path.read_text() for path in (Path(__file__).parent / "events").iterdir()}
SERVICES: tuple[tuple[KernelDeclaration, Iterable[object]], ...] = (
    (
        auth.declaration.DECLARATION,
        (
            *auth.accounts.examples.EVENTS,
            *auth.addresses.examples.EVENTS,
            *auth.exports.examples.EVENTS,
            *auth.profiles.examples.EVENTS,
            *auth.sessions.examples.EVENTS,
        ),
    ),
    (
        cards.declaration.DECLARATION,
        (
            *cards.cards.examples.EVENTS,
            *cards.counters.examples.EVENTS,
            *cards.exports.examples.EVENTS,
        ),
    ),
    (
        billing.declaration.DECLARATION,
        (
            *billing.plans.examples.EVENTS,
            *billing.categories.examples.EVENTS,
            *billing.customers.examples.EVENTS,
            *billing.entitlements.examples.EVENTS,
            *billing.subscriptions.examples.EVENTS,
            *billing.invoices.examples.EVENTS,
            *billing.payments.examples.EVENTS,
        ),
    ),
)
TYPES: dict[str, EventTypes] = {
    event_type.name: types
    for declaration, _ in SERVICES
    for types in (EventTypes(*declaration.events, upcasters=declaration.upcasters),)
    for event_type in types
}
EXAMPLES: dict[str, Any] = {
    vars(type(event))["type_name"]: event for _, events in SERVICES for event in events
}


def described(name: str) -> EventType:
    return TYPES[name].named(name)


def test_no_service_with_a_log_is_forgotten() -> None:
    services = Path(__file__).parents[2] / "services"
    logs = {folder.parent.name for folder in services.glob("*/src/*/migrations")}

    assert {declaration.source for declaration, _ in SERVICES} == logs


def test_every_schema_that_was_ever_written_has_its_sample() -> None:
    written = {f"{n}.{schema}" for n in TYPES for schema in range(1, described(n).schema + 1)}

    assert set(SAMPLES) == written


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_a_sample_is_lifted_to_an_event_of_today(sample: str) -> None:
    name, _, schema = sample.rpartition(".")

    event = TYPES[name].load(name, int(schema), json.loads(SAMPLES[sample]))

    assert type(event) is described(name).cls
    assert described(name).load(described(name).dump(event)) == event


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_event_is_written_as_its_newest_sample(name: str) -> None:
    """Otherwise the schema has changed without saying so."""
    written = described(name).dump(EXAMPLES[name])

    assert written == json.loads(SAMPLES[f"{name}.{described(name).schema}"])


@pytest.mark.parametrize("name", sorted(TYPES))
@given(data=st.data())
@settings(max_examples=settings().max_examples // 2)  # for each of many types
def test_any_event_is_read_as_it_was_written(name: str, data: st.DataObject) -> None:
    event = data.draw(st.from_type(described(name).cls))
    text = json.dumps(described(name).dump(event))

    assert TYPES[name].load(name, described(name).schema, json.loads(text)) == event


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_a_sample_whose_person_was_erased_can_still_be_read(sample: str) -> None:
    name, _, schema = sample.rpartition(".")
    values = json.loads(SAMPLES[sample])
    personal = {field.name: None for field in described(name).personal if field.name in values}

    event = TYPES[name].load(name, int(schema), values | personal)

    for field in described(name).personal:
        assert getattr(event, field.name) == field.fallback
