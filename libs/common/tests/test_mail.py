"""Mails leave over real SMTP or into a folder, and a failure says whether to try again."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from common.mail import FolderMailer, Mail, MailFailed, SmtpMailer, mailer_for
from common.settings import ServiceSettings, StartRefused
from common.testing.processes import free_port
from common.testing.smtp import smtp_server
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SENDER = "Cartulary <post@cartulary.example>"
KEY = UUID("01a1fc3b-e84b-7508-b6d0-59ca97518b3d")
MAIL = Mail(to="ada@example.org", subject="Grüße", text="Zeile eins\n.\nZeile drei\n", key=KEY)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS, and the certificate that a client must trust for it."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), True)
        .sign(key, hashes.SHA256())
    )
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none)
    file.write_bytes(certificate.public_bytes(encoding) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file


async def failure_of(url: str, mail: Mail = MAIL) -> MailFailed:
    with pytest.raises(MailFailed) as failed:
        await SmtpMailer(url, SENDER).send(mail)
    return failed.value


async def test_a_mail_arrives_whole_and_names_its_cause() -> None:
    async with smtp_server() as server:
        await SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER).send(MAIL)

    (arrived,) = server.mails
    assert (arrived["From"], arrived["To"], arrived["Subject"]) == (SENDER, MAIL.to, "Grüße")
    assert arrived["Message-ID"] == f"<{KEY}@cartulary.example>"
    assert arrived["Date"].datetime.tzinfo is not None
    assert arrived.get_content().replace("\r\n", "\n") == MAIL.text


async def test_a_mail_may_also_be_html() -> None:
    mail = Mail(MAIL.to, "s", "plain", KEY, html="<p>rich</p>")
    async with smtp_server() as server:
        await SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER).send(mail)

    parts = [(p.get_content_type(), p.get_content().strip()) for p in server.mails[0].iter_parts()]
    assert parts == [("text/plain", "plain"), ("text/html", "<p>rich</p>")]


async def test_tls_comes_before_the_password(
    tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with smtp_server(tls=context, extensions=("AUTH PLAIN",)) as server:
        await SmtpMailer(f"smtp://user:p%40ss@127.0.0.1:{server.port}", SENDER).send(MAIL)

    verbs = [command.partition(" ")[0] for command in server.commands]
    assert verbs.index("STARTTLS") < verbs.index("AUTH")
    assert len(server.mails) == 1


async def test_no_password_is_sent_without_tls() -> None:
    async with smtp_server(extensions=("AUTH PLAIN",)) as server:
        failed = await failure_of(f"smtp://user:pass@127.0.0.1:{server.port}")

    assert not failed.permanent
    assert not any(command.startswith("AUTH") for command in server.commands)


async def test_a_certificate_that_nobody_trusts_is_not_trusted(
    tls: tuple[ssl.SSLContext, Path],
) -> None:
    async with smtp_server(tls=tls[0]) as server:
        failed = await failure_of(f"smtp://127.0.0.1:{server.port}?tls=starttls")

    assert not failed.permanent
    assert server.mails == []


@pytest.mark.parametrize(
    ("verb", "reply", "permanent"),
    [
        ("RCPT", "550 no such mailbox ada@example.org", True),
        ("RCPT", "450 come back later", False),
        (".", "554 looks like spam", True),
        (".", "451 disk full", False),
        ("MAIL", "550 this sender may not", False),
        ("AUTH", "535 wrong password", False),
        ("EHLO", "421 too busy", False),
    ],
)
async def test_a_refusal_is_permanent_only_when_it_is_about_this_mail(
    verb: str, reply: str, permanent: bool
) -> None:
    replies = {verb: reply} | ({"HELO": reply} if verb == "EHLO" else {})
    async with smtp_server(replies=replies, extensions=("AUTH PLAIN",)) as server:
        failed = await failure_of(f"smtp://user:pass@127.0.0.1:{server.port}?tls=none")

    assert failed.permanent is permanent
    assert "ada" not in str(failed)


async def test_a_server_that_is_away_may_come_back() -> None:
    failed = await failure_of(f"smtp://127.0.0.1:{free_port()}")

    assert not failed.permanent


async def test_a_line_break_in_an_address_sends_nothing() -> None:
    mail = Mail("ada@example.org\r\nBcc: eve@example.org", "s", "t", KEY)
    async with smtp_server() as server:
        failed = await failure_of(f"smtp://127.0.0.1:{server.port}", mail)

    assert failed.permanent
    assert server.commands == []


async def test_a_folder_keeps_one_file_per_cause(tmp_path: Path) -> None:
    mailer = mailer_for(ServiceSettings(mail_folder=tmp_path / "mail", mail_from=SENDER))
    await mailer.send(MAIL)
    first = (tmp_path / "mail" / f"{KEY}.eml").read_bytes()
    await mailer.send(MAIL)

    assert [file.name for file in (tmp_path / "mail").iterdir()] == [f"{KEY}.eml"]
    assert (tmp_path / "mail" / f"{KEY}.eml").read_bytes() == first
    written = message_from_bytes(first, policy=policy.default)
    assert isinstance(written, EmailMessage)
    assert (written["To"], written.get_content()) == (MAIL.to, MAIL.text)


async def test_a_folder_forgets_the_mails_about_a_person_and_keeps_the_others(
    tmp_path: Path,
) -> None:
    mailer, ada, bob = FolderMailer(tmp_path / "mail", SENDER), uuid4(), uuid4()
    await mailer.forget(ada)
    for person, key in ((ada, uuid4()), (ada, uuid4()), (bob, KEY)):
        await mailer.send(replace(MAIL, about=person, key=key))
    for _ in range(2):
        await mailer.forget(ada)

    assert [file.name for file in (tmp_path / "mail").iterdir()] == [f"{bob}.{KEY}.eml"]


async def test_a_folder_that_cannot_be_written_may_be_mended(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MailFailed) as failed:
        await FolderMailer(tmp_path / "file", SENDER).send(MAIL)

    assert not failed.value.permanent


@pytest.mark.parametrize("url", ["http://127.0.0.1", "smtp://", "smtp://127.0.0.1?tls=maybe"])
def test_an_address_of_another_form_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(StartRefused, match="SMTP_URL"):
        mailer_for(ServiceSettings(smtp_url=url))


def test_a_server_is_preferred_to_a_folder() -> None:
    assert isinstance(mailer_for(ServiceSettings(smtp_url="smtps://127.0.0.1")), SmtpMailer)
