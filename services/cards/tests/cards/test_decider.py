"""A card: done, refused, repeated."""

from dataclasses import replace

from cards.cards.commands import ChangeCard, DeleteCard, RestoreCard
from cards.cards.decider import CARD, CardExists
from cards.cards.events import CardChanged
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
    LATER,
    OWNER_ID,
    RESTORE,
    RESTORED,
    STRANGER_ID,
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


def test_a_card_goes_with_its_owner_also_from_the_trash_and_once() -> None:
    card.given(CREATED).when(ERASE).then(CARD_ERASED)
    card.given(CREATED, DELETED).when(ERASE).then(CARD_ERASED)
    card.given(CREATED, CARD_ERASED).when(ERASE).then()


def test_an_erased_card_cannot_be_restored() -> None:
    card.given(CREATED, DELETED, CARD_ERASED).when(RESTORE).then_refused(NotFound)
