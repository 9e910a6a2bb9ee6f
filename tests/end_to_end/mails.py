"""Mails as people get them: the files that the embedded run writes, and the links in them."""

import asyncio
import re
from email import message_from_bytes, policy
from pathlib import Path

from common.testing.waiting import eventually


async def link_in_a_mail(folder: Path, address: str, page: str) -> str:
    """The link to this page that was mailed to this address; waits for it."""

    async def found() -> str | None:
        for file in await asyncio.to_thread(lambda: list(folder.glob("*.eml"))):
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            text = mail.get_body(("plain",))
            match = text and re.search(rf"\S+/{page}#token=\S+", text.get_content())
            if match and mail["To"] == address:
                return match[0]
        return None

    link = await eventually(found, within=180, what="the mail")
    assert link
    return link
