"""The rules of a card's counters."""

from dataclasses import replace
from datetime import timedelta

from cards.counters.decider import COUNTERS, CountNegative, counters_id
from cards.counters.events import Counts
from cards.counters.examples import CARD_ID, COUNT, COUNTED, COUNTS, DAY
from common.testing.scenario import Scenario

counters = Scenario(COUNTERS)


def test_visitors_are_counted_together() -> None:
    counters.given().when(COUNT).then(COUNTED)


def test_later_ones_are_added() -> None:
    state = COUNTERS.fold([COUNTED, COUNTED])

    assert state.counts == COUNTS + COUNTS == Counts(views=24, scans=6, downloads=4, clicks=10)


def test_nobody_is_no_event() -> None:
    counters.given(COUNTED).when(replace(COUNT, counts=Counts())).then()


def test_a_counter_never_goes_down() -> None:
    fewer = replace(COUNT, counts=Counts(views=5, scans=-1))

    counters.given(COUNTED).when(fewer).then_refused(CountNegative)


def test_every_day_has_a_stream_of_its_own() -> None:
    assert counters_id(CARD_ID, DAY) == counters_id(CARD_ID, DAY)
    assert counters_id(CARD_ID, DAY) != counters_id(CARD_ID, DAY + timedelta(days=1))
