"""The hosted pages: where a customer pays or saves a card, and where their bank challenges them."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stripe_twin import checkout, intents
from stripe_twin.amounts import decimals
from stripe_twin.cards import BY_NUMBER, CARDS
from stripe_twin.customers import card_method
from stripe_twin.problems import ApiError, Json
from stripe_twin.twin import Call, Twin

SESSION_ID = "{CHECKOUT_SESSION_ID}"
OTHER = "other"
RARE = frozenset(card.number for card in CARDS[4:])
"""Cards that the page offers only to who asks for more."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"

_TEMPLATES = Environment(
    loader=PackageLoader("stripe_twin"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = (Path(__file__).parent / "templates/page.css").read_text()


async def home(request: Request) -> Response:
    """What this is."""
    return _page("home.html", title="A counterpart of Stripe")


async def checkout_page(request: Request) -> Response:
    """GET shows the page, POST is the button."""
    twin: Twin = request.app.state.twin
    session = twin.store.get("checkout.session", request.path_params["id"])
    if session is None:
        return _page("note.html", 404, title="There is no such page", said="The address is wrong.")
    if request.method == "POST" and session["status"] == "open":
        said = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
        return _pressed(twin, request, session, {name: v[0] for name, v in said.items()})
    return _shown(twin, session)


def _pressed(twin: Twin, request: Request, session: Json, said: dict[str, str]) -> Response:
    twin.call = Call(base_url=twin.base_url(request.base_url))
    try:
        given = _card(said)
        method = card_method(twin, given, {"name": said.get("name", "").strip()[:200] or None})
        intent = checkout.submit(twin, session, twin.store.put(method))
    except ApiError as error:
        if checkout.intent_of(twin, session) is None or error.error.get("param"):
            return _form(twin, session, error.error["message"], said, status=402)
        return RedirectResponse(f"/c/{session['id']}", 303)  # the intent says what was wrong
    finally:
        twin.call = Call()
        twin.store.save()
    if intent["status"] == "requires_action":
        return RedirectResponse(f"/3ds/{intent['id']}", 303)
    return _back(session)


def _card(said: dict[str, str]) -> Json:
    chosen = said.get("card", "")
    if chosen in BY_NUMBER:
        month, year = BY_NUMBER[chosen].expires
        return {"number": chosen, "exp_month": month, "exp_year": year}
    month_text, _, year_text = said.get("expiry", "").replace(" ", "").partition("/")
    return {
        "number": said.get("number", "").replace("-", ""),
        "exp_month": _number(month_text),
        "exp_year": _number(year_text),
    }


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 4 else None


def _shown(twin: Twin, session: Json) -> Response:
    if session["status"] == "complete":
        return _back(session)
    if session["status"] == "expired":
        said = "Nothing was taken. Go back and begin again."
        link = session["cancel_url"]
        return _page("note.html", 410, title="This page has expired", said=said, link=link)
    intent = checkout.intent_of(twin, session)
    error = intent and (intent.get("last_payment_error") or intent.get("last_setup_error"))
    return _form(twin, session, error["message"] if error else None, {})


def _form(
    twin: Twin, session: Json, error: str | None, said: dict[str, str], *, status: int = 200
) -> Response:
    pays = session["mode"] == "payment"
    total = money(session["amount_total"], session["currency"]) if pays else None
    lines = [
        (line["description"], line["quantity"], money(line["amount_total"], line["currency"]))
        for line in session["_lines"]
    ]
    customer = twin.store.get("customer", session["customer"]) or {}
    return _page(
        "checkout.html",
        status,
        title=f"Pay {total}" if pays else "Save a card",
        total=total,
        lines=lines,
        email=customer.get("email") or session["customer_email"],
        saves=not pays or bool(session["_intent_data"].get("setup_future_usage")),
        cards=CARDS,
        rare=RARE,
        chosen=said.get("card", CARDS[0].number),
        said={name: said.get(name, "") for name in ("number", "expiry", "name")},
        error=error,
        cancel_url=session["cancel_url"],
        other=OTHER,
    )


async def challenge(request: Request) -> Response:
    """The bank's question. GET asks it, POST is the answer."""
    twin: Twin = request.app.state.twin
    intent = twin.store.any(request.path_params["id"])
    if intent is None or not intent["object"].endswith("_intent"):
        return _page("note.html", 404, title="There is no such page", said="The address is wrong.")
    if intent["status"] != "requires_action":
        return _after(twin, intent)
    if request.method == "GET":
        pays = intent["object"] == "payment_intent"
        total = money(intent["amount"], intent["currency"]) if pays else None
        return _page("challenge.html", title="Your bank asks", total=total)
    passed = parse_qs((await request.body()).decode(errors="replace")).get("answer") == ["yes"]
    twin.call = Call(base_url=twin.base_url(request.base_url))
    try:
        answered = intents.authenticate(twin, intent, passed=passed)
        session = checkout.session_of(twin, answered)
        if session is not None:
            checkout.complete(twin, session, answered)
    except ApiError:
        pass  # the refusal stands at the intent, and the page that began it shows it
    finally:
        twin.call = Call()
        twin.store.save()
    return _after(twin, intent)


def _after(twin: Twin, intent: Json) -> Response:
    session = checkout.session_of(twin, intent)
    if session is not None:
        return RedirectResponse(f"/c/{session['id']}", 303)
    good = intent["status"] == "succeeded"
    said = "You can close this page." if good else "The bank did not agree. Nothing was taken."
    return _page("note.html", title="Done" if good else "Not paid", said=said, link=None)


def _back(session: Json) -> Response:
    url = session["success_url"].replace(SESSION_ID, session["id"])
    return RedirectResponse(url, 303)


def money(amount: int, currency: str) -> str:
    """`19.99 EUR`."""
    places = decimals(currency)
    whole, minor = divmod(amount, 10**places)
    return f"{whole:,}{f'.{minor:0{places}d}' if places else ''} {currency.upper()}"


def _page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    values.setdefault("link", None)
    text = _TEMPLATES.get_template(template).render(style=_STYLE, **values)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)
