"""The public API as recorded: every service describes what the gateway's table routes.

A service's `openapi.json` is what it answers. After a wanted change write it anew:
`python -m tests.contract.test_openapi`. What the gateway makes of them is checked here as well.
"""

import json
from collections.abc import Iterator
from typing import Any

import auth.declaration
import auth.main
import billing.declaration
import billing.main
import cards.declaration
import cards.main
import pytest
from auth.settings import AuthSettings
from billing.settings import BillingSettings
from cards.settings import CardsSettings
from gateway.openapi_merging import merge
from gateway.overview import AGGREGATES
from gateway.own_api import own_document
from gateway.route_checks import UNROUTED, disagreements
from gateway.route_tree import RoutesTable
from gateway.routes import GATEWAY, Access
from gateway.routes_table import ROUTES

SERVICES = {
    "auth": lambda: auth.main.create_app(AuthSettings.load()),
    "billing": lambda: billing.main.create_app(BillingSettings.load()),
    "cards": lambda: cards.main.create_app(CardsSettings.load()),
}
KERNELS = (auth.declaration, billing.declaration, cards.declaration)
RECORDED = {k.DECLARATION.source: k.DECLARATION.openapi for k in KERNELS}
TABLE = RoutesTable(ROUTES)


def described(service: str) -> dict[str, Any]:
    """The document as a client reads it."""
    document: dict[str, Any] = json.loads(json.dumps(SERVICES[service]().openapi()))
    return document


def recorded() -> dict[str, Any]:
    """All of them."""
    return {service: json.loads(path.read_text()) for service, path in RECORDED.items()}


def merged() -> dict[str, Any]:
    """The public document."""
    own = own_document(AGGREGATES, lambda part: part.service in SERVICES)
    return merge({**recorded(), GATEWAY: own}, TABLE)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every public operation."""
    for path, item in merged()["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_is_as_it_is_recorded(service: str) -> None:
    assert described(service) == recorded()[service]


def test_every_service_of_the_table_is_recorded() -> None:
    assert {route.service for route in ROUTES} - {GATEWAY} == set(recorded()) == set(SERVICES)


def test_nothing_is_routed_that_is_not_there_and_nothing_is_there_that_is_not_routed() -> None:
    own = own_document(AGGREGATES, lambda _: True)
    assert disagreements({**recorded(), GATEWAY: own}, TABLE) == []
    known = {
        (service, method.upper(), path)
        for service, part in recorded().items()
        for path, item in part["paths"].items()
        for method in item
    }
    assert known >= UNROUTED


def test_ids_of_operations_are_unique_and_there_is_one_way_to_authorise() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert sorted(ids) == sorted(set(ids))
    assert merged()["components"]["securitySchemes"].keys() == {"bearer"}


def test_every_operation_says_what_it_does_and_who_may() -> None:
    for method, path, operation in operations():
        assert operation["summary"], path
        match = TABLE.find(path.replace("{", "").replace("}", ""))
        assert match is not None, path
        who = match.routes[method][0].who
        assert operation["security"] == {
            Access.ANYONE: [],
            Access.OPTIONAL: [{}, {"bearer": []}],
        }.get(who, [{"bearer": []}])


def test_every_reference_of_the_public_document_leads_somewhere() -> None:
    document = merged()
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
        place: Any = document
        for name in reference.split("/"):
            place = place[name]


def test_every_json_body_comes_with_an_example() -> None:
    schemas = merged()["components"]["schemas"]
    bodies = {
        reference.partition('"')[0]
        for _, _, operation in operations()
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json"
        for reference in json.dumps(content["schema"]).split("#/components/schemas/")[1:]
    }
    assert bodies
    assert [name for name in sorted(bodies) if not schemas[name].get("examples")] == []


def main() -> None:
    """Record all services anew."""
    for service in SERVICES:
        text = json.dumps(described(service), indent=1, ensure_ascii=False)
        RECORDED[service].write_text(text + "\n")


if __name__ == "__main__":
    main()
