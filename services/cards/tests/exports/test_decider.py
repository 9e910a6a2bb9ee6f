"""An export: done, repeated."""

from cards.exports.decider import EXPORT
from cards.exports.examples import EXPORT_CARDS, EXPORTED
from common.testing.scenario import Scenario

export = Scenario(EXPORT)


def test_who_takes_a_copy_is_noted_once() -> None:
    export.given().when(EXPORT_CARDS).then(EXPORTED)
    export.given(EXPORTED).when(EXPORT_CARDS).then()
