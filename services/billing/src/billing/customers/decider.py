"""The rules of a customer: pure. Of several saved ways to pay one is always the default."""

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import NotFound

from billing.customers.commands import (
    ChangeContact,
    ChangeDetails,
    CustomerCommand,
    EraseCustomer,
    MethodCommand,
    NameAtProvider,
    OpenMethodPage,
    RemovePaymentMethod,
    SavePaymentMethod,
    SetDefaultPaymentMethod,
)
from billing.customers.events import (
    NOBODY,
    NOTHING,
    BillingDetails,
    Contact,
    CustomerContactChanged,
    CustomerDetailsChanged,
    CustomerErased,
    CustomerEvent,
    CustomerNamedByProvider,
    DefaultPaymentMethodSet,
    MethodFace,
    MethodPageOpened,
    PaymentMethodRemoved,
    PaymentMethodSaved,
)

MOST_METHODS = 20
"""More than anybody can tell apart: the oldest makes room for one more, whoever brings it."""


@dataclass(frozen=True)
class Method:
    """A saved way to pay."""

    method_id: UUID
    provider: str
    face: MethodFace


@dataclass(frozen=True)
class Customer:
    """Somebody who may buy. `methods` are the saved ways to pay, the oldest first; those that were
    `removed` never come back, whoever still tells of them."""

    contact: Contact = NOBODY
    details: BillingDetails = NOTHING
    names: tuple[tuple[str, str], ...] = ()
    pages: tuple[UUID, ...] = ()
    methods: tuple[Method, ...] = ()
    removed: frozenset[UUID] = frozenset()
    default_id: UUID | None = None

    def method(self, method_id: UUID) -> Method | None:
        """The saved way to pay with this id."""
        return next((m for m in self.methods if m.method_id == method_id), None)


@dataclass(frozen=True)
class Erased:
    """Somebody whom we have forgotten."""


CustomerState = Customer | Erased


def decide(command: CustomerCommand, state: CustomerState) -> list[CustomerEvent]:
    """What follows from a command. What others tell of an erased customer changes nothing.

    Raises `NotFound`, also for whatever an erased customer asks.
    """
    if isinstance(state, Erased):
        if isinstance(command, OpenMethodPage | SetDefaultPaymentMethod | RemovePaymentMethod):
            raise NotFound
        return []
    match command:
        case ChangeContact() | ChangeDetails():
            return _change(command, state)
        case NameAtProvider() | OpenMethodPage():
            return _note(command, state)
        case SavePaymentMethod() | SetDefaultPaymentMethod() | RemovePaymentMethod():
            return _methods(command, state)
        case EraseCustomer(id, now):
            return [CustomerErased(id, now)]
        case _:
            assert_never(command)


def _change(command: ChangeContact | ChangeDetails, state: Customer) -> list[CustomerEvent]:
    id, now = command.account_id, command.now
    if isinstance(command, ChangeDetails):
        if command.details == state.details:
            return []
        return [CustomerDetailsChanged(id, command.details, now)]
    contact = replace(state.contact, **dict(command.changes))  # type: ignore[arg-type] # field names
    return [] if contact == state.contact else [CustomerContactChanged(id, contact, now)]


def _note(command: NameAtProvider | OpenMethodPage, state: Customer) -> list[CustomerEvent]:
    id, provider, reference = command.account_id, command.provider, command.reference
    if isinstance(command, NameAtProvider):
        known = dict(state.names).get(provider) == reference
        return [] if known else [CustomerNamedByProvider(id, provider, reference, command.now)]
    if command.page_id in state.pages:
        return []
    return [MethodPageOpened(id, command.page_id, provider, reference, command.now)]


def _methods(command: MethodCommand, state: Customer) -> list[CustomerEvent]:
    match command:
        case SavePaymentMethod():
            return _save(command, state)
        case SetDefaultPaymentMethod(id, method_id, now):
            if state.method(method_id) is None:
                raise NotFound
            same = state.default_id == method_id
            return [] if same else [DefaultPaymentMethodSet(id, method_id, now)]
        case RemovePaymentMethod():
            return _remove(command, state)
        case _:
            assert_never(command)


def _save(command: SavePaymentMethod, state: Customer) -> list[CustomerEvent]:
    known = state.method(command.method_id)
    if command.method_id in state.removed or (known is not None and known.face == command.face):
        return []
    id, method_id, now = command.account_id, command.method_id, command.now
    saved = PaymentMethodSaved(id, method_id, command.provider, command.face, now)
    if known is not None:
        return [saved]
    too_many = state.methods[: max(0, len(state.methods) + 1 - MOST_METHODS)]
    removed = [PaymentMethodRemoved(id, oldest.method_id, now) for oldest in too_many]
    # whoever saves one means to pay with it from now on
    return [*removed, saved, DefaultPaymentMethodSet(id, method_id, now)]


def _remove(command: RemovePaymentMethod, state: Customer) -> list[CustomerEvent]:
    if state.method(command.method_id) is None:
        raise NotFound
    id, method_id, now = command.account_id, command.method_id, command.now
    removed = PaymentMethodRemoved(id, method_id, now)
    left = [m for m in state.methods if m.method_id != method_id]
    if state.default_id == method_id and left:
        return [removed, DefaultPaymentMethodSet(id, left[-1].method_id, now)]
    return [removed]


def evolve(state: CustomerState, event: CustomerEvent) -> CustomerState:
    """The state after one more event."""
    if isinstance(state, Erased):
        return state
    match event:
        case CustomerContactChanged():
            return replace(state, contact=event.contact)
        case CustomerDetailsChanged():
            return replace(state, details=event.details)
        case CustomerNamedByProvider(_, provider, reference, _):
            names = {**dict(state.names), provider: reference}
            return replace(state, names=tuple(names.items()))
        case MethodPageOpened():
            return replace(state, pages=(*state.pages, event.page_id))
        case PaymentMethodSaved() | DefaultPaymentMethodSet() | PaymentMethodRemoved():
            return _evolve_methods(state, event)
        case CustomerErased():
            return Erased()
        case _:
            assert_never(event)


def _evolve_methods(
    state: Customer, event: PaymentMethodSaved | DefaultPaymentMethodSet | PaymentMethodRemoved
) -> Customer:
    if isinstance(event, DefaultPaymentMethodSet):
        return replace(state, default_id=event.method_id)
    others = tuple(m for m in state.methods if m.method_id != event.method_id)
    if isinstance(event, PaymentMethodSaved):
        method = Method(event.method_id, event.provider, event.face)
        return replace(state, methods=(*others, method))
    default_id = None if state.default_id == event.method_id else state.default_id
    removed = state.removed | {event.method_id}
    return replace(state, methods=others, removed=removed, default_id=default_id)


CUSTOMER: Decider[CustomerCommand, CustomerState, CustomerEvent] = Decider(
    "customer", Customer(), decide, evolve
)
