"""Secrets: refused by name, never shown."""

import re
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from common.places import place
from common.settings import DEVELOPMENT_SECRET, ServiceSettings, StartRefused
from common.testing.processes import forked

KEY = urlsafe_b64encode(b"k" * 32).decode()
GOOD = {
    "data_key": KEY,
    "wire_key": KEY,
    "internal_secret": "x" * 40,
    "database_url": "postgresql://database",
}


def test_development_needs_nothing() -> None:
    assert ServiceSettings.load().environment == "development"


def test_production_names_every_secret_that_is_missing() -> None:
    with pytest.raises(StartRefused) as refused:
        ServiceSettings.load(environment="production")

    for name in ("DATA_KEY", "WIRE_KEY", "INTERNAL_SECRET", "DATABASE_URL"):
        assert name in str(refused.value)


def test_production_starts_with_secrets_of_its_own() -> None:
    settings = ServiceSettings.load(environment="production", **GOOD)

    assert settings.data_key_bytes == b"k" * 32
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("data_key", "too short"), ("wire_key", "ÄÖÜ"), ("internal_secret", "hunter2"), ("port", -1)],
)
def test_a_bad_value_is_named_and_not_shown(name: str, value: object) -> None:
    with pytest.raises(StartRefused) as refused:
        ServiceSettings.load(**{**GOOD, name: value})

    assert name.upper() in str(refused.value)
    assert str(value) not in str(refused.value)
    assert DEVELOPMENT_SECRET not in str(refused.value)


def test_a_key_may_come_without_its_padding() -> None:
    assert ServiceSettings.load(data_key=KEY.rstrip("=")).data_key_bytes == b"k" * 32


def test_a_variable_that_cannot_be_read_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FEEDS", "{hunter2")
    with pytest.raises(StartRefused) as refused:
        ServiceSettings.load()

    assert "feeds" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_addresses_with_passwords_do_not_show_either(monkeypatch: pytest.MonkeyPatch) -> None:
    schemes = {"DATABASE_URL": "postgresql", "AMQP_URL": "amqp", "SMTP_URL": "smtp"}
    for name, scheme in schemes.items():
        monkeypatch.setenv(name, f"{scheme}://user:hunter2@127.0.0.1")

    settings = ServiceSettings.load()
    assert settings.database_url.endswith("@127.0.0.1")
    assert "hunter2" not in repr(settings)


@pytest.mark.integration
def test_a_refusal_ends_the_process_with_one_line_instead_of_a_traceback(tmp_path: Path) -> None:
    environment = {"ENVIRONMENT": "production", "INTERNAL_SECRET": "hunter2"}
    output = tmp_path / "output"
    with forked(["common.testing.example_service"], environment, output) as started:
        assert started.child.wait(20) == 1

    (line,) = started.said().splitlines()
    assert line.startswith("cannot start: ")
    assert {"DATA_KEY", "WIRE_KEY", "INTERNAL_SECRET"} <= set(re.findall(r"\w+", line))
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "address", ["nonsense", "http://ann:se-cret@db/x", "postgresql://ann:se#cret@db/x", "//[x"]
)
def test_what_is_no_address_is_named_by_its_variable_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("AMQP_URL", address)

    with pytest.raises(StartRefused) as refused:
        ServiceSettings.load()

    assert "DATABASE_URL: must be like" in str(refused.value)
    assert "AMQP_URL: must be like" in str(refused.value)
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://ann:s%40cret@db:5432/cards", "'cards' at db:5432 as user 'ann'"),
        ("postgresql://ann@/cards?host=/run/pg", "'cards' at /run/pg as user 'ann'"),
        ("amqp://guest:cret@mq/", "'/' at mq as user 'guest'"),
        ("postgresql://ann:s/cret@db/cards", "an address that cannot be read"),
    ],
)
def test_a_place_is_told_without_its_password(address: str, told: str) -> None:
    assert place(address) == told
