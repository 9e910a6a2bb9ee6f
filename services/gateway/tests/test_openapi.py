"""One document: what is routed and nothing else, each name meaning one thing."""

import orjson
from gateway.openapi_merging import merge
from gateway.route_tree import RoutesTable
from gateway.routes import GET, POST, Access, Route

TABLE = RoutesTable(
    (
        Route("auth", POST, "/login", Access.ANYONE),
        Route("cards", GET | POST, "/cards/", Access.USER),
        Route("cards", GET, "/cards/{id}/qr", Access.OPTIONAL),
        Route("auth", GET, "/me", Access.USER),
    )
)


def refers_to(name):
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


def operation(id, uses="Problem", **more):
    content = {"application/json": refers_to(uses)}
    return {"operationId": id, "responses": {"200": {"content": content}}, **more}


def part(paths, **schemas):
    return {"paths": paths, "components": {"schemas": schemas}}


AUTH = part(
    {"/login": {"post": operation("login")}, "/me": {"get": operation("show")}},
    Problem={"type": "object"},
)
CARDS = part(
    {
        "/cards/": {"get": operation("list"), "delete": operation("wipe")},
        "/cards/{card_id}/qr": {"get": operation("show")},
        "/internal/feed": {"get": operation("feed", "Feed")},
    },
    Problem={"type": "object"},
    Feed={"type": "string"},
)


def test_only_what_is_routed_to_the_service_is_there():
    merged = merge({"auth": AUTH, "cards": CARDS}, TABLE)
    assert merged["paths"].keys() == {"/login", "/me", "/cards/", "/cards/{card_id}/qr"}
    assert merged["paths"]["/cards/"].keys() == {"get"}
    assert merged["components"]["schemas"].keys() == {"Problem"}


def test_a_service_cannot_describe_the_routes_of_another():
    merged = merge({"cards": AUTH}, TABLE)
    assert merged["paths"] == {}


def test_there_is_one_way_to_authorise_and_it_stands_where_it_is_needed():
    merged = merge({"auth": AUTH, "cards": CARDS}, TABLE)
    assert merged["components"]["securitySchemes"].keys() == {"bearer"}
    security = {path: [o["security"] for o in i.values()] for path, i in merged["paths"].items()}
    assert security == {
        "/login": [[]],
        "/me": [[{"bearer": []}]],
        "/cards/": [[{"bearer": []}]],
        "/cards/{card_id}/qr": [[{}, {"bearer": []}]],
    }


def test_an_operation_id_that_is_taken_gets_its_services_name():
    merged = merge({"auth": AUTH, "cards": CARDS}, TABLE)
    ids = {o["operationId"] for item in merged["paths"].values() for o in item.values()}
    assert ids == {"login", "show", "list", "cards_show"}


def test_a_name_with_two_meanings_is_told_apart_with_all_that_refers_to_it():
    auth = part({"/me": {"get": operation("me", "Page")}}, **pages_of({"type": "string"}))
    cards = part({"/cards/": {"get": operation("list", "Page")}}, **pages_of({"type": "integer"}))
    merged = merge({"auth": auth, "cards": cards}, TABLE)
    schemas = merged["components"]["schemas"]
    assert schemas.keys() == {"Page", "Item", "CardsPage", "CardsItem"}
    assert schemas["Page"] == {"items": {"$ref": "#/components/schemas/Item"}}
    assert schemas["CardsPage"] == {"items": {"$ref": "#/components/schemas/CardsItem"}}
    assert b"#/components/schemas/CardsPage" in orjson.dumps(merged["paths"]["/cards/"])


def test_the_identity_header_is_nobodys_parameter():
    inner = {"in": "header", "name": "cartulary-identity"}
    known = {"in": "header", "name": "if-match"}
    cards = part({"/cards/": {"get": operation("list", parameters=[inner, known])}})
    merged = merge({"cards": cards}, TABLE)
    assert merged["paths"]["/cards/"]["get"]["parameters"] == [known]


def pages_of(item):
    return {"Page": {"items": {"$ref": "#/components/schemas/Item"}}, "Item": item}
