"""Customers and their cards."""

from typing import Any

from stripe_twin import shapes
from stripe_twin.cards import BY_MAGIC, BY_NUMBER, Card, passes_luhn
from stripe_twin.problems import ApiError, Json, invalid, missing
from stripe_twin.twin import Twin

PLAIN = ("name", "email", "phone", "description", "address", "shipping", "preferred_locales")


def create(twin: Twin, given: Json) -> Json:
    """POST /v1/customers"""
    made = shapes.customer(twin.clock.now())
    _set(twin, made, given)
    twin.store.put(made)
    twin.tell("customer.created", made)
    return made


def retrieve(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/customers/:id; of a deleted one only that it is deleted."""
    return twin.find("customer", id)


def update(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/customers/:id"""
    found = living(twin, id)
    before = {name: found.get(name) for name in given}
    _set(twin, found, given)
    twin.store.put(found)
    twin.tell("customer.updated", found, before)
    return found


def delete(twin: Twin, given: Json, id: str) -> Json:
    """DELETE /v1/customers/:id; cards go with it."""
    found = living(twin, id)
    for method in methods_of(twin, id):
        _release(twin, method)
    twin.tell("customer.deleted", found)
    return twin.store.put({"id": id, "object": "customer", "deleted": True, "_deleted": True})


def living(twin: Twin, id: object, *, param: str | None = None) -> Json:
    """A customer that is not deleted. Raises `ApiError`."""
    found = twin.find("customer", id, param=param)
    if found.get("deleted"):
        raise missing("customer", str(id), param=param or "id", status=400 if param else 404)
    return found


def _set(twin: Twin, customer: Json, given: Json) -> None:
    email = given.get("email")
    if email is not None and ("@" not in email or len(email) > 512):
        raise invalid(f"Invalid email address: {email[:100]}", code="email_invalid", param="email")
    for name in PLAIN:
        if name in given:
            customer[name] = given[name]
    merge_metadata(customer, given)
    if "invoice_settings" in given:
        default = (given["invoice_settings"] or {}).get("default_payment_method")
        if default is not None:
            _attached(twin, default, customer["id"])
        customer["invoice_settings"] = {
            **customer["invoice_settings"],
            "default_payment_method": default,
        }


def merge_metadata(thing: Json, given: Json) -> None:
    """Names with an empty text are removed, others set; an empty text alone removes all."""
    if "metadata" not in given:
        return
    if given["metadata"] is None:
        thing["metadata"] = {}
        return
    merged = {**thing["metadata"], **given["metadata"]}
    thing["metadata"] = {name: value for name, value in merged.items() if value != ""}


def methods_of(twin: Twin, customer: str) -> list[Json]:
    """The cards that are attached to a customer."""
    return [m for m in twin.store.all("payment_method") if m["customer"] == customer]


def create_method(twin: Twin, given: Json) -> Json:
    """POST /v1/payment_methods"""
    if given.get("type") != "card":
        raise invalid("The twin plays cards only: type=card.", param="type")
    card = given.get("card") or {}
    return twin.store.put(card_method(twin, card, given.get("billing_details") or {}))


def card_method(twin: Twin, given: Json, billing: Json) -> Json:
    """A card by its number, checked as Stripe does. Raises `ApiError`."""
    number = (given.get("number") or "").replace(" ", "")
    if not (number.isdecimal() and 12 <= len(number) <= 19 and passes_luhn(number)):
        raise _card_error("Your card number is incorrect.", "incorrect_number", "number")
    card = BY_NUMBER.get(number)
    if card is None:
        text = "Your card was declined. Your request was in test mode, but used a non test card."
        raise _card_error(text, "card_declined", "number")
    month, year = given.get("exp_month"), given.get("exp_year")
    if not isinstance(month, int) or not 1 <= month <= 12:
        raise _card_error("The expiration month is invalid.", "invalid_expiry_month", "exp_month")
    if not isinstance(year, int) or not 2000 <= _full(year) <= 2100:
        raise _card_error("The expiration year is invalid.", "invalid_expiry_year", "exp_year")
    return shapes.payment_method(
        twin.clock.now(), card, month=month, year=_full(year), billing=billing
    )


def _full(year: int) -> int:
    return year + 2000 if year < 100 else year


def _card_error(text: str, code: str, param: str) -> ApiError:
    return ApiError(402, "card_error", text, code=code, param=param)


def method_for(twin: Twin, id: object, *, param: str = "payment_method") -> Json:
    """The card: one that exists, or a new one for a magic id. Raises `ApiError`."""
    if isinstance(id, str) and id in BY_MAGIC:
        card = BY_MAGIC[id]
        month, year = card.expires
        made = shapes.payment_method(twin.clock.now(), card, month=month, year=year, billing={})
        return twin.store.put(made)
    return twin.find("payment_method", id, param=param)


def card_of(method: Json) -> Card:
    """Which test card it is."""
    return BY_NUMBER[method["_number"]]


def retrieve_method(twin: Twin, given: Json, id: str) -> Json:
    """GET /v1/payment_methods/:id"""
    return twin.find("payment_method", id)


def attach(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/payment_methods/:id/attach"""
    customer = living(twin, given.get("customer"), param="customer")
    method = method_for(twin, id, param="id")
    card = card_of(method)
    if card.decline_on_save:
        raise _card_error("Your card was declined.", "card_declined", "")
    return keep(twin, method, customer["id"])


def keep(twin: Twin, method: Json, customer: str) -> Json:
    """Attach a card to a customer. Raises `ApiError` if it is another's, or was detached."""
    if method["customer"] not in (None, customer) or method.get("_used_up"):
        raise invalid(
            "The payment method you provided has already been attached to a customer, or was "
            "used without one or detached, and may not be used again.",
            code="payment_method_unexpected_state",
        )
    if method["customer"] is None:
        method["customer"] = customer
        twin.store.put(method)
        twin.tell("payment_method.attached", method)
    return method


def detach(twin: Twin, given: Json, id: str) -> Json:
    """POST /v1/payment_methods/:id/detach"""
    method = twin.find("payment_method", id)
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer.")
    return _release(twin, method)


def _release(twin: Twin, method: Json) -> Json:
    before: Any = method["customer"]
    method["customer"], method["_used_up"] = None, True
    twin.store.put(method)
    twin.tell("payment_method.detached", method, {"customer": before})
    return method


def _attached(twin: Twin, id: object, customer: str) -> None:
    method = twin.find("payment_method", id, param="invoice_settings[default_payment_method]")
    if method["customer"] != customer:
        raise missing("PaymentMethod", str(id), param="invoice_settings", status=400)
