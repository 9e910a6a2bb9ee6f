"""An export: done, repeated."""

from auth.exports.decider import EXPORT
from auth.exports.examples import EXPORT_USERS, EXPORTED
from common.testing.scenario import Scenario

export = Scenario(EXPORT)


def test_who_takes_a_copy_is_noted_once() -> None:
    export.given().when(EXPORT_USERS).then(EXPORTED)
    export.given(EXPORTED).when(EXPORT_USERS).then()
