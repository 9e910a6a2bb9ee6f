"""What providers call a customer whose key is destroyed: kept sealed until they are deleted there.

Written in the transaction that erases, since afterwards nobody can read it any more; gone as soon
as the provider has forgotten them, too.
"""

from collections.abc import Mapping
from uuid import UUID

from common.database import Database, Transaction
from common.personal_data import SubjectKeys


async def remember(
    transaction: Transaction, keys: SubjectKeys, account_id: UUID, names: Mapping[str, str]
) -> None:
    """Keep the providers' names for somebody (by provider) who is about to be erased."""
    for provider, reference in names.items():
        sealed = keys.seal_bytes(reference.encode(), _purpose(account_id, provider))
        await transaction.connection.execute(_KEEP, account_id, provider, sealed)


async def remembered(database: Database, keys: SubjectKeys, account_id: UUID) -> Mapping[str, str]:
    """Who is still to be deleted where: the provider's name for them, by provider."""
    async with database.reader() as reader:
        rows = await reader.connection.fetch(_KEPT, account_id)
    return {
        row["provider"]: keys.open_bytes(
            row["sealed"], _purpose(account_id, row["provider"])
        ).decode()
        for row in rows
    }


async def forget(database: Database, account_id: UUID, provider: str) -> None:
    """They are deleted there."""
    async with database.reader() as writer:
        await writer.connection.execute(_DONE, account_id, provider)


def _purpose(account_id: UUID, provider: str) -> str:
    return f"farewell/{provider}/{account_id}"


_KEEP = """
    insert into customers_to_forget (account_id, provider, sealed) values ($1, $2, $3)
        on conflict do nothing"""
_KEPT = "select provider, sealed from customers_to_forget where account_id = $1 order by provider"
_DONE = "delete from customers_to_forget where account_id = $1 and provider = $2"
