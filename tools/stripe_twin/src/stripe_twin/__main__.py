"""`python -m stripe_twin`: the twin as a process of its own.

HOST (default 127.0.0.1), PORT (default 12111), STRIPE_TWIN_FILE (a SQLite file, to remember),
STRIPE_TWIN_WEBHOOK (where events go) with STRIPE_TWIN_WEBHOOK_SECRET, STRIPE_TWIN_PUBLIC_URL (where
people reach its pages, if that is another address).
"""

import os
from pathlib import Path

import uvicorn

from stripe_twin.application import create_twin

USUAL_PORT = "12111"


def main() -> None:
    """Serve until asked to end."""
    file = os.environ.get("STRIPE_TWIN_FILE")
    url = os.environ.get("STRIPE_TWIN_WEBHOOK")
    webhooks = [(url, os.environ["STRIPE_TWIN_WEBHOOK_SECRET"])] if url else []
    uvicorn.run(
        create_twin(
            Path(file) if file else None,
            webhooks,
            public_url=os.environ.get("STRIPE_TWIN_PUBLIC_URL") or None,
        ),
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", USUAL_PORT)),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
