"""`python deploy/make_env.py FILE`: the .env of a composed system, with secrets of its own.

A file that is there is completed and never changed: its keys open the data that is stored already.
"""

import os
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

SERVICES = ("AUTH", "BILLING", "CARDS")
KEYS = (*(f"{service}_DATA_KEY" for service in SERVICES), "BACKUP_KEY", "WIRE_KEY")
PASSWORDS = (
    *(f"{service}_DB_PASSWORD" for service in SERVICES),
    "GRAFANA_PASSWORD",
    "INTERNAL_SECRET",
    "PREVIEW_SECRET",
    "RABBITMQ_PASSWORD",
)
PLAIN = {
    # never 127.0.0.1:8080, which is the development value that production refuses
    "PUBLIC_URL": "http://localhost:8080",
    "GATEWAY_ADDRESS": "127.0.0.1:8080",
    "GRAFANA_ADDRESS": "127.0.0.1:3000",
    "COMPOSE_PROFILES": "mail,observability",
    "SMTP_URL": "smtp://mail:1025?tls=none",
}
TWIN = {
    "COMPOSE_PROFILES": "mail,observability,stripe-twin",
    "BILLING_ENVIRONMENT": "development",
    "STRIPE_API_BASE": "http://stripe-twin:8000",
    "STRIPE_SECRET_KEY": "sk_test_twin",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_twin",
    "STRIPE_TWIN_ADDRESS": "127.0.0.1:8081",
    "STRIPE_TWIN_URL": "http://localhost:8081",
}
"""Test cards instead of money; all of it or nothing, lest a real account be pointed at a twin."""


def key() -> str:
    """32 random bytes as the settings want them."""
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def password() -> str:
    """Letters and digits, so that it needs no quoting in an address."""
    return secrets.token_hex(24)


def missing(present: str) -> dict[str, str]:
    """What a .env of this content lacks, with new values."""
    makers: dict[str, Callable[[], str]] = {name: key for name in KEYS}
    makers |= {name: password for name in PASSWORDS}
    made = {name: maker() for name, maker in makers.items()} | PLAIN
    names = {line.partition("=")[0].strip() for line in present.splitlines()}
    if not names & {*TWIN, "STRIPE_WEBHOOK_SECRETS"}:
        made |= TWIN | {"STRIPE_WEBHOOK_SECRETS": f"whsec_{password()}"}
    return {name: value for name, value in made.items() if name not in names}


def main(path: Path) -> None:
    """Write what is missing; only the owner may read it."""
    present = path.read_text() if path.exists() else ""
    added = missing(present)
    lines = [] if not present or present.endswith("\n") else [""]
    lines += [f"{name}={value}" for name, value in added.items()]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write("\n".join([*lines, ""]) if added else "")
    os.chmod(path, 0o600)
    sys.stdout.write(f"{path}: {', '.join(added) or 'nothing'} added\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
