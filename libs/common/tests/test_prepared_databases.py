"""Databases of tests are copies of patterns, which every process makes for itself."""

import asyncio
from pathlib import Path

from common.embedded_postgres import EmbeddedPostgres
from common.testing.kernel import kernel_on
from common.testing.processes import process

OPENS_ONE = """
import asyncio, sys
from common.embedded_postgres import EmbeddedPostgres
from common.testing.kernel import kernel_on

async def main():
    async with kernel_on(EmbeddedPostgres(sys.argv[1], 0), pool_size=1):
        print("opened")

asyncio.run(main())
"""


async def test_another_process_on_the_same_server_gets_one_too(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with kernel_on(postgres, pool_size=1):
        command = ["-c", OPENS_ONE, postgres.socket_folder]
        with process(command, {}, tmp_path / "said") as other:
            assert await asyncio.to_thread(other.child.wait, 60) == 0, other.said()
    assert other.said().endswith("opened\n")
