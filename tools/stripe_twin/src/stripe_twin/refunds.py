"""Money on its way back: refunds, which may fail days later, and disputes."""

from stripe_twin import shapes
from stripe_twin.amounts import granularity
from stripe_twin.customers import card_of, merge_metadata
from stripe_twin.problems import Json, invalid
from stripe_twin.twin import Twin

DECIDED_AFTER = 3 * 86_400
"""Seconds on the twin's clock until a slow or failing refund is known."""


def create(twin: Twin, given: Json) -> Json:
    """POST /v1/refunds: never more than was paid. Raises `ApiError`."""
    charge = _charge(twin, given)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = given.get("amount", left)
    _check(charge, left, amount)
    made = shapes.refund(twin.clock.now(), charge, amount, given)
    card = card_of(twin.find("payment_method", charge["payment_method"]))
    if card.refund == "takes_days":
        made["status"], made["pending_reason"] = "pending", "processing"
        twin.later(DECIDED_AFTER, "finish_refund", made["id"])
    elif card.refund == "fails":
        twin.later(DECIDED_AFTER, "fail_refund", made["id"])
    twin.store.put(made)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    twin.store.put(charge)
    twin.tell("refund.created", made)
    twin.tell("charge.refunded", charge)
    return made


def _charge(twin: Twin, given: Json) -> Json:
    if given.get("payment_intent"):
        intent = twin.find("payment_intent", given["payment_intent"], param="payment_intent")
        if intent["status"] != "succeeded":
            raise invalid(
                "This PaymentIntent does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
        return twin.find("charge", intent["latest_charge"])
    if given.get("charge"):
        return twin.find("charge", given["charge"], param="charge")
    raise invalid("One of charge, payment_intent is required.", code="parameter_missing")


def _check(charge: Json, left: int, amount: int) -> None:
    if charge["disputed"]:
        raise invalid("Charge has been charged back.", code="charge_disputed")
    if left <= 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.",
                      code="charge_already_refunded")  # fmt: skip
    if amount <= 0:
        raise invalid("Invalid positive integer.", code="parameter_invalid_integer", param="amount")
    if amount > left:
        text = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(text, param="amount")
    if wrong := granularity(charge["currency"], amount):
        raise wrong


def retrieve(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/refunds/:id"""
    return twin.find("refund", id)


def update(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/refunds/:id"""
    refund = twin.find("refund", id)
    merge_metadata(refund, given)
    twin.store.put(refund)
    twin.tell("refund.updated", refund)
    return refund


def finish(twin: Twin, refund: Json) -> None:
    """A slow refund has arrived, unless its bank sent it back before."""
    if refund["status"] != "pending":
        return
    refund["status"] = "succeeded"
    refund.pop("pending_reason", None)
    twin.store.put(refund)
    twin.tell("refund.updated", refund)


def fail(twin: Twin, refund: Json) -> Json:
    """The customer's bank sent the refund back; one that had failed already stays as it is."""
    if refund["status"] == "failed":
        return refund
    refund["status"], refund["failure_reason"] = "failed", "expired_or_canceled_card"
    twin.store.put(refund)
    charge = twin.find("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    twin.store.put(charge)
    twin.tell("refund.updated", refund)
    twin.tell("charge.refund.updated", refund)
    twin.tell("refund.failed", refund)
    return refund


def open_dispute(twin: Twin, charge: Json) -> Json:
    """The customer's bank wants the money back."""
    charge["disputed"] = True
    twin.store.put(charge)
    made = twin.store.put(shapes.dispute(twin.clock.now(), charge))
    twin.tell("charge.dispute.created", made)
    return made


def close_dispute(twin: Twin, dispute: Json, *, won: bool) -> Json:
    """The bank has decided."""
    dispute["status"] = "won" if won else "lost"
    twin.store.put(dispute)
    twin.tell("charge.dispute.closed", dispute)
    return dispute


def retrieve_dispute(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/disputes/:id"""
    return twin.find("dispute", id)


def accept_dispute(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/disputes/:id/close: the merchant gives in."""
    return close_dispute(twin, twin.find("dispute", id), won=False)


def retrieve_charge(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/charges/:id"""
    return twin.find("charge", id)
