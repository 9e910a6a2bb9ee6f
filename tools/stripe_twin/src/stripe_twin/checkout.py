"""Checkout sessions: pages on which customers pay, or save a card."""

from stripe_twin import amounts, intents, sessions_shape, shapes
from stripe_twin.customers import living
from stripe_twin.problems import ApiError, Json, invalid
from stripe_twin.twin import Twin

SOONEST, LATEST = 30 * 60, 24 * 3600
"""Seconds after its making between which a session may expire."""
SLACK = 60


def create(twin: Twin, given: Json) -> Json:
    """POST /v1/checkout/sessions. Raises `ApiError`."""
    _check(twin, given)
    lines = [sessions_shape.line(line) for line in given.get("line_items") or []]
    if given["mode"] == "payment":
        if not lines:
            raise invalid("A session in payment mode needs line_items.", param="line_items")
        if len({line["currency"] for line in lines}) > 1:
            raise invalid("All line items must have the same currency.", param="line_items")
        amounts.check(sum(line["amount_total"] for line in lines), lines[0]["currency"])
    made = sessions_shape.session(twin.clock.now(), given, lines, twin.call.base_url)
    twin.store.put(made)
    twin.later(made["expires_at"] - twin.clock.now(), "expire_session", made["id"])
    return made


def _check(twin: Twin, given: Json) -> None:
    if given.get("mode") not in ("payment", "setup"):
        raise invalid("The twin plays the modes payment and setup.", param="mode")
    if not given.get("success_url"):
        raise invalid("Missing required param: success_url.", param="success_url")
    for name in ("success_url", "cancel_url"):
        url = given.get(name)
        if url and not url.startswith(("http://", "https://")):
            raise invalid("Not a valid URL", code="url_invalid", param=name)
    if given.get("customer"):
        living(twin, given["customer"], param="customer")
    expires, now = given.get("expires_at"), twin.clock.now()
    if expires is not None and not now + SOONEST - SLACK <= expires <= now + LATEST + SLACK:
        text = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
        raise invalid(text, param="expires_at")
    for line in given.get("line_items") or []:
        _check_line(line)


def _check_line(line: Json) -> None:
    price = line.get("price_data") or {}
    if not isinstance(price.get("unit_amount"), int) or price["unit_amount"] < 0:
        raise invalid("Missing or invalid unit_amount.", param="line_items")
    if not price.get("currency") or not (price.get("product_data") or {}).get("name"):
        raise invalid("price_data needs currency and product_data[name].", param="line_items")
    if line.get("quantity", 1) < 1:
        raise invalid("A quantity is at least 1.", param="line_items")


def retrieve(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/checkout/sessions/:id"""
    return twin.find("checkout.session", id)


def line_items(twin: Twin, given: Json, id: str) -> list[Json]:
    """GET /v1/checkout/sessions/:id/line_items"""
    lines: list[Json] = twin.find("checkout.session", id)["_lines"]
    return lines


def expire(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/checkout/sessions/:id/expire; only an open one can be. Raises `ApiError`."""
    session = twin.find("checkout.session", id)
    if session["status"] != "open":
        raise invalid(
            f"Only Checkout Sessions with a status in ['open'] can be expired. This Checkout "
            f"Session has a status of {session['status']}."
        )
    return close(twin, session)


def close(twin: Twin, session: Json) -> Json:
    """The page is over; what was begun on it is cancelled."""
    session["status"], session["url"] = "expired", None
    twin.store.put(session)
    intent = intent_of(twin, session)
    if intent is not None and intent["status"] in intents.TRIABLE:
        cancel = intents.cancel if session["mode"] == "payment" else intents.cancel_setup
        cancel(twin, {"cancellation_reason": "abandoned"}, intent["id"])
    twin.tell("checkout.session.expired", session)
    return session


def intent_of(twin: Twin, session: Json) -> Json | None:
    """The payment or set-up that was begun on the page."""
    kind = "payment_intent" if session["mode"] == "payment" else "setup_intent"
    return twin.store.get(kind, session[kind])


def submit(twin: Twin, session: Json, method: Json) -> Json:
    """The customer pressed the button: the intent, which may want a challenge.

    Raises `ApiError` when the bank says no; the page then stays open.
    """
    if session["status"] != "open":
        raise ApiError(400, "invalid_request_error", "This page is closed.")
    intent = intent_of(twin, session) or _begin(twin, session)
    given: Json = {"payment_method": method["id"], "return_url": f"/c/{session['id']}"}
    confirm = intents.confirm if session["mode"] == "payment" else intents.confirm_setup
    found = confirm(twin, given, intent["id"])
    return complete(twin, session, found)


def complete(twin: Twin, session: Json, intent: Json) -> Json:
    """Close the page once its intent has succeeded."""
    if intent["status"] == "succeeded" and session["status"] == "open":
        session["status"], session["url"] = "complete", None
        if session["mode"] == "payment":
            session["payment_status"] = "paid"
        _note_customer(twin, session, intent)
        twin.store.put(session)
        twin.tell("checkout.session.completed", session)
    return intent


def session_of(twin: Twin, intent: Json) -> Json | None:
    """The page on which an intent was begun, if it was on one."""
    for session in twin.store.all("checkout.session"):
        if intent["id"] in (session["payment_intent"], session["setup_intent"]):
            return session
    return None


def _begin(twin: Twin, session: Json) -> Json:
    data = session["_intent_data"]
    now = twin.clock.now()
    if session["mode"] == "payment":
        intent = shapes.payment_intent(now, session["amount_total"], session["currency"])
        intent["setup_future_usage"] = data.get("setup_future_usage")
    else:
        intent = shapes.setup_intent(now)
    intent["customer"] = session["customer"]
    intent["description"] = data.get("description")
    intent["metadata"] = dict(data.get("metadata") or {})
    session[intent["object"]] = intent["id"]
    twin.store.put(session)
    twin.store.put(intent)
    twin.tell(f"{intent['object']}.created", intent)
    return intent


def _note_customer(twin: Twin, session: Json, intent: Json) -> None:
    known = twin.store.get("customer", session["customer"]) or {}
    method = twin.find("payment_method", intent["payment_method"])
    session["customer_details"] = {
        "address": None,
        "email": known.get("email") or session["customer_email"],
        "name": method["billing_details"]["name"] or known.get("name"),
        "phone": known.get("phone"),
        "tax_exempt": "none",
        "tax_ids": [],
    }
