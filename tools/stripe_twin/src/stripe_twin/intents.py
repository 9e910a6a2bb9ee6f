"""Payment intents and setup intents: tried, challenged, declined, cancelled."""

from stripe_twin import amounts, shapes
from stripe_twin.cards import CODES, Card, message_of
from stripe_twin.customers import card_of, keep, living, merge_metadata, method_for
from stripe_twin.problems import ApiError, Json, card_error, invalid
from stripe_twin.twin import Twin, shown

KEPT = ("description", "receipt_email", "setup_future_usage", "statement_descriptor_suffix")
TRIABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
DISPUTED_AFTER = 60
"""Seconds on the twin's clock after which the bank of a disputed card speaks up."""


def create(twin: Twin, given: Json) -> Json:
    """POST /v1/payment_intents"""
    amounts.check(given.get("amount"), given.get("currency"))
    intent = shapes.payment_intent(twin.clock.now(), given["amount"], given["currency"].lower())
    _describe(twin, intent, given)
    for name in KEPT:
        intent[name] = given.get(name)
    if given.get("payment_method"):
        intent["payment_method"] = _usable(twin, given["payment_method"], intent)["id"]
        intent["status"] = "requires_confirmation"
    twin.store.put(intent)
    twin.tell("payment_intent.created", intent)
    if not given.get("confirm"):
        return intent
    return confirm(twin, {**given, "payment_method": intent["payment_method"]}, intent["id"])


def create_setup(twin: Twin, given: Json) -> Json:
    """POST /v1/setup_intents"""
    intent = shapes.setup_intent(twin.clock.now())
    _describe(twin, intent, given)
    intent["description"] = given.get("description")
    intent["usage"] = given.get("usage") or "off_session"
    if given.get("payment_method"):
        intent["payment_method"] = _usable(twin, given["payment_method"], intent)["id"]
        intent["status"] = "requires_confirmation"
    twin.store.put(intent)
    twin.tell("setup_intent.created", intent)
    if not given.get("confirm"):
        return intent
    return confirm_setup(twin, {**given, "payment_method": intent["payment_method"]}, intent["id"])


def _describe(twin: Twin, intent: Json, given: Json) -> None:
    if given.get("customer"):
        intent["customer"] = living(twin, given["customer"], param="customer")["id"]
    if given.get("automatic_payment_methods"):
        intent["automatic_payment_methods"] = {
            "allow_redirects": "always",
            **given["automatic_payment_methods"],
        }
    merge_metadata(intent, given)


