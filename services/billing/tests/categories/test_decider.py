"""A category: done, refused, repeated."""

from billing.categories.decider import CATEGORY, CategoryExists
from billing.categories.examples import CHANGE, CHANGED, CREATE, CREATED, DELETE, DELETED
from common.problems import NotFound
from common.testing.scenario import Scenario

category = Scenario(CATEGORY)


def test_a_category_is_created_once() -> None:
    category.given().when(CREATE).then(CREATED)
    category.given(CREATED).when(CREATE).then_refused(CategoryExists)


def test_a_change_names_all_that_the_category_is() -> None:
    category.given(CREATED).when(CHANGE).then(CHANGED)
    category.given(CREATED, CHANGED).when(CHANGE).then()


def test_deleting_twice_changes_nothing() -> None:
    category.given(CREATED).when(DELETE).then(DELETED)
    category.given(CREATED, DELETED).when(DELETE).then()


def test_what_is_not_there_is_not_changed_and_does_not_come_back() -> None:
    for history in ((), (CREATED, DELETED)):
        category.given(*history).when(CHANGE).then_refused(NotFound)
    category.given().when(DELETE).then_refused(NotFound)
    category.given(CREATED, DELETED).when(CREATE).then_refused(CategoryExists)
