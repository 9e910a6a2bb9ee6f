"""A small real SMTP server on a loopback port that answers as a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

OK = "250 OK"


@dataclass
class SmtpServer:
    """What arrived, and what it answers: `replies["RCPT"] = "550 no such mailbox"`."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    replies: Mapping[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    mails: list[EmailMessage] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        self._say(writer, "220 here")
        while line := (await reader.readline()).decode().rstrip():
            verb = line.partition(" ")[0].upper()
            self.commands.append(line)
            reply = self._reply(verb)
            self._say(writer, *reply)
            if verb == "STARTTLS" and reply[0].startswith("220"):
                assert self.tls is not None
                await writer.start_tls(self.tls)
            elif verb == "DATA" and reply[0].startswith("354"):
                await self._read_mail(reader)
                self._say(writer, self.replies.get(".", OK))
            elif verb == "QUIT":
                break
        writer.close()

    async def _read_mail(self, reader: asyncio.StreamReader) -> None:
        raw = await reader.readuntil(b"\r\n.\r\n")
        mail = message_from_bytes(raw[:-3].replace(b"\r\n..", b"\r\n."), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)

    def _reply(self, verb: str) -> list[str]:
        usual = {
            "DATA": "354 go on",
            "QUIT": "221 bye",
            "AUTH": "235 welcome",
            "STARTTLS": "220 go" if self.tls else "502 not here",
        }
        if verb == "EHLO" and verb not in self.replies:
            offers = [*self.extensions, *(["STARTTLS"] if self.tls else [])]
            return ["250-here", *(f"250-{offer}" for offer in offers), OK]
        return [self.replies.get(verb, usual.get(verb, OK))]

    @staticmethod
    def _say(writer: asyncio.StreamWriter, *lines: str) -> None:
        writer.write("".join(f"{line}\r\n" for line in lines).encode())


@asynccontextmanager
async def smtp_server(
    *,
    replies: Mapping[str, str] | None = None,
    extensions: tuple[str, ...] = (),
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[SmtpServer]:
    """A server that listens meanwhile."""
    state = SmtpServer(tls=tls, replies=replies or {}, extensions=extensions)
    server = await asyncio.start_server(state.talk, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    async with server:
        yield state
