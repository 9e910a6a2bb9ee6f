"""Webhook endpoints: where events are delivered, and the secrets they are signed with."""

import secrets

from stripe_twin.customers import merge_metadata
from stripe_twin.problems import Json, invalid
from stripe_twin.store import new_id
from stripe_twin.twin import Twin

KIND = "webhook_endpoint"
_SETTABLE = ("url", "enabled_events", "description")


def create(twin: Twin, given: Json) -> Json:
    """POST /v1/webhook_endpoints; only this answer shows the secret."""
    for name in ("url", "enabled_events"):
        if not given.get(name):
            raise invalid(f"Missing required param: {name}.", param=name)
    made = {**add(twin, given["url"], new_secret(), given["enabled_events"])}
    merge_metadata(twin.find(KIND, made["id"]), given)
    return {**made, "secret": made["_secrets"][0]}


def add(twin: Twin, url: str, secret: str, types: list[str]) -> Json:
    """An endpoint with this secret."""
    return twin.store.put(
        {
            "id": new_id("we"),
            "object": KIND,
            "_secrets": [secret],
            "api_version": None,
            "application": None,
            "created": twin.clock.now(),
            "description": None,
            "enabled_events": types,
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": url,
        }
    )


def new_secret() -> str:
    """What signatures are made with."""
    return f"whsec_{secrets.token_urlsafe(24)}"


def roll(twin: Twin, endpoint: Json, secret: str | None = None) -> str:
    """A new secret, or the named one; until `forget_old` deliveries are signed with both."""
    fresh = secret or new_secret()
    endpoint["_secrets"] = [fresh, endpoint["_secrets"][0]]
    twin.store.put(endpoint)
    return fresh


def forget_old(twin: Twin, endpoint: Json) -> None:
    """From now on only the newest secret signs."""
    endpoint["_secrets"] = endpoint["_secrets"][:1]
    twin.store.put(endpoint)


def retrieve(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/webhook_endpoints/:id"""
    return twin.find(KIND, id)


def update(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/webhook_endpoints/:id"""
    found = twin.find(KIND, id)
    for name in _SETTABLE:
        if name in given:
            found[name] = given[name]
    if "disabled" in given:
        found["status"] = "disabled" if given["disabled"] else "enabled"
    merge_metadata(found, given)
    return twin.store.put(found)


def delete(twin: Twin, given: Json, id: str) -> Json:
    """DELETE /v1/webhook_endpoints/:id"""
    found = twin.find(KIND, id)
    twin.store.remove(found)
    return {"id": id, "object": KIND, "deleted": True}


def retrieve_event(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/events/:id"""
    return twin.find("event", id)
