"""What billing's log holds and what follows from it; without routes, for the worker needs none."""

from pathlib import Path

from common.kernel import KernelDeclaration

from billing.published_events import publish

DECLARATION = KernelDeclaration(
    source="billing",
    events=(),
    projections=(),
    publish=publish,
    migrations=Path(__file__).parent / "migrations",
)
