"""What a process imports it keeps for ever: the large things that it can do without stay out."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

UNNEEDED = {
    "auth.main": "PIL aiohttp jinja2 obstore pydantic.v1.main",
    "billing.main": "aiohttp jinja2 pydantic.v1.main requests stripe",
    "cards.main": "PIL aiohttp pydantic.v1.main",
}


@pytest.mark.parametrize("module", UNNEEDED)
def test_a_process_at_rest_has_not_imported_what_few_requests_need(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"

    imported = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert module in imported
    assert set(imported).isdisjoint(UNNEEDED[module].split())
