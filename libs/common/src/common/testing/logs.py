"""The log as production writes it, caught in memory for a test."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from common.observability import configure_logging


@contextmanager
def json_log(level: str = "info") -> Iterator[io.StringIO]:
    """JSON lines of this process; before and after, logging is as it was."""
    root, before, file = logging.getLogger(), structlog.get_config(), io.StringIO()
    handlers, threshold = root.handlers[:], root.level
    root.handlers.clear()  # or they would be closed, and they are somebody else's
    try:
        configure_logging(level=level, json=True, file=file)
        yield file
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
        root.setLevel(threshold)
