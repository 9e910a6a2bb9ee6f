"""Every call that is played: its path, what does it, and which parameters it takes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stripe_twin import checkout, customers, endpoints, intents, lists, refunds
from stripe_twin.forms import MAP
from stripe_twin.lists import PAGE, RANGE
from stripe_twin.problems import Json

ADDRESS: Json = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), str)
SHIPPING: Json = {"address": ADDRESS, "name": str, "phone": str}
CUSTOMER: Json = {
    "address": ADDRESS,
    "description": str,
    "email": str,
    "invoice_settings": {"default_payment_method": str},
    "metadata": MAP,
    "name": str,
    "phone": str,
    "preferred_locales": [str],
    "shipping": SHIPPING,
}
METHOD: Json = {
    "billing_details": {"address": ADDRESS, "email": str, "name": str, "phone": str},
    "card": {"number": str, "exp_month": int, "exp_year": int, "cvc": str},
    "type": str,
}
CONFIRM: Json = {"off_session": str, "payment_method": str, "return_url": str}
INTENT: Json = {
    **CONFIRM,
    "amount": int,
    "automatic_payment_methods": {"enabled": bool, "allow_redirects": str},
    "confirm": bool,
    "currency": str,
    "customer": str,
    "description": str,
    "metadata": MAP,
    "receipt_email": str,
    "setup_future_usage": str,
    "statement_descriptor_suffix": str,
}
SETUP: Json = {
    "automatic_payment_methods": {"enabled": bool, "allow_redirects": str},
    "confirm": bool,
    "customer": str,
    "description": str,
    "metadata": MAP,
    "payment_method": str,
    "return_url": str,
    "usage": str,
}
LINE: Json = {
    "price_data": {
        "currency": str,
        "product_data": {"name": str, "description": str, "metadata": MAP},
        "tax_behavior": str,
        "unit_amount": int,
    },
    "quantity": int,
}
SESSION: Json = {
    "cancel_url": str,
    "client_reference_id": str,
    "currency": str,
    "customer": str,
    "customer_email": str,
    "expires_at": int,
    "line_items": [LINE],
    "locale": str,
    "metadata": MAP,
    "mode": str,
    "payment_intent_data": {"description": str, "metadata": MAP, "setup_future_usage": str},
    "setup_intent_data": {"description": str, "metadata": MAP},
    "success_url": str,
    "ui_mode": str,
}
REFUND: Json = {
    "amount": int,
    "charge": str,
    "metadata": MAP,
    "payment_intent": str,
    "reason": str,
}
ENDPOINT: Json = {"description": str, "enabled_events": [str], "metadata": MAP, "url": str}
CREATED: Json = {"created": RANGE}
EXPAND: Json = {"expand": [str]}


@dataclass(frozen=True)
class Operation:
    """`run` gets the twin, the parameters and the ids in the path. `params` names the SDK's type
    that holds all parameters there are, of which these are a part."""

    method: str
    path: str
    run: Callable[..., Any]
    takes: Mapping[str, Any]
    params: str
    is_list: bool = False


def _get(path: str, run: Callable[..., Any], params: str) -> Operation:
    return Operation("GET", path, run, EXPAND, params)


def _list(path: str, run: Callable[..., Any], params: str, takes: Json | None = None) -> Operation:
    return Operation("GET", path, run, {**PAGE, **EXPAND, **(takes or {})}, params, is_list=True)


def _post(path: str, run: Callable[..., Any], params: str, takes: Json | None = None) -> Operation:
    return Operation("POST", path, run, {**EXPAND, **(takes or {})}, params)


_METHODS = "payment_methods"
_INTENTS, _SETUPS, _SESSIONS = "payment_intents", "setup_intents", "checkout/sessions"
_ENDPOINTS = "webhook_endpoints"
CANCEL: Json = {"cancellation_reason": str}
METHODS_FILTER: Json = {"customer": str, "type": str}
EVENTS_FILTER: Json = {**CREATED, "delivery_success": bool, "type": str, "types": [str]}
CHARGES_FILTER: Json = {**CREATED, "customer": str, "payment_intent": str}
REFUNDS_FILTER: Json = {**CREATED, "charge": str, "payment_intent": str}
SESSIONS_FILTER: Json = {
    **CREATED,
    "customer": str,
    "payment_intent": str,
    "status": str,
}

OPERATIONS = (
    _post("customers", customers.create, "CustomerCreateParams", CUSTOMER),
    _list("customers", lists.listed("customer", "email"), "CustomerListParams",
          {**CREATED, "email": str}),
    _get("customers/{id}", customers.retrieve, "CustomerRetrieveParams"),
    _post("customers/{id}", customers.update, "CustomerUpdateParams", CUSTOMER),
    Operation("DELETE", "customers/{id}", customers.delete, {}, "CustomerDeleteParams"),
    _list("customers/{id}/payment_methods", lists.methods_of_customer,
          "CustomerPaymentMethodListParams", {"type": str}),
    _post(_METHODS, customers.create_method, "PaymentMethodCreateParams", METHOD),
    _list(_METHODS, lists.listed("payment_method", "customer", "type"), "PaymentMethodListParams",
          METHODS_FILTER),
    _get(_METHODS + "/{id}", customers.retrieve_method, "PaymentMethodRetrieveParams"),
    _post(_METHODS + "/{id}/attach", customers.attach, "PaymentMethodAttachParams",
          {"customer": str}),
    _post(_METHODS + "/{id}/detach", customers.detach, "PaymentMethodDetachParams"),
    _post(_INTENTS, intents.create, "PaymentIntentCreateParams", INTENT),
    _list(_INTENTS, lists.listed("payment_intent", "customer"), "PaymentIntentListParams",
          {**CREATED, "customer": str}),
    _get(_INTENTS + "/{id}", intents.retrieve, "PaymentIntentRetrieveParams"),
    _post(_INTENTS + "/{id}/confirm", intents.confirm, "PaymentIntentConfirmParams", CONFIRM),
    _post(_INTENTS + "/{id}/cancel", intents.cancel, "PaymentIntentCancelParams", CANCEL),
    _post(_SETUPS, intents.create_setup, "SetupIntentCreateParams", SETUP),
    _get(_SETUPS + "/{id}", intents.retrieve_setup, "SetupIntentRetrieveParams"),
    _post(_SETUPS + "/{id}/confirm", intents.confirm_setup, "SetupIntentConfirmParams",
          {"payment_method": str, "return_url": str}),
    _post(_SETUPS + "/{id}/cancel", intents.cancel_setup, "SetupIntentCancelParams", CANCEL),
    _get("charges/{id}", refunds.retrieve_charge, "ChargeRetrieveParams"),
    _list("charges", lists.listed("charge", "customer", "payment_intent"), "ChargeListParams",
          CHARGES_FILTER),
    _post("refunds", refunds.create, "RefundCreateParams", REFUND),
    _list("refunds", lists.listed("refund", "charge", "payment_intent"), "RefundListParams",
          REFUNDS_FILTER),
    _get("refunds/{id}", refunds.retrieve, "RefundRetrieveParams"),
    _post("refunds/{id}", refunds.update, "RefundUpdateParams", {"metadata": MAP}),
    _list("disputes", lists.listed("dispute", "charge", "payment_intent"), "DisputeListParams",
          REFUNDS_FILTER),
    _get("disputes/{id}", refunds.retrieve_dispute, "DisputeRetrieveParams"),
    _post("disputes/{id}/close", refunds.accept_dispute, "DisputeCloseParams"),
    _post(_SESSIONS, checkout.create, "checkout.SessionCreateParams", SESSION),
    _list(_SESSIONS, lists.listed("checkout.session", "customer", "payment_intent", "status"),
          "checkout.SessionListParams", SESSIONS_FILTER),
    _get(_SESSIONS + "/{id}", checkout.retrieve, "checkout.SessionRetrieveParams"),
    _list(_SESSIONS + "/{id}/line_items", checkout.line_items,
          "checkout.SessionListLineItemsParams"),
    _post(_SESSIONS + "/{id}/expire", checkout.expire, "checkout.SessionExpireParams"),
    _list("events", lists.events, "EventListParams", EVENTS_FILTER),
    _get("events/{id}", endpoints.retrieve_event, "EventRetrieveParams"),
    _post(_ENDPOINTS, endpoints.create, "WebhookEndpointCreateParams", ENDPOINT),
    _list(_ENDPOINTS, lists.listed("webhook_endpoint"), "WebhookEndpointListParams"),
    _get(_ENDPOINTS + "/{id}", endpoints.retrieve, "WebhookEndpointRetrieveParams"),
    _post(_ENDPOINTS + "/{id}", endpoints.update, "WebhookEndpointUpdateParams",
          {**ENDPOINT, "disabled": bool}),
    Operation("DELETE", _ENDPOINTS + "/{id}", endpoints.delete, {}, "WebhookEndpointDeleteParams"),
)  # fmt: skip

_PATTERNS = [
    (operation, re.compile(operation.path.replace("{id}", r"([^/]+)"))) for operation in OPERATIONS
]


def find(method: str, path: str) -> tuple[Operation, tuple[str, ...]] | None:
    """The operation of a path below `/v1/`, and the ids in it."""
    for operation, pattern in _PATTERNS:
        found = pattern.fullmatch(path)
        if found and operation.method == method:
            return operation, found.groups()
    return None
