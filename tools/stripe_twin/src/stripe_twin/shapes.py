"""How objects look when they are new, field by field as the SDK's types have them."""

from typing import Any

from stripe_twin.cards import Card
from stripe_twin.problems import Json
from stripe_twin.store import new_id


def unset(names: str) -> Json:
    """These fields, each null."""
    return dict.fromkeys(names.split())


_CUSTOMER_UNSET = unset(
    "address currency default_source description email name phone shipping test_clock"
)
_PAYMENT_INTENT_UNSET = unset(
    "application application_fee_amount automatic_payment_methods canceled_at "
    "cancellation_reason customer description last_payment_error latest_charge "
    "next_action on_behalf_of payment_method payment_method_configuration_details "
    "processing receipt_email review setup_future_usage shipping source "
    "statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
)
_SETUP_INTENT_UNSET = unset(
    "application automatic_payment_methods cancellation_reason customer description "
    "flow_directions last_setup_error latest_attempt mandate next_action on_behalf_of "
    "payment_method payment_method_configuration_details single_use_mandate"
)
_CHARGE_UNSET = unset(
    "application application_fee application_fee_amount balance_transaction "
    "failure_balance_transaction on_behalf_of receipt_email receipt_number "
    "receipt_url review shipping source source_transfer statement_descriptor "
    "statement_descriptor_suffix transfer_data transfer_group"
)
_REFUND_UNSET = unset(
    "balance_transaction receipt_number source_transfer_reversal transfer_reversal"
)


def customer(now: int) -> Json:
    """A customer without anything."""
    return {
        "id": new_id("cus"),
        "object": "customer",
        **_CUSTOMER_UNSET,
        "balance": 0,
        "created": now,
        "delinquent": False,
        "invoice_prefix": new_id("x")[2:10].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    }


def payment_method(now: int, card: Card, *, month: int, year: int, billing: Json) -> Json:
    """A card; which one it plays stands under `_number`, which is never shown."""
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "_number": card.number,
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(billing),
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "unchecked",
            },
            "country": "FR",
            "display_brand": card.brand,
            "exp_month": month,
            "exp_year": year,
            "fingerprint": f"fp{card.number[-10:]}",
            "funding": "credit",
            "generated_from": None,
            "last4": card.number[-4:],
            "networks": {"available": [card.brand], "preferred": None},
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def billing_details(given: Json) -> Json:
    """Whose the card is, as far as said."""
    empty: Json = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
    return {**empty, **{name: value for name, value in given.items() if name in empty}}


def payment_intent(now: int, amount: int, currency: str) -> Json:
    """A payment that nobody has tried yet."""
    id = new_id("pi")
    return {
        "id": id,
        "object": "payment_intent",
        **_PAYMENT_INTENT_UNSET,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": f"{id}_secret_{new_id('s')[2:]}",
        "confirmation_method": "automatic",
        "created": now,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def setup_intent(now: int) -> Json:
    """A way to pay that shall be saved."""
    id = new_id("seti")
    return {
        "id": id,
        "object": "setup_intent",
        **_SETUP_INTENT_UNSET,
        "client_secret": f"{id}_secret_{new_id('s')[2:]}",
        "created": now,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": "off_session",
    }


def charge(now: int, intent: Json, method: Json, failure: Json | None) -> Json:
    """One try to take the intent's amount from the card."""
    paid = failure is None
    shown = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    card = {name: method["card"][name] for name in (*shown, "last4", "wallet")}
    return {
        "id": new_id("ch"),
        "object": "charge",
        **_CHARGE_UNSET,
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "CARTULARY TWIN",
        "captured": paid,
        "created": now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": None if failure is None else failure["code"],
        "failure_message": None if failure is None else failure["message"],
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": _outcome(failure),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": card, "type": "card"},
        "refunded": False,
        "status": "succeeded" if paid else "failed",
    }


def _outcome(failure: Json | None) -> Json:
    said: Json = {
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if failure is None:
        return said
    reason = failure.get("decline_code") or failure["code"]
    declined = {"network_status": "declined_by_network", "reason": reason}
    return {**said, **declined, "seller_message": failure["message"], "type": "issuer_declined"}


def refund(now: int, charge: Json, amount: int, more: Json) -> Json:
    """Money on its way back."""
    return {
        "id": new_id("re"),
        "object": "refund",
        **_REFUND_UNSET,
        "amount": amount,
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "metadata": more.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": more.get("reason"),
        "status": "succeeded",
    }


def dispute(now: int, charge: Json) -> Json:
    """A customer's bank wants the money back."""
    texts = (
        "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure "
        "cancellation_rebuttal customer_communication customer_email_address customer_name "
        "customer_purchase_ip customer_signature duplicate_charge_documentation "
        "duplicate_charge_explanation duplicate_charge_id product_description receipt "
        "refund_policy refund_policy_disclosure refund_refusal_explanation service_date "
        "service_documentation shipping_address shipping_carrier shipping_date "
        "shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"
    )
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(texts.split()), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + 7 * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }


def listing(items: list[Any], url: str, *, more: bool) -> Json:
    """A page of a list."""
    return {"object": "list", "data": items, "has_more": more, "url": url}
