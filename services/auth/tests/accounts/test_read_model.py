"""Accounts as they are read are what their events say, also when they are read anew."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from auth.accounts.commands import EraseAccount, RenameAccount
from auth.accounts.decider import ACCOUNT
from auth.accounts.examples import REGISTER
from auth.accounts.read_model import ACCOUNTS
from auth.addresses.commands import (
    ConfirmEmailChange,
    ReleaseFormerAddress,
    RequestEmailChange,
    UndoEmailChange,
)
from auth.declaration import DECLARATION
from common.facts import UNSET
from common.ids import uuid7
from common.kernel import Kernel
from common.problems import Refusal
from common.read_models import rebuild
from common.testing.kernel import NOW, cause, kernel_on

TABLES = ("accounts", "account_addresses")


async def everything(kernel: Kernel) -> list[Any]:
    async with kernel.database.reader() as reader:
        return [
            [dict(row) for row in await reader.connection.fetch(f"select * from {t} order by 1")]
            for t in TABLES
        ]


async def do(kernel: Kernel, command: Any) -> None:
    await kernel.commands.handle(ACCOUNT, command.account_id, command, cause())


async def register(kernel: Kernel, email: str, username: str | None = None) -> UUID:
    id = uuid7()
    await do(
        kernel,
        replace(REGISTER, account_id=id, email=email, email_index=email, username=username),
    )
    return id


async def test_a_name_that_one_gave_up_and_another_took_survives_a_rebuild(postgres) -> None:
    async with kernel_on(postgres, DECLARATION) as kernel:
        ada = await register(kernel, "a", "bob")
        await do(kernel, RenameAccount(ada, "ada", UNSET, UNSET, ada, NOW))
        await register(kernel, "b", "bob")
        before = await everything(kernel)

        await rebuild(kernel.database, kernel.store, ACCOUNTS)

        assert await everything(kernel) == before


async def test_any_history_of_addresses_is_the_same_when_read_anew(postgres) -> None:
    """A hundred random steps of few people over few addresses and names."""
    async with kernel_on(postgres, DECLARATION) as kernel:
        dice = random.Random(7)
        people: list[UUID] = []
        changes: list[tuple[UUID, UUID]] = []
        for step in range(150):
            now = NOW + timedelta(minutes=step)
            try:
                await do(kernel, a_step(dice, people, changes, now))
            except Refusal:
                continue
        before = await everything(kernel)

        await rebuild(kernel.database, kernel.store, ACCOUNTS)

        assert before[0]
        assert await everything(kernel) == before


def a_step(
    dice: random.Random, people: list[UUID], changes: list[tuple[UUID, UUID]], now: Any
) -> Any:
    email, name = dice.choice("abcdef"), dice.choice("uvwxyz")
    if len(people) < 3 or dice.random() < 0.1:
        people.append(uuid7())
        return replace(
            REGISTER, account_id=people[-1], email=email, email_index=email, username=name, now=now
        )
    who = dice.choice(people)
    kind = dice.randrange(10)
    if kind < 2:
        return RenameAccount(who, name, UNSET, UNSET, who, now)
    if kind < 5 or not changes:
        changes.append((who, uuid4()))
        return RequestEmailChange(*changes[-1], email, email, now)
    who, change = dice.choice(changes[-6:])
    if kind < 7:
        return ConfirmEmailChange(who, change, now)
    if kind < 8:
        return ReleaseFormerAddress(who, change, now)
    if kind < 9:
        return UndoEmailChange(who, change, uuid4(), now)
    return EraseAccount(who, now)
