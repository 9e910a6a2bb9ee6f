"""Reads the SDK's annotations: which fields an object may have and must have."""

import builtins
import types
from collections.abc import Iterator
from inspect import get_annotations
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import stripe
from stripe import _request_options
from stripe._expandable_field import ExpandableField
from stripe._list_object import ListObject
from stripe._stripe_object import StripeObject, UntypedStripeObject

CLASSES: dict[str, type] = {
    cls.OBJECT_NAME: cls
    for cls in (
        stripe.Customer,
        stripe.PaymentMethod,
        stripe.PaymentIntent,
        stripe.SetupIntent,
        stripe.Charge,
        stripe.Refund,
        stripe.Dispute,
        stripe.Event,
        stripe.LineItem,
        stripe.WebhookEndpoint,
        stripe.checkout.Session,
    )
}


class _Names(dict[str, Any]):
    """What annotations refer to; the SDK gives its names away only when they are asked for."""

    def __missing__(self, name: str) -> Any:
        if name in vars(builtins):
            raise KeyError(name)
        try:
            return getattr(stripe, name)
        except AttributeError:
            raise KeyError(name) from None


_NAMES = {"ExpandableField": ExpandableField, "ListObject": ListObject}


def fields_of(cls: type) -> dict[str, Any]:
    """The annotated fields of an SDK class, resolved; what cannot be is `Any`."""
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if not issubclass(base, StripeObject) or base in (StripeObject, UntypedStripeObject):
            continue
        names = _Names(_NAMES | vars(base) | vars(cls))
        for name, annotation in get_annotations(base).items():
            hints[name] = _resolved(base, annotation, names)
    return {
        n: h for n, h in hints.items() if get_origin(h) is not ClassVar and not n.startswith("_")
    }


def _resolved(base: type, annotation: Any, names: _Names) -> Any:
    probe = type(
        "Probe", (), {"__annotations__": {"it": annotation}, "__module__": base.__module__}
    )
    try:
        return get_type_hints(probe, localns=names)["it"]
    except NameError:
        return Any


def differences(thing: Any, cls: type, at: str) -> Iterator[str]:
    """Fields that the class does not know, and required ones that are not there."""
    if not isinstance(thing, dict):
        return
    fields = fields_of(cls)
    if not fields:
        return
    yield from (f"{at}.{name}: unknown" for name in thing if name not in fields)
    for name, hint in fields.items():
        options = _options(hint)
        if name not in thing:
            if type(None) not in options and hint is not Any:
                yield f"{at}.{name}: missing"
            continue
        yield from _inside(thing[name], hint, options, f"{at}.{name}")


def _inside(value: Any, hint: Any, options: list[Any], at: str) -> Iterator[str]:
    if value is None:
        if type(None) not in options and hint is not Any:
            yield f"{at}: null"
    elif isinstance(value, dict):
        for cls in _classes(value, options):
            yield from differences(value, cls, at)
    elif isinstance(value, list):
        yield from _items(value, options, at)
    elif not _fits(value, options):
        yield f"{at}: {value!r} is none of {options}"


def _classes(value: dict[str, Any], options: list[Any]) -> list[type]:
    named = value.get("object")
    if isinstance(named, str) and named in CLASSES:
        return [CLASSES[named]]
    return [o for o in options if isinstance(o, type) and issubclass(o, StripeObject)]


def _items(values: list[Any], options: list[Any], at: str) -> Iterator[str]:
    inner = [arg for o in options if get_origin(o) is list for arg in get_args(o)]
    for n, value in enumerate(values):
        if inner:
            yield from _inside(value, inner[0], _options(inner[0]), f"{at}[{n}]")


def _fits(value: Any, options: list[Any]) -> bool:
    literals = [arg for o in options if get_origin(o) is Literal for arg in get_args(o)]
    plain = [o for o in options if o in (str, int, bool, float)]
    if Any in options or value in literals:
        return True
    return type(value) in plain or not (literals or plain)


def _options(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [option for arg in get_args(hint) for option in _options(arg)]
    return [hint]


_OPTION_NAMES = {**vars(_request_options), "StripeContext": stripe.StripeContext}


def parameter_names(name: str) -> dict[str, Any]:
    """The parameters of a call by the name of their SDK type, with what each may hold."""
    module, _, last = name.rpartition(".")
    found = getattr(getattr(stripe.params, module) if module else stripe.params, last)
    return get_type_hints(found, localns=_OPTION_NAMES)
