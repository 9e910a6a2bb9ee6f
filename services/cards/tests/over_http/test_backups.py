"""What cards keeps of persons in clear is backed up with their keys, which are kept briefly."""

from pathlib import Path
from typing import Any

from cards.declaration import DECLARATION
from common.backup_folder import BackupFolder
from common.backup_reading import check_backup
from common.backups import create_backup
from common.clock import SystemClock
from common.restoring import Restore
from common.testing.backups import KEY, SECRETS
from common.testing.waiting import eventually

from services.cards.tests.over_http.test_portraits import GOLDEN, photo, shows


async def test_pictures_and_visitors_are_kept_with_the_keys_and_come_back_with_them(
    world: Any, tmp_path: Path
) -> None:
    ann, dsn = world.caller(), world.kernel.database.dsn
    card = await ann.has()
    await shows(ann, GOLDEN)
    folder = BackupFolder("cards", tmp_path, KEY)
    file = await create_backup(DECLARATION, dsn, folder, SystemClock().now())
    path = folder.path / file.filename
    log = (await check_backup(folder, path)).rows
    kept_briefly = (await check_backup(folder, path.with_suffix(".keys"))).rows
    assert log.keys().isdisjoint({"portraits", "visitor_salts", "visitors"})
    assert kept_briefly.keys() == {"portraits", "subject_keys", "visitor_salts", "visitors"}

    restore = Restore(DECLARATION, dsn, SECRETS, folder)
    await restore.run(path, SystemClock().now(), replace=True)

    async def is_shown() -> bool:
        answer = await ann.ask("GET", card + "/vcard")  # its sessions were ended by the restore
        return bool(answer.status == 200)

    await eventually(is_shown, what="the card")
    assert await photo(ann, card) == GOLDEN
