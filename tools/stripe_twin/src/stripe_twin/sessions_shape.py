"""How a checkout session and its lines look when they are new."""

from stripe_twin.problems import Json
from stripe_twin.shapes import unset
from stripe_twin.store import new_id

_UNSET = unset(
    "adaptive_pricing after_expiration allow_promotion_codes "
    "billing_address_collection client_secret collected_information consent "
    "consent_collection currency_conversion customer_details invoice invoice_creation "
    "origin_context payment_intent payment_link payment_method_configuration_details "
    "permissions recovered_from saved_payment_method_options setup_intent "
    "shipping_address_collection shipping_cost submit_type subscription "
    "wallet_options"
)
_NO_TEXTS = unset("after_submit shipping_address submit terms_of_service_acceptance")
_AS_GIVEN = (
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "locale",
    "success_url",
)


def session(now: int, given: Json, lines: list[Json], base_url: str) -> Json:
    """An open page."""
    id = new_id("cs_test")
    currency = lines[0]["currency"] if lines else given.get("currency")
    total = sum(line["amount_total"] for line in lines) if lines else None
    intent = given.get("payment_intent_data") or given.get("setup_intent_data") or {}
    status = "no_payment_required" if given["mode"] == "setup" else "unpaid"
    return {
        "id": id,
        "object": "checkout.session",
        **_UNSET,
        **{name: given.get(name) for name in _AS_GIVEN},
        **{name: [] for name in ("custom_fields", "discounts", "shipping_options")},
        "_lines": lines,
        "_intent_data": intent,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, **unset("liability provider status")},
        "created": now,
        "currency": currency.lower() if currency else None,
        "custom_text": {**_NO_TEXTS},
        "customer_creation": None if given.get("customer") else "if_required",
        "expires_at": given.get("expires_at") or now + 86_400,
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "mode": given["mode"],
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": status,
        "phone_number_collection": {"enabled": False},
        "status": "open",
        "total_details": dict.fromkeys(("amount_discount", "amount_shipping", "amount_tax"), 0),
        "ui_mode": "hosted_page",
        "url": f"{base_url}/c/{id}",
    }


def line(given: Json) -> Json:
    """A line, as the session's list of lines tells it."""
    price = given["price_data"]
    quantity = given.get("quantity", 1)
    total = price["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"].lower(),
        "price": None,
        "description": price["product_data"]["name"],
        "quantity": quantity,
    }
