"""Auth refuses to start in production with anything missing, and says what (TB-10)."""

from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from auth.settings import AuthSettings
from common.settings import DEVELOPMENT_KEY, DEVELOPMENT_SECRET, StartRefused
from common.testing.processes import forked

KEY = urlsafe_b64encode(b"k" * 32).decode()
GOOD = {
    "environment": "production",
    "data_key": KEY,
    "wire_key": KEY,
    "internal_secret": "x" * 40,
    "database_url": "postgresql://database",
    "smtp_url": "smtps://mail.example",
    "public_url": "https://cards.example",
    "storage_folder": "/srv/files",
}
MISSING = [
    *("data_key", "wire_key", "internal_secret"),
    *("database_url", "smtp_url", "public_url", "storage_folder"),
]


def test_production_starts_with_everything() -> None:
    assert AuthSettings.load(**GOOD).environment == "production"


@pytest.mark.parametrize("name", MISSING)
def test_production_does_not_start_without(name: str) -> None:
    given = {key: value for key, value in GOOD.items() if key != name}

    with pytest.raises(StartRefused, match=name.upper()):
        AuthSettings.load(**given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_key", DEVELOPMENT_KEY),
        ("wire_key", DEVELOPMENT_KEY),
        ("internal_secret", DEVELOPMENT_SECRET),
        ("internal_secret", "short"),
        ("storage_url", "s3://bucket"),
    ],
)
def test_production_does_not_start_with_what_everybody_knows(name: str, value: str) -> None:
    with pytest.raises(StartRefused) as refused:
        AuthSettings.load(**{**GOOD, name: value})

    assert value not in str(refused.value)


@pytest.mark.integration
@pytest.mark.parametrize("module", ["auth.main", "auth.worker", "cards.main", "cards.worker"])
def test_no_process_of_a_service_starts_in_production_with_nothing(
    module: str, tmp_path: Path
) -> None:
    output = tmp_path / "said.txt"
    with forked([module], {"ENVIRONMENT": "production"}, output) as started:
        assert started.child.wait(60) == 1

    (line,) = started.said().splitlines()
    assert line.startswith("cannot start: ")
    for name in ("DATA_KEY", "WIRE_KEY", "INTERNAL_SECRET", "DATABASE_URL"):
        assert name in line
