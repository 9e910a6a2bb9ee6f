"""What the outside may ask billing for: the part of the table that is about plans and money."""

from collections.abc import Sequence
from typing import Any

from gateway.routes import DELETE, GET, KIB, POST, WRITE, Access, CacheRule, Route

_PAGE = frozenset({"page", "per_page"})
_PLANS, _ADMIN_PLANS = "/api/v1/tarif-plans", "/api/v1/admin/tarif-plans"
_CATEGORIES = "/api/v1/admin/tarif-plan-categories"
_METHODS = "/api/v1/user/payment-methods"
_CHANGE = frozenset({"PUT", "PATCH", "DELETE"})


def _billing(methods: frozenset[str], path: str, who: Access, **more: Any) -> Route:
    limit = None if methods == GET else WRITE
    return Route("billing", methods, path, who, limit=limit, **more)


def _admin(methods: frozenset[str], rest: str, **more: Any) -> Route:
    """An administrator's route on plans, which is known by two names."""
    aliases = (f"/api/v1/admin/plans{rest}",)
    return _billing(methods, _ADMIN_PLANS + rest, Access.ADMIN, aliases=aliases, **more)


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
    _admin(POST, "/bulk/copy"),
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
_SUBSCRIPTIONS, _INVOICES = "/api/v1/user/subscriptions", "/api/v1/user/invoices"
_ANY_SUBSCRIPTION, _ANY_INVOICE = "/api/v1/admin/subscriptions", "/api/v1/admin/invoices"
_ANY_PAYMENT, _ANY_REFUND = "/api/v1/admin/payments", "/api/v1/admin/refunds"
_ABOUT_SUBSCRIPTIONS = frozenset({"status", "user_id", "plan_id", "plan"})
_ABOUT_PAYMENTS = frozenset({"status", "dispute", "user_id", "invoice_id"})
ASKED = 30.0
"""Seconds for routes that ask a payment provider."""
ADVANCED = 300.0
"""Seconds for years that go by in the sandbox."""

MONEY: Sequence[Route] = (
    _billing(POST, "/api/v1/user/checkout", Access.USER, budget=ASKED, critical=True),
    _billing(POST, "/api/v1/subscription/checkout", Access.USER, budget=ASKED, critical=True),
    _billing(GET, "/api/v1/subscription/status", Access.USER),
    _billing(GET, _SUBSCRIPTIONS + "/", Access.USER, query=_PAGE | {"status"}),
    _billing(GET, _SUBSCRIPTIONS + "/active", Access.USER),
    _billing(GET, _SUBSCRIPTIONS + "/active-all", Access.USER),
    _billing(GET, _SUBSCRIPTIONS + "/{id}", Access.USER, cache=CacheRule()),
    *(
        _billing(POST, f"{_SUBSCRIPTIONS}/{{id}}/{name}", Access.USER, budget=ASKED, critical=True)
        for name in ("cancel", "reactivate", "pause", "resume", "upgrade", "downgrade")
    ),
    _billing(
        GET,
        _SUBSCRIPTIONS + "/{id}/change-preview",
        Access.USER,
        query=frozenset({"plan_id"}),
    ),
    _billing(DELETE, _SUBSCRIPTIONS + "/{id}/pending-change", Access.USER),
    _billing(GET, _INVOICES + "/", Access.USER, query=_PAGE | {"status"}),
    _billing(GET, _INVOICES + "/{id}", Access.USER, cache=CacheRule()),
    _billing(POST, _INVOICES + "/{id}/pay", Access.USER, budget=ASKED, critical=True),
    _billing(GET, _ANY_SUBSCRIPTION, Access.ADMIN, query=_PAGE | _ABOUT_SUBSCRIPTIONS),
    _billing(POST, _ANY_SUBSCRIPTION, Access.ADMIN, budget=ASKED),
    _billing(GET, _ANY_SUBSCRIPTION + "/{id}", Access.ADMIN),
    *(
        _billing(POST, f"{_ANY_SUBSCRIPTION}/{{id}}/{name}", Access.ADMIN, budget=ASKED)
        for name in ("cancel", "extend", "activate", "refund")
    ),
    _billing(GET, "/api/v1/admin/users/{id}/subscriptions", Access.ADMIN, query=_PAGE),
    _billing(GET, "/api/v1/admin/users/{id}/deletion-info", Access.ADMIN),
    _billing(GET, _ANY_INVOICE, Access.ADMIN, query=_PAGE | {"status", "user_id"}),
    _billing(GET, _ANY_INVOICE + "/{id}", Access.ADMIN),
    *(
        _billing(POST, f"{_ANY_INVOICE}/{{id}}/{name}", Access.ADMIN, budget=ASKED)
        for name in ("mark-paid", "void", "refund", "duplicate")
    ),
    _billing(GET, _ANY_PAYMENT, Access.ADMIN, query=_PAGE | _ABOUT_PAYMENTS),
    _billing(GET, _ANY_PAYMENT + "/{id}", Access.ADMIN),
    _billing(POST, _ANY_PAYMENT + "/{id}/release", Access.ADMIN, budget=ASKED),
    _billing(POST, _ANY_PAYMENT + "/{id}/refund", Access.ADMIN, budget=ASKED),
    _billing(POST, _ANY_PAYMENT + "/{id}/paid-back", Access.ADMIN),
    _billing(GET, _ANY_REFUND, Access.ADMIN, query=_PAGE | {"status"}),
    _billing(POST, _ANY_REFUND + "/{id}/retry", Access.ADMIN, budget=ASKED),
    _billing(POST, _ANY_REFUND + "/{id}/paid-back", Access.ADMIN),
    _billing(GET, "/api/v1/sandbox/clock", Access.ADMIN),
    _billing(POST, "/api/v1/sandbox/clock/advance", Access.ADMIN, budget=ADVANCED),
)
STRIPE: Sequence[Route] = (
    _billing(GET, "/api/v1/stripe/config", Access.ANYONE),
    # signed over its very bytes, which therefore pass as they came, and as often as Stripe likes
    Route(
        "billing",
        POST,
        "/api/v1/stripe/webhook",
        Access.ANYONE,
        body_limit=1024 * KIB,
        critical=True,
    ),
    _billing(GET, "/api/v1/admin/reconciliations", Access.ADMIN, query=frozenset({"limit"})),
)
BILLING_ROUTES: Sequence[Route] = (*CATALOGUE, *CUSTOMER, *MONEY, *STRIPE)
