"""Secrets: refused by name, never shown."""

from base64 import urlsafe_b64encode

import pytest
from common.settings import DEVELOPMENT_SECRET, ServiceSettings, SettingsRefused

KEY = urlsafe_b64encode(b"k" * 32).decode()
GOOD = {"data_key": KEY, "wire_key": KEY, "internal_secret": "x" * 40}


def test_development_needs_nothing() -> None:
    assert ServiceSettings.load().environment == "development"


def test_production_names_every_secret_that_is_missing() -> None:
    with pytest.raises(SettingsRefused) as refused:
        ServiceSettings.load(environment="production")

    for name in ("DATA_KEY", "WIRE_KEY", "INTERNAL_SECRET"):
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
    with pytest.raises(SettingsRefused) as refused:
        ServiceSettings.load(**{**GOOD, name: value})

    assert name.upper() in str(refused.value)
    assert str(value) not in str(refused.value)
    assert DEVELOPMENT_SECRET not in str(refused.value)
