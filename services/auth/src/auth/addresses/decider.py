"""The rules of an account's address: verified by a link, changed by the new one's consent, and
given back when the old one objects. A part of the account's decider, in the account's stream."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from auth.addresses.commands import (
    AddressCommand,
    ConfirmEmailChange,
    ReleaseFormerAddress,
    RequestEmailChange,
    RequestEmailVerification,
    UndoEmailChange,
    VerifyEmail,
)
from auth.addresses.events import (
    AddressEvent,
    EmailChanged,
    EmailChangeRequested,
    EmailChangeUndone,
    EmailChangeWithdrawn,
    EmailVerificationRequested,
    EmailVerified,
    FormerAddressReleased,
)
from auth.links import LinkExpired, LinkUsed, Request, answer, just_asked

VERIFY_WITHIN = timedelta(days=1)
UNDO_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Address:
    """An address of a change: the one that shall be, since `at`; or that was, and may until `at`
    take the account back."""

    change_id: UUID
    email: str
    email_index: str
    at: datetime


@dataclass(frozen=True)
class Addresses:
    """Where somebody reads mail, wants to, and did until lately."""

    email: str
    email_index: str
    verification: Request | None
    verified: bool = False
    wanted: Address | None = None
    formers: tuple[Address, ...] = ()


def decide(command: AddressCommand, state: Addresses) -> list[AddressEvent]:
    """What follows from a command. Raises `LinkUsed` and `LinkExpired`."""
    match command:
        case RequestEmailVerification(id, request_id, now):
            if state.verified or just_asked(state.verification, now):
                return []
            return [EmailVerificationRequested(id, request_id, now)]
        case VerifyEmail(id, request_id, now):
            answer(state.verification, request_id, now, VERIFY_WITHIN)
            return [EmailVerified(id, now)]
        case RequestEmailChange():
            return _want(command, state)
        case ConfirmEmailChange():
            return _confirm(command, state)
        case UndoEmailChange():
            return _undo(command, state)
        case ReleaseFormerAddress(id, request_id, now):
            formers = [former for former in state.formers if former.change_id == request_id]
            return [FormerAddressReleased(id, request_id, f.email_index, now) for f in formers]
        case _:
            assert_never(command)


def _want(command: RequestEmailChange, state: Addresses) -> list[AddressEvent]:
    if command.email_index == state.email_index:
        return []
    return [
        EmailChangeRequested(
            command.account_id,
            command.request_id,
            command.email,
            command.email_index,
            state.email,
            command.now,
        )
    ]


def _confirm(command: ConfirmEmailChange, state: Addresses) -> list[AddressEvent]:
    id, now, wanted = command.account_id, command.now, state.wanted
    if wanted is None:
        raise LinkUsed
    answer(Request(wanted.change_id, wanted.at), command.request_id, now, VERIFY_WITHIN)
    # going back to an address of one's own: it is current again, and reserved no longer
    released: list[AddressEvent] = [
        FormerAddressReleased(id, former.change_id, former.email_index, now)
        for former in state.formers
        if former.email_index == wanted.email_index
    ]
    changed = EmailChanged(
        id,
        wanted.change_id,
        wanted.email,
        wanted.email_index,
        state.email,
        state.email_index,
        now + UNDO_WITHIN,
        now,
    )
    return [*released, changed]


def _undo(command: UndoEmailChange, state: Addresses) -> list[AddressEvent]:
    id, change_id, now = command.account_id, command.request_id, command.now
    if state.wanted is not None and state.wanted.change_id == change_id:
        return [EmailChangeWithdrawn(id, change_id, now)]
    changes = [former.change_id for former in state.formers]
    if change_id not in changes:
        raise LinkUsed
    former, *later = state.formers[changes.index(change_id) :]
    if now >= former.at:
        raise LinkExpired
    released = (state.email_index, *(address.email_index for address in later))
    return [EmailChangeUndone(id, change_id, former.email, former.email_index, released, now)]


def evolve(state: Addresses, event: AddressEvent) -> Addresses:
    """The state after one more event."""
    match event:
        case EmailVerificationRequested():
            return replace(state, verification=Request(event.request_id, event.requested_at))
        case EmailVerified():
            return replace(state, verified=True, verification=None)
        case EmailChangeRequested(_, id, email, index, _, at):
            return replace(state, wanted=Address(id, email, index, at))
        case EmailChangeWithdrawn():
            return replace(state, wanted=None)
        case EmailChanged():
            return _changed(state, event)
        case EmailChangeUndone():
            changes = [former.change_id for former in state.formers]
            kept = state.formers[: changes.index(event.request_id)]
            return Addresses(event.email, event.email_index, None, verified=True, formers=kept)
        case FormerAddressReleased(_, id):
            formers = tuple(former for former in state.formers if former.change_id != id)
            return replace(state, formers=formers)
        case _:
            assert_never(event)


def _changed(state: Addresses, event: EmailChanged) -> Addresses:
    former = Address(
        event.request_id, event.former_email, event.former_email_index, event.undo_until
    )
    formers = (*state.formers, former)
    return Addresses(event.email, event.email_index, None, verified=True, formers=formers)
