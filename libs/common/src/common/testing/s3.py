"""A real S3-compatible server in a process of its own, on a loopback port, for tests."""

import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

from common.object_storage import StorageSettings
from common.testing.processes import forked, free_port

BUCKET = "cartulary-tests"
ATTEMPTS = 600


@contextmanager
def s3_bucket() -> Iterator[StorageSettings]:
    """The settings of an empty bucket (moto's server, which speaks HTTP like any other)."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="cartulary-s3-") as folder:
        arguments = ["moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with forked(arguments, {}, Path(folder) / "s3.txt"):
            _make_bucket(f"{endpoint}/{BUCKET}")
            yield StorageSettings.load(
                storage_url=f"s3://{BUCKET}?endpoint={endpoint}",
                storage_access_key="tests",
                storage_secret_key="tests",
            )


def _make_bucket(address: str) -> None:
    for _ in range(ATTEMPTS):
        with suppress(OSError):
            request = urllib.request.Request(address, method="PUT")
            with urllib.request.urlopen(request, timeout=10):
                return
        sleep(0.05)
    raise TimeoutError("the S3 server did not come up")
