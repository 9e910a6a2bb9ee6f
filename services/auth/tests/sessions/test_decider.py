"""A session: refreshed, lost, stolen, ended."""

from dataclasses import replace
from datetime import timedelta

import pytest
from auth.sessions.decider import (
    GRACE,
    IDLE,
    LONGEST,
    SESSION,
    AlreadyStarted,
    InvalidRefreshToken,
    Live,
    refresh_proof,
)
from auth.sessions.examples import (
    ACCOUNT_ID,
    AT,
    END,
    ENDED,
    LATER,
    REFRESH,
    REFRESHED,
    REUSED,
    SECRET,
    SESSION_ID,
    START,
    STARTED,
)
from common.problems import NotFound
from common.testing.scenario import Scenario

session = Scenario(SESSION)
LIVE = Live(SESSION_ID, ACCOUNT_ID, SECRET, 0, AT, AT)
TWICE = replace(REFRESHED, counter=2)
THEFT = replace(ENDED, reason="token_reused", by=None)


def test_a_session_starts_once() -> None:
    session.given().when(START).then(STARTED)
    session.given(STARTED).when(START).then_refused(AlreadyStarted)


def test_a_refresh_token_is_exchanged() -> None:
    """MP-03, PG-02."""
    session.given(STARTED).when(REFRESH).then(REFRESHED)


def test_the_token_just_exchanged_gives_the_same_successor() -> None:
    session.given(STARTED, REFRESHED).when(REFRESH).then()
    last = replace(REFRESH, now=LATER + GRACE - timedelta(microseconds=1))
    session.given(STARTED, REFRESHED).when(last).then()


def test_the_token_exchanged_ten_seconds_ago_ends_the_session() -> None:
    late = replace(REFRESH, now=LATER + GRACE)
    at = late.now
    session.given(STARTED, REFRESHED).when(late).then(
        replace(REUSED, reused_at=at), replace(THEFT, ended_at=at)
    )


def test_an_older_token_ends_the_session_at_once() -> None:
    """TB-06, PG-02."""
    session.given(STARTED, REFRESHED, TWICE).when(REFRESH).then(REUSED, THEFT)


@pytest.mark.parametrize("command", [REFRESH, replace(REFRESH, counter=1)])
def test_an_ended_session_is_not_refreshed(command) -> None:
    session.given(STARTED, REFRESHED, ENDED).when(command).then_refused(InvalidRefreshToken)


def test_nothing_is_refreshed_that_never_was() -> None:
    session.given().when(REFRESH).then_refused(InvalidRefreshToken)


@pytest.mark.parametrize("counter", [1, 0xFFFFFFFF])
def test_a_proof_is_good_for_its_number_only(counter) -> None:
    forged = replace(REFRESH, counter=counter)
    session.given(STARTED).when(forged).then_refused(InvalidRefreshToken)


def test_a_number_ahead_of_the_session_is_theft_of_the_secret() -> None:
    ahead = replace(REFRESH, counter=5, proof=refresh_proof(LIVE, 5))
    session.given(STARTED).when(ahead).then(replace(REUSED, counter=5), THEFT)


@pytest.mark.parametrize("proof", [b"", b"x", bytes(32), REFRESH.proof[:-1]])
def test_a_forged_proof_is_refused_and_ends_nothing(proof) -> None:
    forged = replace(REFRESH, proof=proof)
    session.given(STARTED).when(forged).then_refused(InvalidRefreshToken)


def test_a_session_that_nobody_used_for_thirty_days_is_over() -> None:
    late = replace(REFRESH, now=AT + IDLE)
    session.given(STARTED).when(late).then_refused(InvalidRefreshToken)


def test_no_session_lasts_longer_than_ninety_days() -> None:
    used = replace(REFRESHED, refreshed_at=AT + LONGEST - timedelta(days=1))
    late = replace(REFRESH, counter=1, proof=refresh_proof(LIVE, 1), now=AT + LONGEST)
    session.given(STARTED, used).when(late).then_refused(InvalidRefreshToken)


def test_a_session_of_an_erased_person_is_over() -> None:
    session.given(replace(STARTED, secret="")).when(REFRESH).then_refused(InvalidRefreshToken)


def test_a_session_ends_once() -> None:
    session.given(STARTED).when(END).then(ENDED)
    session.given(STARTED, ENDED).when(END).then()


def test_a_session_that_never_was_cannot_end() -> None:
    session.given().when(END).then_refused(NotFound)
