"""An account's address: verified, changed, taken back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from auth.accounts.decider import ACCOUNT, AccountIsSuspended
from auth.accounts.events import PasswordResetRequested
from auth.accounts.examples import REGISTERED, SUSPENDED
from auth.addresses.decider import UNDO_WITHIN
from auth.addresses.examples import (
    ACCOUNT_ID,
    AT,
    CHANGE_REQUESTED,
    CHANGED,
    CONFIRM,
    LATER,
    NEW,
    NEW_INDEX,
    OLD,
    OLD_INDEX,
    RELEASE,
    RELEASED,
    REQUEST_CHANGE,
    UNDO,
    UNDO_RESET_ID,
    UNDONE,
    VERIFICATION_REQUESTED,
    VERIFIED,
    VERIFY,
    VERIFY_AGAIN,
    WITHDRAWN,
)
from auth.links import LinkExpired, LinkUsed
from common.ids import uuid7
from common.testing.scenario import Scenario

account = Scenario(ACCOUNT)
RESET_REQUESTED = PasswordResetRequested(ACCOUNT_ID, UNDO_RESET_ID, LATER)
THIRD_ID = uuid7()
THIRD_REQUESTED = replace(
    CHANGE_REQUESTED,
    request_id=THIRD_ID,
    email="third@example.org",
    email_index="3",
    current_email=NEW,
)
THIRD = replace(
    CHANGED,
    request_id=THIRD_ID,
    email="third@example.org",
    email_index="3",
    former_email=NEW,
    former_email_index=NEW_INDEX,
)


def test_the_greeting_s_link_verifies_the_address_once() -> None:
    account.given(REGISTERED).when(VERIFY).then(VERIFIED)
    account.given(REGISTERED, VERIFIED).when(VERIFY).then_refused(LinkUsed)


def test_an_account_of_the_first_schema_has_no_link_to_follow() -> None:
    account.given(replace(REGISTERED, verification_id=None)).when(VERIFY).then_refused(LinkUsed)


def test_a_verification_link_is_good_for_a_day() -> None:
    late = replace(VERIFY, now=AT + timedelta(days=1))
    account.given(REGISTERED).when(late).then_refused(LinkExpired)


def test_a_newer_verification_link_replaces_the_older() -> None:
    account.given(REGISTERED).when(VERIFY_AGAIN).then(VERIFICATION_REQUESTED)
    account.given(REGISTERED, VERIFICATION_REQUESTED).when(VERIFY).then_refused(LinkUsed)


def test_a_verified_address_needs_no_further_link() -> None:
    account.given(REGISTERED, VERIFIED).when(VERIFY_AGAIN).then()


def test_asking_again_within_a_minute_sends_no_second_link() -> None:
    account.given(REGISTERED).when(replace(VERIFY_AGAIN, now=AT)).then()


def test_an_address_changes_when_the_new_one_confirms() -> None:
    account.given(REGISTERED).when(REQUEST_CHANGE).then(CHANGE_REQUESTED)
    account.given(REGISTERED, CHANGE_REQUESTED).when(CONFIRM).then(CHANGED)


def test_the_address_that_one_has_is_no_change() -> None:
    same = replace(REQUEST_CHANGE, email="ADA@example.org", email_index=OLD_INDEX)
    account.given(REGISTERED).when(same).then()


def test_a_change_is_confirmed_once_and_within_a_day() -> None:
    late = replace(CONFIRM, now=AT + timedelta(days=1))
    account.given(REGISTERED, CHANGE_REQUESTED).when(late).then_refused(LinkExpired)
    account.given(REGISTERED, CHANGE_REQUESTED, CHANGED).when(CONFIRM).then_refused(LinkUsed)
    account.given(REGISTERED).when(CONFIRM).then_refused(LinkUsed)


def test_only_the_newest_change_can_be_confirmed() -> None:
    newer = replace(CHANGE_REQUESTED, request_id=uuid7())
    account.given(REGISTERED, CHANGE_REQUESTED, newer).when(CONFIRM).then_refused(LinkUsed)


def test_the_old_address_withdraws_a_change_and_gets_a_reset_link() -> None:
    account.given(REGISTERED, CHANGE_REQUESTED).when(UNDO).then(WITHDRAWN, RESET_REQUESTED)
    history = (REGISTERED, CHANGE_REQUESTED, WITHDRAWN)
    account.given(*history).when(CONFIRM).then_refused(LinkUsed)


def test_the_old_address_takes_the_account_back_and_gets_a_reset_link() -> None:
    account.given(REGISTERED, CHANGED).when(UNDO).then(UNDONE, RESET_REQUESTED)
    account.given(REGISTERED, CHANGED, UNDONE).when(UNDO).then_refused(LinkUsed)


def test_the_first_address_takes_the_account_back_after_further_changes() -> None:
    undone = replace(UNDONE, released_indexes=("3", NEW_INDEX))
    account.given(REGISTERED, CHANGED, THIRD).when(UNDO).then(undone, RESET_REQUESTED)


def test_taking_back_the_last_change_leaves_the_one_before_to_be_taken_back() -> None:
    undo_third = replace(UNDO, request_id=THIRD_ID)
    undone = replace(
        UNDONE, request_id=THIRD_ID, email=NEW, email_index=NEW_INDEX, released_indexes=("3",)
    )
    account.given(REGISTERED, CHANGED, THIRD).when(undo_third).then(undone, RESET_REQUESTED)
    account.given(REGISTERED, CHANGED, THIRD, undone).when(UNDO).then(UNDONE, RESET_REQUESTED)


def test_a_change_can_be_undone_for_seven_days() -> None:
    late = replace(UNDO, now=CHANGED.undo_until)
    account.given(REGISTERED, CHANGED).when(late).then_refused(LinkExpired)
    assert CHANGED.undo_until - CHANGED.changed_at == UNDO_WITHIN == timedelta(days=7)


def test_a_former_address_is_released_once_when_its_time_is_over() -> None:
    account.given(REGISTERED, CHANGED).when(RELEASE).then(RELEASED)
    account.given(REGISTERED, CHANGED, RELEASED).when(RELEASE).then()
    account.given(REGISTERED, CHANGED, UNDONE).when(RELEASE).then()


def test_a_former_address_of_a_suspended_account_is_released_too() -> None:
    account.given(REGISTERED, CHANGED, SUSPENDED).when(RELEASE).then(RELEASED)


def test_going_back_to_a_former_address_makes_it_current_and_not_reserved() -> None:
    back_id = uuid7()
    wanted = replace(
        CHANGE_REQUESTED, request_id=back_id, email=OLD, email_index=OLD_INDEX, current_email=NEW
    )
    back = replace(
        CHANGED,
        request_id=back_id,
        email=OLD,
        email_index=OLD_INDEX,
        former_email=NEW,
        former_email_index=NEW_INDEX,
    )
    released = replace(RELEASED, released_at=LATER)
    history = (REGISTERED, CHANGED, wanted)
    account.given(*history).when(replace(CONFIRM, request_id=back_id)).then(released, back)


@pytest.mark.parametrize("command", [VERIFY, VERIFY_AGAIN, REQUEST_CHANGE, CONFIRM, UNDO])
def test_a_suspended_account_s_address_stays(command) -> None:
    history = (REGISTERED, CHANGE_REQUESTED, SUSPENDED)
    account.given(*history).when(command).then_refused(AccountIsSuspended)
