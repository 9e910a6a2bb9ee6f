"""`python -m common.health_check`: what an image asks its process; ends with 1 unless it is ready.

Standard library only: it runs every few seconds in every container.
"""

import os
import sys
from urllib.error import URLError
from urllib.request import urlopen

SECONDS = 4


def main() -> None:
    """Ask `HEALTH_URL`, and repeat what it says, so that `docker inspect` shows it."""
    try:
        with urlopen(os.environ["HEALTH_URL"], timeout=SECONDS) as answer:
            print(answer.read(1000).decode(errors="replace"))  # noqa: T201
    except (URLError, TimeoutError, ConnectionError) as error:
        reader = getattr(error, "read", None)
        sys.exit(reader(1000).decode(errors="replace") if reader else repr(error))


if __name__ == "__main__":
    main()
