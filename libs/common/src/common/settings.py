"""Settings come from the environment; in production no secret may be missing or well known."""

from base64 import b64decode
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from common.places import is_address

DEVELOPMENT_KEY = "ZGV2ZWxvcG1lbnQtb25seS1rZXktMzItYnl0ZXMtLS0="
DEVELOPMENT_SECRET = "development-only-internal-secret-not-for-production"

WELL_KNOWN_PASSWORDS = frozenset({"admin", "changeme", "guest", "password", "postgres", "rabbitmq"})

LIKE = "user:password@host:"
KEY_BYTES = 32
SECRET_LENGTH = 32


class StartRefused(SystemExit):
    """What a process is given is not fit to start with: its environment, its database, its broker.

    The message names what it is, each variable among them, and shows no secret. Uncaught it ends
    the process with that one line instead of a traceback.
    """


class ServiceSettings(BaseSettings):
    """What every service reads from the environment."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    environment: Literal["development", "production"] = "development"
    database_url: str = Field(default="", repr=False)
    amqp_url: str | None = Field(default=None, repr=False)
    data_key: SecretStr = SecretStr(DEVELOPMENT_KEY)
    wire_key: SecretStr = SecretStr(DEVELOPMENT_KEY)
    internal_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    public_url: str = "http://127.0.0.1:8080"
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    drain_seconds: float = Field(default=0, ge=0, le=60)
    """How long to serve on after `/readyz` says no: until the load balancer has noticed."""
    partitions: int = Field(default=8, ge=1, le=256)
    pool_size: int = Field(default=10, ge=2, le=200)
    operations_port: int = Field(default=0, ge=0, le=65535)
    """Where a process that has no API serves its health and metrics; 0: nowhere."""
    mail_from: str = "Cartulary <cartulary@localhost>"
    smtp_url: SecretStr | None = None
    mail_folder: Path | None = None
    feeds: dict[str, str] = {}
    sentry_dsn: SecretStr | None = None
    otel_exporter_otlp_endpoint: str | None = None
    backup_key: SecretStr | None = None
    backup_folder: Path | None = None
    backups_kept: int = Field(default=14, ge=1, le=10_000)
    backup_keys_kept: int = Field(default=2, ge=1, le=10_000)

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read and check. Raises `StartRefused`."""
        try:
            settings = cls(**overrides)  # type: ignore[arg-type] # each is validated right here
        except SettingsError as error:
            # pydantic-settings' own message names the field; its cause would show the value
            raise StartRefused(f"cannot start: {error}") from None
        except ValidationError as error:
            wrong = "; ".join(f"{_name(e['loc'])}: {e['msg']}" for e in error.errors())
            raise StartRefused(f"cannot start: {wrong}") from None
        problems = settings.problems()
        if problems:
            raise StartRefused("cannot start: " + "; ".join(problems))
        return settings

    def problems(self) -> list[str]:
        """Everything that speaks against starting with these settings."""
        found = [
            f"{name.upper()}: must be {KEY_BYTES} bytes in base64url"
            for name in ("data_key", "wire_key")
            if not _is_key(getattr(self, name))
        ]
        if self.backup_key is not None and not _is_key(self.backup_key):
            found.append(f"BACKUP_KEY: must be {KEY_BYTES} bytes in base64url")
        if self.database_url and not is_address(self.database_url, ("postgresql",)):
            found.append(f"DATABASE_URL: must be like postgresql://{LIKE}5432/database")
        if self.amqp_url and not is_address(self.amqp_url, ("amqp", "amqps")):
            found.append(f"AMQP_URL: must be like amqp://{LIKE}5672/")
        if len(self.internal_secret.get_secret_value()) < SECRET_LENGTH:
            found.append(f"INTERNAL_SECRET: must have at least {SECRET_LENGTH} characters")
        if self.environment == "production":
            found += [
                f"{name.upper()}: is missing or the well-known development value"
                for name in ("data_key", "wire_key", "internal_secret")
                if getattr(self, name).get_secret_value() in (DEVELOPMENT_KEY, DEVELOPMENT_SECRET)
            ]
            if self.backup_key and self.backup_key.get_secret_value() == DEVELOPMENT_KEY:
                found.append("BACKUP_KEY: is the well-known development value")
            if not self.database_url:
                found.append("DATABASE_URL: is missing")
            found += [
                f"{name.upper()}: has a well-known password"
                for name in ("database_url", "amqp_url")
                if _password(getattr(self, name)) in WELL_KNOWN_PASSWORDS
            ]
        return found

    @property
    def required_amqp_url(self) -> str:
        """The broker's address. Raises `StartRefused` without one."""
        if not self.amqp_url:
            raise StartRefused("cannot start: AMQP_URL: is missing")
        return self.amqp_url

    @property
    def data_key_bytes(self) -> bytes:
        """The key that wraps persons' keys."""
        return _decoded(self.data_key)

    @property
    def backup_key_bytes(self) -> bytes | None:
        """The key that seals backups; none in production where none is set."""
        if self.backup_key is None:
            return (
                None if self.environment == "production" else _decoded(SecretStr(DEVELOPMENT_KEY))
            )
        return _decoded(self.backup_key)

    @property
    def wire_key_bytes(self) -> bytes:
        """The key that seals personal fields of public messages."""
        return _decoded(self.wire_key)


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def _is_key(secret: SecretStr) -> bool:
    try:
        return len(_decoded(secret)) == KEY_BYTES
    except ValueError:
        return False


def _decoded(secret: SecretStr) -> bytes:
    """With or without the padding, which many tools leave out."""
    text = secret.get_secret_value().strip().rstrip("=")
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _password(url: str | None) -> str | None:
    try:
        return urlsplit(url or "").password
    except ValueError:
        return None  # no address at all: whoever uses it says so


def _name(location: tuple[int | str, ...]) -> str:
    return str(location[0]).upper() if location else "SETTINGS"
