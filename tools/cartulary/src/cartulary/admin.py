"""`cartulary admin`: make the first administrator."""

import os
from datetime import UTC, datetime

import click
from auth.administrators import Made, NewAdministrator, make_administrator
from common.email_addresses import EmailAddress
from common.problems import Refusal
from pydantic import TypeAdapter, ValidationError

from cartulary.options import layout
from cartulary.output import ask, note
from cartulary.services import Place, places


@click.group("admin")
def admin() -> None:
    """Administrators."""


@admin.command("create")
@click.option("--email", required=True, metavar="ADDRESS")
@click.option("--name", metavar="NAME")
@click.option("--promote", is_flag=True, help="Make the account that has this address one.")
@click.option("--database-url", metavar="URL", help="Auth's database.")
def create(email: str, name: str | None, promote: bool, database_url: str | None) -> None:
    """Open an account that is an administrator.

    Its password is that of ADMIN_PASSWORD; without it one is drawn and shown, this once.

    \b
    Example:
      cartulary admin create --email ops@example.org
    """
    wanted = NewAdministrator(_address(email), name, _password(), promote)
    (place,) = places(layout(), ("auth",), database_url)
    made: Made = ask(lambda: _make(place, wanted))
    note(f"{wanted.email} is an administrator.")
    if made.password is not None:
        note("Password, shown this once:")
        click.echo(made.password)


async def _make(place: Place, wanted: NewAdministrator) -> Made:
    try:
        async with place.kernel() as kernel:
            key = place.settings().data_key_bytes
            return await make_administrator(kernel, key, wanted, datetime.now(UTC))
    except Refusal as refused:
        raise click.ClickException(refused.detail) from refused


def _address(text: str) -> str:
    try:
        address: str = TypeAdapter(EmailAddress).validate_python(text)
    except ValidationError as error:
        raise click.UsageError("This is not an e-mail address.") from error
    return address


def _password() -> str | None:
    return os.environ.get("ADMIN_PASSWORD") or None
