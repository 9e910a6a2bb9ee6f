"""A customer: done, refused, repeated, forgotten."""

from dataclasses import replace
from uuid import UUID

import pytest
from billing.customers.commands import (
    ChangeContact,
    CustomerCommand,
    RemovePaymentMethod,
    SavePaymentMethod,
    SetDefaultPaymentMethod,
)
from billing.customers.decider import CUSTOMER, MOST_METHODS, Customer
from billing.customers.events import CustomerContactChanged, CustomerEvent, PaymentMethodSaved
from billing.customers.examples import (
    ACCOUNT_ID,
    AT,
    CHANGE_CONTACT,
    CHANGE_DETAILS,
    CONTACT,
    CONTACT_CHANGED,
    CUSTOMER_ERASED,
    DEFAULT_SET,
    DETAILS_CHANGED,
    ERASE,
    FACE,
    LATER,
    METHOD_ID,
    NAME_AT_PROVIDER,
    NAMED,
    OPEN_PAGE,
    OTHER_DEFAULT_SET,
    OTHER_FACE,
    OTHER_METHOD_ID,
    OTHER_SAVED,
    PAGE_OPENED,
    REMOVE,
    REMOVED,
    SAVE,
    SAVE_OTHER,
    SAVED,
    SET_DEFAULT,
)
from common.problems import NotFound
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

customer = Scenario(CUSTOMER)


def test_what_auth_tells_is_kept_once() -> None:
    customer.given().when(CHANGE_CONTACT).then(CONTACT_CHANGED)
    customer.given(CONTACT_CHANGED).when(CHANGE_CONTACT).then()
    customer.given().when(CHANGE_DETAILS).then(DETAILS_CHANGED)
    customer.given(DETAILS_CHANGED).when(CHANGE_DETAILS).then()


def test_what_a_message_does_not_name_stays() -> None:
    moved = CustomerContactChanged(ACCOUNT_ID, replace(CONTACT, email="ada@new.example"), LATER)
    command = ChangeContact(ACCOUNT_ID, (("email", "ada@new.example"),), LATER)
    customer.given(CONTACT_CHANGED).when(command).then(moved)


def test_a_provider_names_a_customer_once() -> None:
    customer.given().when(NAME_AT_PROVIDER).then(NAMED)
    customer.given(NAMED).when(NAME_AT_PROVIDER).then()


def test_a_page_is_opened_once() -> None:
    customer.given().when(OPEN_PAGE).then(PAGE_OPENED)
    customer.given(PAGE_OPENED).when(OPEN_PAGE).then()


def test_a_saved_way_to_pay_is_the_one_to_pay_with() -> None:
    customer.given().when(SAVE).then(SAVED, DEFAULT_SET)
    customer.given(SAVED, DEFAULT_SET).when(SAVE_OTHER).then(OTHER_SAVED, OTHER_DEFAULT_SET)


def test_the_same_one_saved_again_changes_nothing() -> None:
    customer.given(SAVED, DEFAULT_SET).when(SAVE).then()


def test_a_card_that_was_renewed_shows_its_new_expiry_and_stays_what_it_was() -> None:
    renewed = replace(FACE, expires="2034-12")
    command = SavePaymentMethod(ACCOUNT_ID, METHOD_ID, "stripe", renewed, LATER)
    known = (SAVED, DEFAULT_SET, OTHER_SAVED, OTHER_DEFAULT_SET)
    customer.given(*known).when(command).then(
        PaymentMethodSaved(ACCOUNT_ID, METHOD_ID, "stripe", renewed, LATER)
    )


def test_another_one_becomes_the_default_once() -> None:
    known = (SAVED, DEFAULT_SET, OTHER_SAVED, OTHER_DEFAULT_SET)
    customer.given(*known).when(SET_DEFAULT).then(replace(DEFAULT_SET, set_at=LATER))
    customer.given(SAVED, DEFAULT_SET).when(SET_DEFAULT).then()


def test_without_the_default_the_newest_is_it() -> None:
    customer.given(SAVED, DEFAULT_SET).when(REMOVE).then(REMOVED)
    known = (SAVED, DEFAULT_SET, OTHER_SAVED)
    customer.given(*known).when(REMOVE).then(REMOVED, OTHER_DEFAULT_SET)


def test_what_was_never_saved_or_is_removed_is_not_there() -> None:
    for history in ((), (SAVED, DEFAULT_SET, REMOVED), (OTHER_SAVED, OTHER_DEFAULT_SET)):
        for command in (SET_DEFAULT, REMOVE):
            customer.given(*history).when(command).then_refused(NotFound)


def test_what_was_removed_is_not_brought_back_by_who_tells_of_it_late() -> None:
    customer.given(SAVED, DEFAULT_SET, REMOVED).when(SAVE).then()


def test_the_oldest_makes_room_for_more_than_one_can_tell_apart() -> None:
    many = [replace(SAVED, method_id=UUID(int=n)) for n in range(MOST_METHODS)]
    gone = replace(REMOVED, method_id=UUID(int=0), removed_at=AT)
    customer.given(*many).when(SAVE).then(gone, SAVED, DEFAULT_SET)
    for fewer in range(1, MOST_METHODS + 1):
        customer.given(*many[fewer:]).when(SAVE).then(SAVED, DEFAULT_SET)


def test_a_customer_is_forgotten_once() -> None:
    customer.given(CONTACT_CHANGED).when(ERASE).then(CUSTOMER_ERASED)
    customer.given(CONTACT_CHANGED, CUSTOMER_ERASED).when(ERASE).then()


@pytest.mark.parametrize(
    "command",
    [CHANGE_CONTACT, CHANGE_DETAILS, NAME_AT_PROVIDER, SAVE],
    ids=lambda command: type(command).__name__,
)
def test_what_arrives_late_about_somebody_erased_changes_nothing(command: CustomerCommand) -> None:
    customer.given(CUSTOMER_ERASED).when(command).then()


def test_somebody_erased_has_nothing_to_ask() -> None:
    for command in (OPEN_PAGE, SET_DEFAULT, REMOVE):
        customer.given(SAVED, DEFAULT_SET, CUSTOMER_ERASED).when(command).then_refused(NotFound)


ids = st.sampled_from([METHOD_ID, OTHER_METHOD_ID, ACCOUNT_ID])
faces = st.sampled_from([FACE, OTHER_FACE])
steps = st.one_of(
    st.builds(lambda id, face: SavePaymentMethod(ACCOUNT_ID, id, "stripe", face, AT), ids, faces),
    st.builds(lambda id: SetDefaultPaymentMethod(ACCOUNT_ID, id, AT), ids),
    st.builds(lambda id: RemovePaymentMethod(ACCOUNT_ID, id, AT), ids),
)


@given(st.lists(steps, max_size=20))
def test_whatever_happens_one_of_several_is_always_the_default(
    commands: list[CustomerCommand],
) -> None:
    history: list[CustomerEvent] = []
    for command in commands:
        try:
            history += CUSTOMER.decide(command, CUSTOMER.fold(history))
        except NotFound:
            continue
        state = CUSTOMER.fold(history)
        assert isinstance(state, Customer)
        saved = [method.method_id for method in state.methods]
        assert len(saved) == len(set(saved))
        assert state.default_id in saved if saved else state.default_id is None
