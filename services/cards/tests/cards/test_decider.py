"""A card: done, refused, repeated."""

from dataclasses import replace
from uuid import UUID

from cards.cards.commands import ChangeCard, DeleteCard, RestoreCard
from cards.cards.decider import CARD, CardExists, HandleReserved
from cards.cards.events import CardChanged, CardHandleChanged, CardPortraitChanged
from cards.cards.examples import (
    CARD_ERASED,
    CARD_ID,
    CHANGE_TITLE,
    CREATE,
    CREATED,
    DELETE,
    DELETED,
    DETAILS,
    ERASE,
    HANDLE_CHANGED,
    LATER,
    OWNER_ID,
    PORTRAIT_CHANGED,
    RESTORE,
    RESTORE_ANY,
    RESTORED,
    SHOW_PORTRAIT,
    STRANGER_ID,
    VISIBILITY_CHANGED,
)
from common.problems import NotFound
from common.testing.scenario import Scenario

card = Scenario(CARD)


def test_a_card_is_created() -> None:
    card.given().when(CREATE).then(CREATED)


def test_a_card_is_created_once() -> None:
    card.given(CREATED).when(CREATE).then_refused(CardExists)


def test_a_change_names_all_that_the_card_says_now() -> None:
    changed = CardChanged(CARD_ID, OWNER_ID, replace(DETAILS, title="Countess"), LATER)
    card.given(CREATED).when(CHANGE_TITLE).then(changed)


def test_a_change_to_what_it_says_already_changes_nothing() -> None:
    same = ChangeCard(CARD_ID, OWNER_ID, (("title", DETAILS.title),), LATER)
    card.given(CREATED).when(same).then()


def test_another_persons_card_is_as_good_as_none() -> None:
    for command in (
        replace(CHANGE_TITLE, actor_id=STRANGER_ID),
        DeleteCard(CARD_ID, STRANGER_ID, LATER),
    ):
        card.given(CREATED).when(command).then_refused(NotFound)


def test_a_new_handle_and_visibility_are_facts_of_their_own() -> None:
    changes = (("handle", "countess"), ("visibility", "private"), ("title", "Countess"))
    card.given(CREATED).when(ChangeCard(CARD_ID, OWNER_ID, changes, LATER)).then(
        CardChanged(CARD_ID, OWNER_ID, replace(DETAILS, title="Countess"), LATER),
        HANDLE_CHANGED,
        VISIBILITY_CHANGED,
    )


def test_the_same_handle_and_visibility_change_nothing() -> None:
    same = ChangeCard(CARD_ID, OWNER_ID, (("handle", "countess"), ("visibility", "private")), LATER)
    card.given(CREATED, HANDLE_CHANGED, VISIBILITY_CHANGED).when(same).then()


def test_a_handle_can_be_given_up() -> None:
    given_up = CardHandleChanged(CARD_ID, OWNER_ID, None, LATER)
    card.given(CREATED).when(ChangeCard(CARD_ID, OWNER_ID, (("handle", None),), LATER)).then(
        given_up
    )


def test_the_houses_own_handles_are_nobodys() -> None:
    card.given().when(replace(CREATE, handle="admin")).then_refused(HandleReserved)
    taken = ChangeCard(CARD_ID, OWNER_ID, (("handle", "support"),), LATER)
    card.given(CREATED).when(taken).then_refused(HandleReserved)


def test_deleting_twice_changes_nothing() -> None:
    card.given(CREATED).when(DELETE).then(DELETED)
    card.given(CREATED, DELETED).when(DELETE).then()


def test_a_deleted_card_cannot_be_changed() -> None:
    card.given(CREATED, DELETED).when(CHANGE_TITLE).then_refused(NotFound)


def test_a_deleted_card_is_restored_by_its_owner_only() -> None:
    card.given(CREATED, DELETED).when(RESTORE).then(RESTORED)
    stranger = RestoreCard(CARD_ID, STRANGER_ID, LATER)
    card.given(CREATED, DELETED).when(stranger).then_refused(NotFound)


def test_restoring_a_live_card_changes_nothing() -> None:
    card.given(CREATED).when(RESTORE).then()


def test_an_administrator_restores_whosever_card_it_is() -> None:
    """CP-15."""
    card.given(CREATED, DELETED).when(RESTORE_ANY).then(RESTORED)
    card.given(CREATED).when(RESTORE_ANY).then()
    card.given().when(RESTORE_ANY).then_refused(NotFound)
    card.given(CREATED, DELETED, CARD_ERASED).when(RESTORE_ANY).then_refused(NotFound)


def test_a_card_goes_with_its_owner_also_from_the_trash_and_once() -> None:
    card.given(CREATED).when(ERASE).then(CARD_ERASED)
    card.given(CREATED, DELETED).when(ERASE).then(CARD_ERASED)
    card.given(CREATED, CARD_ERASED).when(ERASE).then()


def test_an_erased_card_cannot_be_restored() -> None:
    card.given(CREATED, DELETED, CARD_ERASED).when(RESTORE).then_refused(NotFound)


def test_a_card_shows_another_picture_of_its_owner_once() -> None:
    card.given(CREATED).when(SHOW_PORTRAIT).then(PORTRAIT_CHANGED)
    card.given(CREATED, PORTRAIT_CHANGED).when(SHOW_PORTRAIT).then()
    other = UUID("01990000-0000-7000-8000-00000000d002")
    removed = replace(SHOW_PORTRAIT, change_id=other, shown=False)
    card.given(CREATED, PORTRAIT_CHANGED).when(removed).then(
        CardPortraitChanged(CARD_ID, other, False, LATER)
    )


def test_a_card_that_was_made_with_a_picture_tells_that_it_shows_none_any_more() -> None:
    """It heard of no picture before: that it had one is known beside the log."""
    removed = replace(SHOW_PORTRAIT, shown=False)
    card.given(CREATED).when(removed).then(replace(PORTRAIT_CHANGED, shown=False))


def test_a_card_in_the_trash_changes_its_picture_too() -> None:
    card.given(CREATED, DELETED).when(SHOW_PORTRAIT).then(PORTRAIT_CHANGED)
    card.given(CREATED, DELETED, PORTRAIT_CHANGED).when(SHOW_PORTRAIT).then()
    card.given(CREATED, DELETED, PORTRAIT_CHANGED, RESTORED).when(SHOW_PORTRAIT).then()


def test_where_no_card_is_no_picture_is_shown_and_nothing_refused() -> None:
    card.given().when(SHOW_PORTRAIT).then()
    card.given(CREATED, CARD_ERASED).when(SHOW_PORTRAIT).then()
