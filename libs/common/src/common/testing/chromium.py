"""A real browser for tests, by the first way that is open.

1. the Chromium or Chrome of this machine
2. the same, installed before by apt-get, for root on Debian
3. the one that Playwright fetches for itself
"""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from common.testing.apt import CannotInstall, apt_install, where

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""What root needs, and what keeps it from calling anybody."""


FOR_THE_DRIVER = ("libatomic1",)
"""What Playwright's own Node.js links to and a small Debian lacks."""


class NoBrowser(Exception):
    """No way led to a browser; the text says what each of them lacked."""


@asynccontextmanager
async def browser(patience_seconds: float = 120) -> AsyncIterator[Browser]:
    """One that has been started; `patience_seconds` for its start. Raises `NoBrowser`."""
    path = chromium()  # before Playwright's driver, which needs what is installed with it
    async with async_playwright() as driver:
        launched = await driver.chromium.launch(
            executable_path=path, args=list(FLAGS), timeout=patience_seconds * 1000
        )
        yield launched
        await launched.close()


def chromium() -> str | None:
    """The path of the browser; None when it is Playwright's own. Raises `NoBrowser`."""
    if path := _installed():
        return path
    try:
        apt_install("chromium", "chromium", *FOR_THE_DRIVER)
        return _installed()
    except CannotInstall as reason:
        fetch = [sys.executable, "-m", "playwright", "install", "chromium"]
        done = subprocess.run(fetch, capture_output=True, text=True)
        if done.returncode:
            raise NoBrowser(
                f"put chromium on the PATH, or mend one of these: {reason}; "
                f"playwright install chromium ({done.stderr.strip()[-300:]})"
            ) from reason
        return None


def _installed() -> str | None:
    return next(filter(None, map(where, BROWSERS)), None)
