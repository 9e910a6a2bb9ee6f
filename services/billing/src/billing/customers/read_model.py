"""Customers to read: how to reach them, what invoices say of them, how they pay."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB, insert

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

_AT = sa.DateTime(timezone=True)
_metadata = sa.MetaData()
customers = sa.Table(
    "customers",
    _metadata,
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("contact", JSONB, nullable=False),
    sa.Column("details", JSONB, nullable=False),
    sa.Column("names", JSONB, nullable=False),
    sa.Column("default_method_id", sa.Uuid),
)
methods = sa.Table(
    "payment_methods",
    _metadata,
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("method_id", sa.Uuid, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("face", JSONB, nullable=False),
    sa.Column("saved_at", _AT, nullable=False),
)
pages = sa.Table(
    "payment_method_pages",
    _metadata,
    sa.Column("page_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("opened_at", _AT, nullable=False),
    sa.Index("payment_method_pages_by_account", "account_id"),
)


def _insert(table: sa.Table) -> Any:
    return insert(table).values({c.name: sa.bindparam(c.name, type_=c.type) for c in table.c})


def _setting(change: Mapping[str, Any]) -> Statement:
    row = _insert(customers)
    changed = {"version": row.excluded.version, **change}
    return Statement(row.on_conflict_do_update(index_elements=["account_id"], set_=changed))


_row = insert(customers).excluded
_SET_CONTACT = _setting({"contact": _row.contact})
_SET_DETAILS = _setting({"details": _row.details})
_SET_NAMES = _setting({"names": customers.c.names.concat(_row.names)})
_SET_DEFAULT = _setting({"default_method_id": _row.default_method_id})
_SET_NOTHING = _setting({})
_saved = _insert(methods)
_SAVE = Statement(
    _saved.on_conflict_do_update(
        index_elements=["account_id", "method_id"],
        set_={"face": _saved.excluded.face, "saved_at": _saved.excluded.saved_at},
    )
)
_OPEN = Statement(_insert(pages))
_account = sa.bindparam("account", type_=sa.Uuid)
_method = sa.bindparam("method", type_=sa.Uuid)
_REMOVE = Statement(
    sa.delete(methods).where(methods.c.account_id == _account, methods.c.method_id == _method)
)
_UNSET_DEFAULT = Statement(
    sa.update(customers)
    .where(customers.c.account_id == _account, customers.c.default_method_id == _method)
    .values(default_method_id=sa.null())
)
_FORGET = [
    Statement(sa.delete(t).where(t.c.account_id == _account)) for t in _metadata.tables.values()
]


def project(event: CustomerEvent, stamp: Stamp) -> list[Write]:
    """One row a customer, one a saved way to pay, one a page; none once they were erased."""
    id = event.account_id
    match event:
        case CustomerContactChanged():
            return [_set(_SET_CONTACT, id, stamp, contact=asdict(event.contact))]
        case CustomerDetailsChanged():
            return [_set(_SET_DETAILS, id, stamp, details=asdict(event.details))]
        case CustomerNamedByProvider():
            return [_set(_SET_NAMES, id, stamp, names={event.provider: event.reference})]
        case DefaultPaymentMethodSet():
            return [_set(_SET_DEFAULT, id, stamp, default_method_id=event.method_id)]
        case MethodPageOpened() | PaymentMethodSaved() | PaymentMethodRemoved():
            return [_set(_SET_NOTHING, id, stamp), *_beside(event)]
        case CustomerErased():
            return [
                Write(statement, {"account": id}, (id, n)) for n, statement in enumerate(_FORGET)
            ]
        case _:
            assert_never(event)


def _beside(
    event: MethodPageOpened | PaymentMethodSaved | PaymentMethodRemoved,
) -> list[Write]:
    id = event.account_id
    match event:
        case MethodPageOpened():
            page = {c.name: getattr(event, c.name) for c in pages.c}
            return [Write(_OPEN, page, event.page_id)]
        case PaymentMethodSaved():
            method = {**vars(event), "face": asdict(event.face)}
            return [Write(_SAVE, method, (id, event.method_id))]
        case PaymentMethodRemoved():
            which = {"account": id, "method": event.method_id}
            return [Write(_REMOVE, which, (id, event.method_id)), Write(_UNSET_DEFAULT, which, id)]
        case _:
            assert_never(event)


def _set(statement: Statement, id: UUID, stamp: Stamp, **values: Any) -> Write:
    row = {
        "account_id": id,
        "version": stamp.version,
        "contact": asdict(NOBODY),
        "details": asdict(NOTHING),
        "names": {},
        "default_method_id": None,
        **values,
    }
    return Write(statement, row, id)


CUSTOMERS = ReadModel(CustomerEvent, project, name="customers", tables=(customers, methods, pages))


@dataclass(frozen=True)
class CustomerRow:
    """A customer as they are read; version 0 is one of whom nothing is known."""

    account_id: UUID
    version: int
    contact: Contact
    details: BillingDetails
    names: Mapping[str, str]
    default_method_id: UUID | None


@dataclass(frozen=True)
class MethodRow:
    """A saved way to pay as it is read."""

    account_id: UUID
    method_id: UUID
    provider: str
    face: MethodFace
    saved_at: datetime


@dataclass(frozen=True)
class PageRow:
    """A page on which a customer may save a way to pay."""

    page_id: UUID
    account_id: UUID
    provider: str
    reference: str
    opened_at: datetime


_CUSTOMER = TypeAdapter(CustomerRow)
_METHOD = TypeAdapter(MethodRow)
_BY_ID = Statement(sa.select(customers).where(customers.c.account_id == _account))
_BY_IDS = Statement(
    sa.select(customers).where(
        customers.c.account_id == sa.any_(sa.bindparam("accounts", type_=sa.ARRAY(sa.Uuid)))
    )
)
_METHODS = Statement(
    sa.select(methods)
    .where(methods.c.account_id == _account)
    .order_by(methods.c.saved_at.desc(), methods.c.method_id)
)
_METHODS_NAMED = Statement(
    sa.select(methods).where(
        methods.c.account_id == sa.any_(sa.bindparam("accounts", type_=sa.ARRAY(sa.Uuid))),
        methods.c.method_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
    )
)
_PAGE = Statement(sa.select(pages).where(pages.c.page_id == sa.bindparam("page", type_=sa.Uuid)))


async def customer_of(database: Database | Transaction, account_id: UUID) -> CustomerRow:
    """The account's customer, one of whom nothing is known if need be."""
    row = await database.fetch_one(_BY_ID, account=account_id)
    return _CUSTOMER.validate_python(dict(row)) if row else _unknown(account_id)