def retrieve(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/payment_intents/:id"""
    return twin.find("payment_intent", id)


def retrieve_setup(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/setup_intents/:id"""
    return twin.find("setup_intent", id)


def confirm(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/payment_intents/:id/confirm: try to take the money. Raises `ApiError`."""
    intent = twin.find("payment_intent", id)
    method = _method(twin, given, intent)
    card = card_of(method)
    off_session = given.get("off_session") == "true"
    if card.decline is None and _challenged(card, method, off_session=off_session):
        if off_session:
            raise decline(twin, intent, method, "authentication_required")
        return _ask(twin, intent, given.get("return_url"))
    if card.decline is not None:
        raise decline(twin, intent, method, card.decline)
    return succeed(twin, intent, method)


def confirm_setup(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/setup_intents/:id/confirm: save the card. Raises `ApiError`."""
    intent = twin.find("setup_intent", id)
    method = _method(twin, given, intent)
    card = card_of(method)
    if card.decline_on_save is not None:
        raise decline_setup(twin, intent, method, card.decline_on_save)
    if card.authenticate != "never":
        return _ask(twin, intent, given.get("return_url"))
    return succeed_setup(twin, intent, method)


def _method(twin: Twin, given: Json, intent: Json) -> Json:
    if intent["status"] not in TRIABLE:
        raise _unexpected(intent, "confirm")
    chosen = given.get("payment_method") or intent["payment_method"]
    if not chosen:
        raise invalid("You cannot confirm this intent: it has no payment method.",
                      code="payment_intent_unexpected_state", param="payment_method")  # fmt: skip
    method = _usable(twin, chosen, intent)
    intent["payment_method"] = method["id"]
    twin.store.put(intent)
    return method


def _usable(twin: Twin, chosen: object, intent: Json) -> Json:
    method = method_for(twin, chosen)
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise invalid("The payment method belongs to another customer.", param="payment_method")
    if method.get("_used_up"):
        raise invalid(
            "The payment method was detached or used, and may not be used again.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    return method


def _challenged(card: Card, method: Json, *, off_session: bool) -> bool:
    if card.authenticate == "once":
        return not (off_session and method.get("_set_up"))
    return card.authenticate == "always"


def _ask(twin: Twin, intent: Json, return_url: str | None) -> Json:
    intent["status"] = "requires_action"
    intent["next_action"] = {
        "redirect_to_url": {
            "return_url": return_url,
            "url": f"{twin.call.base_url}/3ds/{intent['id']}",
        },
        "type": "redirect_to_url",
    }
    twin.store.put(intent)
    twin.tell(f"{intent['object']}.requires_action", intent)
    return intent


def succeed(twin: Twin, intent: Json, method: Json) -> Json:
    """The money moved."""
    charge = twin.store.put(shapes.charge(twin.clock.now(), intent, method, None))
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=None,
    )
    if intent["setup_future_usage"] and intent["customer"]:
        method["_set_up"] = True
        keep(twin, method, intent["customer"])
    elif method["customer"] is None:
        method["_used_up"] = True
    twin.store.put(method)
    twin.store.put(intent)
    twin.tell("charge.succeeded", charge)
    twin.tell("payment_intent.succeeded", intent)
    if card_of(method).disputed:
        twin.later(DISPUTED_AFTER, "dispute", charge["id"])
    return intent


def decline(twin: Twin, intent: Json, method: Json, reason: str) -> ApiError:
    """The bank said no: noted at the intent and told; the error to answer with."""
    code = reason if reason in CODES | {"authentication_required"} else "card_declined"
    error = {"code": code, "decline_code": reason, "message": message_of(reason)}
    charge = twin.store.put(shapes.charge(twin.clock.now(), intent, method, error))
    noted = {**error, "charge": charge["id"], "payment_method": shown(method), "type": "card_error"}
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=noted,
        latest_charge=charge["id"],
    )
    twin.store.put(intent)
    twin.tell("charge.failed", charge)
    twin.tell("payment_intent.payment_failed", intent)
    return card_error(
        message_of(reason),
        code,
        reason,
        charge=charge["id"],
        payment_intent=shown(intent),
        payment_method=shown(method),
    )


def succeed_setup(twin: Twin, intent: Json, method: Json) -> Json:
    """The card is saved."""
    method["_set_up"] = True
    twin.store.put(method)
    if intent["customer"]:
        keep(twin, method, intent["customer"])
    intent.update(status="succeeded", next_action=None, last_setup_error=None)
    twin.store.put(intent)
    twin.tell("setup_intent.succeeded", intent)
    return intent


def decline_setup(twin: Twin, intent: Json, method: Json, reason: str) -> ApiError:
    """The bank does not let the card be saved."""
    code = reason if reason in CODES else "card_declined"
    error = {"code": code, "decline_code": reason, "message": message_of(reason)}
    noted = {**error, "payment_method": shown(method), "type": "card_error"}
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=noted,
    )
    twin.store.put(intent)
    twin.tell("setup_intent.setup_failed", intent)
    return card_error(
        message_of(reason),
        code,
        reason,
        setup_intent=shown(intent),
        payment_method=shown(method),
    )


def authenticate(twin: Twin, intent: Json, *, passed: bool) -> Json:
    """The customer has answered the challenge. Raises `ApiError` when the bank then says no."""
    if intent["status"] != "requires_action":
        raise _unexpected(intent, "authenticate")
    method = twin.find("payment_method", intent["payment_method"])
    if not passed:
        fail = decline if intent["object"] == "payment_intent" else decline_setup
        raise fail(twin, intent, method, "authentication_failed")
    if intent["object"] == "setup_intent":
        return succeed_setup(twin, intent, method)
    return succeed(twin, intent, method)


def cancel(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/payment_intents/:id/cancel"""
    return _cancel(twin, twin.find("payment_intent", id), given)


def cancel_setup(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/setup_intents/:id/cancel"""
    return _cancel(twin, twin.find("setup_intent", id), given)


def _cancel(twin: Twin, intent: Json, given: Json) -> Json:
    if intent["status"] not in TRIABLE:
        raise _unexpected(intent, "cancel")
    intent["status"], intent["next_action"] = "canceled", None
    intent["cancellation_reason"] = given.get("cancellation_reason")
    if intent["object"] == "payment_intent":
        intent["canceled_at"] = twin.clock.now()
    twin.store.put(intent)
    twin.tell(f"{intent['object']}.canceled", intent)
    return intent


def _unexpected(intent: Json, verb: str) -> ApiError:
    kind = intent["object"]
    text = f"You cannot {verb} this {kind} because it has a status of {intent['status']}."
    return ApiError(
        400, "invalid_request_error", text, code=f"{kind}_unexpected_state", **{kind: shown(intent)}
    )
