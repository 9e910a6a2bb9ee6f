"""An account: done, refused, repeated."""

from dataclasses import replace
from datetime import timedelta

import pytest
from auth.accounts.decider import (
    ACCOUNT,
    AccountIsSuspended,
    AlreadyRegistered,
    AlreadySuspended,
    UnknownRole,
)
from auth.accounts.examples import (
    ACTIVATE,
    ACTIVATED,
    AT,
    CHANGE_PASSWORD,
    ERASE,
    ERASED,
    OTHER_HASH,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    REGISTER,
    REGISTERED,
    REHASH,
    REHASHED,
    RENAME,
    RENAMED,
    REQUEST_RESET,
    RESET,
    RESET_ID,
    RESET_REQUESTED,
    ROLES_SET,
    SET_ROLES,
    SUSPEND,
    SUSPENDED,
)
from auth.accounts.examples import ADMIN_ID as ADMIN
from auth.addresses.examples import CHANGED
from auth.links import LinkExpired, LinkUsed
from common.ids import uuid7
from common.problems import NotFound
from common.testing.scenario import Scenario

account = Scenario(ACCOUNT)


def test_somebody_registers() -> None:
    account.given().when(REGISTER).then(REGISTERED)


def test_an_account_is_registered_once() -> None:
    account.given(REGISTERED).when(REGISTER).then_refused(AlreadyRegistered)


def test_an_account_is_erased_once() -> None:
    account.given(REGISTERED).when(ERASE).then(ERASED)
    account.given(REGISTERED, ERASED).when(ERASE).then()


def test_a_suspended_account_can_be_erased() -> None:
    account.given(REGISTERED, SUSPENDED).when(ERASE).then(ERASED)


@pytest.mark.parametrize("command", [ERASE, CHANGE_PASSWORD, RENAME, SUSPEND, SET_ROLES])
def test_nobody_cannot_be_changed(command) -> None:
    account.given().when(command).then_refused(NotFound)


@pytest.mark.parametrize("command", [CHANGE_PASSWORD, RENAME, SUSPEND, SET_ROLES, RESET])
def test_an_erased_account_cannot_be_changed(command) -> None:
    account.given(REGISTERED, ERASED).when(command).then_refused(NotFound)


def test_a_password_is_changed() -> None:
    account.given(REGISTERED).when(CHANGE_PASSWORD).then(PASSWORD_CHANGED)


def test_a_password_is_reset_by_the_link_that_was_asked_for() -> None:
    """MP-18, PG-02."""
    account.given(REGISTERED).when(REQUEST_RESET).then(RESET_REQUESTED)
    account.given(REGISTERED, RESET_REQUESTED).when(RESET).then(PASSWORD_RESET)


def test_a_reset_link_works_once() -> None:
    """MP-18, PG-02."""
    account.given(REGISTERED, RESET_REQUESTED, PASSWORD_RESET).when(RESET).then_refused(LinkUsed)


def test_a_reset_link_is_good_for_half_an_hour() -> None:
    late = replace(RESET, now=AT + timedelta(minutes=30))
    account.given(REGISTERED, RESET_REQUESTED).when(late).then_refused(LinkExpired)


def test_a_newer_reset_link_replaces_the_older() -> None:
    newer = replace(RESET_REQUESTED, request_id=uuid7())
    account.given(REGISTERED, RESET_REQUESTED, newer).when(RESET).then_refused(LinkUsed)


def test_a_reset_link_is_void_once_the_password_was_changed() -> None:
    history = (REGISTERED, RESET_REQUESTED, PASSWORD_CHANGED)
    account.given(*history).when(RESET).then_refused(LinkUsed)


def test_a_reset_link_is_void_once_the_address_was_changed() -> None:
    account.given(REGISTERED, RESET_REQUESTED, CHANGED).when(RESET).then_refused(LinkUsed)


def test_asking_again_within_a_minute_sends_no_second_reset_link() -> None:
    again = replace(REQUEST_RESET, request_id=uuid7())
    hasty = replace(again, now=AT + timedelta(seconds=59))
    account.given(REGISTERED, RESET_REQUESTED).when(hasty).then()
    patient = replace(again, now=AT + timedelta(seconds=60))
    newer = replace(RESET_REQUESTED, request_id=again.request_id, requested_at=patient.now)
    account.given(REGISTERED, RESET_REQUESTED).when(patient).then(newer)


def test_nobody_asked_for_this_reset() -> None:
    account.given(REGISTERED).when(replace(RESET, request_id=RESET_ID)).then_refused(LinkUsed)


def test_a_password_is_rehashed_unless_it_was_changed_meanwhile() -> None:
    account.given(REGISTERED).when(REHASH).then(REHASHED)
    account.given(REGISTERED, PASSWORD_CHANGED).when(replace(REHASH, password_hash="h")).then()
    assert REHASH.password_hash == OTHER_HASH


def test_an_account_is_renamed_once() -> None:
    """CP-11."""
    account.given(REGISTERED).when(RENAME).then(RENAMED)
    account.given(REGISTERED, RENAMED).when(RENAME).then()


def test_an_account_is_suspended_and_says_by_whom() -> None:
    account.given(REGISTERED).when(SUSPEND).then(SUSPENDED)
    assert SUSPENDED.by == ADMIN


def test_suspending_twice_is_refused() -> None:
    """MP-05."""
    account.given(REGISTERED, SUSPENDED).when(SUSPEND).then_refused(AlreadySuspended)


def test_a_suspended_account_is_activated_once() -> None:
    account.given(REGISTERED, SUSPENDED).when(ACTIVATE).then(ACTIVATED)
    account.given(REGISTERED, SUSPENDED, ACTIVATED).when(ACTIVATE).then()


@pytest.mark.parametrize("command", [CHANGE_PASSWORD, RENAME, REQUEST_RESET])
def test_the_owner_of_a_suspended_account_changes_nothing(command) -> None:
    """MP-05."""
    account.given(REGISTERED, SUSPENDED).when(command).then_refused(AccountIsSuspended)


def test_an_administrator_may_rename_a_suspended_account() -> None:
    by_admin = replace(RENAME, by=ADMIN)
    account.given(REGISTERED, SUSPENDED).when(by_admin).then(replace(RENAMED, by=ADMIN))


def test_what_changed_while_suspended_holds_afterwards() -> None:
    account.given(REGISTERED, SUSPENDED, ROLES_SET, ACTIVATED).when(SET_ROLES).then()


def test_roles_are_set_once_and_say_by_whom() -> None:
    account.given(REGISTERED).when(SET_ROLES).then(ROLES_SET)
    account.given(REGISTERED, ROLES_SET).when(SET_ROLES).then()
    assert ROLES_SET.by == ADMIN


@pytest.mark.parametrize("roles", [{"user", "root"}, {"admin"}, set()])
def test_unknown_roles_and_the_loss_of_user_are_refused(roles) -> None:
    command = replace(SET_ROLES, roles=frozenset(roles))
    account.given(REGISTERED).when(command).then_refused(UnknownRole)
