"""`cartulary backup`: made, listed, checked and restored by hand."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(operated: Any, tmp_path: Path) -> Path:
    operated.environment["BACKUP_FOLDER"] = str(tmp_path / "backups")
    return tmp_path / "backups"


async def test_all_services_are_backed_up_and_one_is_restored(operated: Any, folder: Path) -> None:
    await operated.account()
    card = await operated.card()

    made = (await operated.ask("backup", "create", "--json")).json
    events = {file["service"]: file["events"] for file in made}
    assert events == {"auth": 1, "cards": 1, "billing": 0}
    of_cards = next(file["filename"] for file in made if file["service"] == "cards")
    assert (await operated.ask("backup", "verify", of_cards)).out.startswith(f"{of_cards}: whole")
    await operated.card()

    refused = await operated.ask("backup", "restore", of_cards)
    assert (refused.code, "--replace" in refused.err) == (1, True)
    restored = await operated.ask("backup", "restore", of_cards, "--replace", "--json")

    assert restored.code == 0, restored.err
    assert restored.json["events"] == 1
    assert len(restored.json["safety"]) == 1
    listed = (await operated.ask("backup", "list", "--service", "cards", "--json")).json
    assert [file["events"] for file in listed] == [2, 1]
    assert (await operated.ask("events", "verify")).code == 0
    assert (await operated.ask("views", "verify")).code == 0
    shown = await operated.ask("events", "show", str(card), "--reveal", "--json")
    assert shown.code == 0, "persons' keys are back"


async def test_a_wrong_question_gets_a_clear_answer(
    operated: Any, folder: Path, tmp_path: Path
) -> None:
    empty = await operated.ask("backup", "list")
    assert (empty.code, empty.err.strip()) == (0, "There is no backup yet.")
    (made,) = (await operated.ask("backup", "create", "--service", "cards", "--json")).json
    path = folder / made["filename"]
    path.write_bytes(path.read_bytes()[:-1])
    damaged = await operated.ask("backup", "verify", path.name)
    assert (damaged.code, "damaged" in damaged.err) == (1, True)
    missing = await operated.ask("backup", "restore", "cards-20200101T000000000Z.backup")
    assert (missing.code, "no backup of this name" in missing.err) == (1, True)
    assert (await operated.ask("backup", "restore", "shop-20200101T000000000Z.backup")).code == 2
    (tmp_path / "a_file").touch()
    unusable = await operated.ask("backup", "create", BACKUP_FOLDER=str(tmp_path / "a_file"))
    assert (unusable.code, "cannot be used" in unusable.err) == (3, True)
