"""What a process imports it keeps for ever: the large things that it can do without stay out, and
what can be made when somebody needs it is not made before."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

UNNEEDED = {
    "auth.main": "PIL aiohttp jinja2 obstore pydantic.v1.main",
    "billing.main": "aiohttp jinja2 pydantic.v1.main requests stdnum stripe",
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


@pytest.mark.parametrize("module", [*UNNEEDED, "gateway.main"])
def test_a_process_at_rest_has_made_no_model_ready(module: str) -> None:
    code = f"""if True:
        import {module}
        from pydantic import BaseModel
        models = BaseModel.__subclasses__()
        for model in models:
            models += model.__subclasses__()
        for model in models:
            generic = model.__pydantic_generic_metadata__["parameters"]
            if model.__pydantic_complete__ and not generic:
                print(model.__module__, model.__name__)
        assert "fastapi.openapi.models" in [model.__module__ for model in models]"""

    ready = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()

    own = [line for line in ready if not line.startswith(("fastapi.", "pydantic."))]
    assert own == []
    assert "fastapi.openapi.models OpenAPI" not in ready  # a few of its models FastAPI uses itself
