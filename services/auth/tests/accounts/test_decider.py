"""An account: done, refused, repeated."""

from auth.accounts.decider import ACCOUNT, AlreadyRegistered
from auth.accounts.examples import ERASE, ERASED, REGISTER, REGISTERED
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


def test_nobody_cannot_be_erased() -> None:
    account.given().when(ERASE).then_refused(NotFound)
