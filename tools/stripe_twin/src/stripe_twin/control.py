"""What tests and the curious set at the twin itself, below `/_twin/`."""

import json
from dataclasses import asdict, fields, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stripe_twin import checkout, endpoints, intents, refunds
from stripe_twin.customers import card_method
from stripe_twin.deliveries import Deliveries
from stripe_twin.faults import KINDS, Fault, Faults
from stripe_twin.problems import ApiError, Json, invalid
from stripe_twin.switches import Switches
from stripe_twin.twin import Twin, shown

LONGEST_STEP = 400 * 86_400


async def control(request: Request) -> Response:
    """The endpoint below `/_twin/`: GET tells, POST sets."""
    twin: Twin = request.app.state.twin
    deliveries: Deliveries = request.app.state.deliveries
    action = f"{request.method} {request.path_params['action']}"
    try:
        said = json.loads(await request.body() or b"{}") if request.method == "POST" else {}
        if not isinstance(said, dict):
            raise invalid("A JSON object is expected.")
        body = await _done(twin, deliveries, action, said)
    except ApiError as error:
        return JSONResponse(error.body, error.status)
    except (TypeError, ValueError, KeyError) as error:
        return JSONResponse(invalid(f"Not understood: {error!r}").body, 400)
    finally:
        twin.store.save()
    return JSONResponse(body)


async def _done(twin: Twin, deliveries: Deliveries, action: str, said: Json) -> Any:
    match action:
        case "GET clock":
            return {"now": twin.clock.now()}
        case "POST clock":
            return advance(twin, int(said["seconds"]))
        case "GET switches":
            return asdict(twin.switches)
        case "POST switches":
            return _switch(twin, said)
        case "POST faults":
            return _expect(twin, said)
        case "POST release":
            return {"released": await deliveries.release(reverse=bool(said.get("reverse", True)))}
        case _:
            return _act(twin, deliveries, action, said)


def _act(twin: Twin, deliveries: Deliveries, action: str, said: Json) -> Any:
    match action:
        case "GET deliveries":
            return shown(deliveries.all())
        case "POST retry_lost":
            return {"waiting": deliveries.retry_lost()}
        case "POST webhook_endpoints":
            made = endpoints.add(twin, said["url"], said["secret"], said.get("types", ["*"]))
            return {"id": made["id"]}
        case _:
            return _act_on(twin, action, said)


def _act_on(twin: Twin, action: str, said: Json) -> Any:
    match action:
        case "POST roll_secret":
            endpoint = twin.find(endpoints.KIND, said["endpoint"])
            return {"secret": endpoints.roll(twin, endpoint, said.get("secret"))}
        case "POST forget_old_secrets":
            endpoints.forget_old(twin, twin.find(endpoints.KIND, said["endpoint"]))
            return {}
        case "POST pay":
            return _pay(twin, said)
        case "POST authenticate":
            return _authenticate(twin, said)
        case "POST dispute":
            return shown(refunds.open_dispute(twin, twin.find("charge", said["charge"])))
        case _:
            return _act_on_the_rest(twin, action, said)


def _act_on_the_rest(twin: Twin, action: str, said: Json) -> Any:
    match action:
        case "POST close_dispute":
            dispute = twin.find("dispute", said["dispute"])
            return shown(refunds.close_dispute(twin, dispute, won=bool(said.get("won"))))
        case "POST fail_refund":
            return shown(refunds.fail(twin, twin.find("refund", said["refund"])))
        case "POST forget_faults":
            twin.faults = Faults()
            return {}
        case "POST reset":
            return _reset(twin)
        case _:
            raise ApiError(404, "invalid_request_error", f"The twin has no {action}.")


def advance(twin: Twin, seconds: int) -> Json:
    """Move the clock forward and do what is due by then, in order. Raises `ApiError`."""
    if not 0 <= seconds <= LONGEST_STEP:
        raise invalid("The clock goes forward, at most 400 days at once.")
    twin.clock.advance(seconds)
    return {"now": twin.clock.now(), "done": do_what_is_due(twin)}


def do_what_is_due(twin: Twin) -> int:
    """Disputes, late refunds, pages that expire; how many things were done."""
    due = twin.due()
    for task in due:
        twin.store.remove(task)
        thing = twin.store.any(task["to"])
        if thing is not None:
            _do(twin, task["do"], thing)
    return len(due)


def _do(twin: Twin, what: str, thing: Json) -> None:
    match what:
        case "dispute":
            refunds.open_dispute(twin, thing)
        case "finish_refund":
            refunds.finish(twin, thing)
        case "fail_refund":
            refunds.fail(twin, thing)
        case "expire_session" if thing["status"] == "open":
            checkout.close(twin, thing)


def _switch(twin: Twin, said: Json) -> Json:
    known = {field.name for field in fields(Switches)}
    if unknown := said.keys() - known:
        raise invalid(f"There is no switch {', '.join(sorted(unknown))}.")
    twin.switches = replace(twin.switches, **said)
    return asdict(twin.switches)


def _expect(twin: Twin, said: Json) -> Json:
    if said.get("kind") not in KINDS:
        raise invalid(f"A fault's kind is one of {', '.join(KINDS)}.")
    twin.faults.waiting.append(Fault(**said))
    return {"waiting": len(twin.faults.waiting)}


def _pay(twin: Twin, said: Json) -> Json:
    """What a person does on the page, for tests without a browser."""
    session = twin.find("checkout.session", said["session"])
    card = {"number": said["number"], "exp_month": 12, "exp_year": 2044}
    method = twin.store.put(card_method(twin, card, {"name": said.get("name", "Ann Onym")}))
    intent: Json = shown(checkout.submit(twin, session, method))
    return intent


def _authenticate(twin: Twin, said: Json) -> Json:
    intent = twin.store.any(said["intent"]) or {}
    answered = intents.authenticate(twin, intent, passed=bool(said.get("passed", True)))
    if session := checkout.session_of(twin, answered):
        checkout.complete(twin, session, answered)
    told: Json = shown(answered)
    return told


def _reset(twin: Twin) -> Json:
    twin.store.clear()
    twin.switches, twin.faults = Switches(), Faults()
    return {}
