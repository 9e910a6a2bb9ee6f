"""A process that only brings a service's database up to its version, and ends.

Before a new version takes over, so that the old one goes on when its migration fails.
"""

import asyncio

import structlog

from common.kernel import KernelDeclaration, open_kernel_of
from common.observability import configure_logging
from common.settings import ServiceSettings

log = structlog.get_logger(__name__)


def prepare(declaration: KernelDeclaration, settings: ServiceSettings) -> None:
    """Migrate, and build what read models are missing. Raises `StartRefused` when that fails."""
    configure_logging(level=settings.log_level)
    asyncio.run(_open_and_close(declaration, settings))


async def _open_and_close(declaration: KernelDeclaration, settings: ServiceSettings) -> None:
    async with open_kernel_of(declaration, settings):
        log.info("prepared", service=declaration.source)
