"""Where an embedded run keeps its things, and the secrets that it makes at its first start."""

import json
import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

SERVICES = ("auth", "cards")


@dataclass(frozen=True)
class Layout:
    """The folder of an embedded run."""

    var: Path
    port: int

    @staticmethod
    def from_environment() -> "Layout":
        """`VAR_DIR` (default `var`) and `PORT` (default 8080). Raises `ValueError` for nonsense."""
        port = int(os.environ.get("PORT", "8080"))
        if not 1 <= port <= 65535:
            raise ValueError("PORT is a number from 1 to 65535")
        return Layout(Path(os.environ.get("VAR_DIR", "var")).resolve(), port)

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data."""
        return self.var / "postgres"

    @property
    def mail(self) -> Path:
        """The mailbox: one file a mail."""
        return self.var / "mail"

    @property
    def files(self) -> Path:
        """What people upload."""
        return self.var / "files"

    @property
    def backups(self) -> Path:
        """The backups of all services."""
        return self.var / "backups"

    @property
    def log(self) -> Path:
        """What the run writes about itself, as JSON lines."""
        return self.var / "cartulary.log"

    @property
    def demo(self) -> Path:
        """What the seed made: the demo account and its card."""
        return self.var / "demo.json"

    def secrets(self) -> dict[str, str]:
        """The keys of this run; made once, readable by their owner only."""
        path = self.var / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        made = {
            "data_key": urlsafe_b64encode(os.urandom(32)).decode(),
            "wire_key": urlsafe_b64encode(os.urandom(32)).decode(),
            "backup_key": urlsafe_b64encode(os.urandom(32)).decode(),
            "internal_secret": token_urlsafe(48),
        }
        secrets = {**made, **known}
        if secrets != known:  # at the first start, and when the code has learnt of a new one
            self.var.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.touch(mode=0o600)
            part.write_text(json.dumps(secrets, indent=2))
            part.replace(path)
        return secrets

    def embedded_dsn(self, service: str) -> str:
        """A service's database in the embedded run.

        Raises `FileNotFoundError` when no embedded run has its PostgreSQL up.
        """
        lines = (self.postgres / "postmaster.pid").read_text().splitlines()
        return f"postgresql://postgres@/{service}?host={lines[4]}"
