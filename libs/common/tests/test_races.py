"""Who loses a race begins anew, a few times and not for ever."""

import asyncpg
import pytest
from common.event_store import VersionConflict
from common.races import TRIES, until_won


class Racer:
    """Somebody who loses so many times."""

    def __init__(self, losses: int, why: type[Exception] = VersionConflict) -> None:
        self.losses = losses
        self.why = why
        self.tried = 0

    async def tries(self) -> str:
        self.tried += 1
        if self.tried <= self.losses:
            raise self.why
        return "won"


@pytest.mark.parametrize("why", [VersionConflict, asyncpg.DeadlockDetectedError])
async def test_who_loses_begins_anew_until_they_win(why: type[Exception]) -> None:
    racer = Racer(TRIES - 1, why)

    assert (await until_won(racer.tries), racer.tried) == ("won", TRIES)


async def test_who_never_wins_gives_up() -> None:
    racer = Racer(10**9)

    with pytest.raises(VersionConflict):
        await until_won(racer.tries, tries=3)

    assert racer.tried == 3


async def test_another_failure_is_no_lost_race() -> None:
    racer = Racer(1, RuntimeError)

    with pytest.raises(RuntimeError):
        await until_won(racer.tries)

    assert racer.tried == 1