async def customers_of(
    transaction: Transaction, account_ids: Sequence[UUID]
) -> Mapping[UUID, CustomerRow]:
    """The same for many accounts."""
    rows = await transaction.fetch(_BY_IDS, accounts=list(account_ids))
    known = {row["account_id"]: _CUSTOMER.validate_python(dict(row)) for row in rows}
    return {id: known.get(id) or _unknown(id) for id in account_ids}


def _unknown(account_id: UUID) -> CustomerRow:
    return CustomerRow(account_id, 0, NOBODY, NOTHING, {}, None)


async def methods_of(database: Database | Transaction, account_id: UUID) -> Sequence[MethodRow]:
    """The account's saved ways to pay, the newest first."""
    rows = await database.fetch(_METHODS, account=account_id)
    return [_METHOD.validate_python(dict(row)) for row in rows]


async def methods_named(
    database: Database, named: Sequence[tuple[UUID, UUID]]
) -> Mapping[tuple[UUID, UUID], MethodRow]:
    """Those of these pairs of account and method that are saved."""
    accounts, ids = [account for account, _ in named], [id for _, id in named]
    rows = await database.fetch(_METHODS_NAMED, accounts=accounts, ids=ids) if named else []
    return {
        (row["account_id"], row["method_id"]): _METHOD.validate_python(dict(row)) for row in rows
    }


async def page_by_id(database: Database, page_id: UUID) -> PageRow | None:
    """The page with our id."""
    row = await database.fetch_one(_PAGE, page=page_id)
    return PageRow(**row) if row else None
