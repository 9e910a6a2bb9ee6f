"""What the outside may ask billing for: the part of the table that is about plans and money."""

from collections.abc import Sequence
from typing import Any

from gateway.routes_table import DELETE, GET, POST, Access, CacheRule, Route

_PAGE = frozenset({"page", "per_page"})
_PLANS, _ADMIN_PLANS = "/api/v1/tarif-plans", "/api/v1/admin/tarif-plans"
_CATEGORIES = "/api/v1/admin/tarif-plan-categories"
_METHODS = "/api/v1/user/payment-methods"
_CHANGE = frozenset({"PUT", "PATCH", "DELETE"})


def _billing(methods: frozenset[str], path: str, who: Access, **more: Any) -> Route:
    return Route("billing", methods, path, who, **more)


def _admin(methods: frozenset[str], rest: str, **more: Any) -> Route:
    """An administrator's route on plans, which is known by two names."""
    aliases = (f"/api/v1/admin/plans{rest}",)
    return Route("billing", methods, _ADMIN_PLANS + rest, Access.ADMIN, aliases=aliases, **more)


CATALOGUE: Sequence[Route] = (
    _billing(
        GET,
        _PLANS + "/",
        Access.ANYONE,
        cache=CacheRule(),
        query=_PAGE | {"category", "currency", "country"},
    ),
    _billing(
        GET,
        _PLANS + "/{key}",
        Access.ANYONE,
        cache=CacheRule(),
        query=frozenset({"currency", "country"}),
    ),
    _billing(
        GET,
        "/api/v1/subscription/prices",
        Access.ANYONE,
        cache=CacheRule(),
        query=frozenset({"currency"}),
    ),
    _admin(GET, "/", query=_PAGE | {"status"}),
    _admin(POST, "/"),
    _admin(GET, "/{id}"),
    _admin(_CHANGE, "/{id}"),
    *(_admin(POST, f"/{{id}}/{name}") for name in ("prices", "activate", "deactivate")),
    *(_admin(POST, f"/{{id}}/{name}") for name in ("archive", "copy")),
    _billing(GET, _CATEGORIES + "/", Access.ADMIN, query=_PAGE | {"format"}),
    _billing(POST, _CATEGORIES + "/", Access.ADMIN),
    _billing(GET, _CATEGORIES + "/{id}", Access.ADMIN),
    _billing(_CHANGE, _CATEGORIES + "/{id}", Access.ADMIN),
    _billing(POST, _CATEGORIES + "/{id}/attach-plans", Access.ADMIN),
    _billing(POST, _CATEGORIES + "/{id}/detach-plans", Access.ADMIN),
)
CUSTOMER: Sequence[Route] = (
    _billing(GET, "/api/v1/user/entitlements", Access.USER),
    _billing(GET, _METHODS + "/", Access.USER, query=_PAGE),
    _billing(POST, _METHODS + "/setup", Access.USER),
    _billing(POST, _METHODS + "/setup/{id}", Access.USER),
    _billing(POST, _METHODS + "/{id}/default", Access.USER),
    _billing(DELETE, _METHODS + "/{id}", Access.USER),
)
BILLING_ROUTES: Sequence[Route] = (*CATALOGUE, *CUSTOMER)
