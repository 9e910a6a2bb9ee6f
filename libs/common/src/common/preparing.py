"""A process that only brings a service's database up to its version, and ends.

Before a new version takes over, so that the old one goes on when its migration fails.
"""

import asyncio

import structlog

from common.kernel import KernelDeclaration, open_kernel_of
from common.migrations import DatabaseUnfit, MigrationFailed
from common.observability import configure_logging
from common.settings import ServiceSettings

log = structlog.get_logger(__name__)


def prepare(declaration: KernelDeclaration, settings: ServiceSettings) -> None:
    """Migrate, and build what read models are missing. Raises `SystemExit` when that fails."""
    configure_logging(level=settings.log_level)
    try:
        asyncio.run(_open_and_close(declaration, settings))
    except (DatabaseUnfit, MigrationFailed) as error:
        raise SystemExit(f"cannot prepare {declaration.source}: {error}") from None


async def _open_and_close(declaration: KernelDeclaration, settings: ServiceSettings) -> None:
    async with open_kernel_of(declaration, settings):
        log.info("prepared", service=declaration.source)
