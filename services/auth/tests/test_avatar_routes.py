"""Pictures over HTTP: sent, shown to everybody, replaced, removed, and refused."""

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import aiohttp
import pytest
from auth.avatars import LARGEST_FILE, Avatars
from auth.processes.throw_away_avatars_that_nobody_shows import (
    throw_away_avatars_that_nobody_shows,
)
from auth.profiles.commands import EraseProfile, SetAvatar
from auth.profiles.decider import PROFILE
from auth.profiles.examples import PORTRAIT
from common.event_store import Recorded
from common.messages import ConsumedEvent, Envelope
from common.object_storage import StorageSettings, storage_for
from common.testing.waiting import eventually
from PIL import Image

PATH = "/api/v1/auth/avatar"


def png(colour: str = "red", size: tuple[int, int] = (600, 300)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def form(content: bytes, name: str = "avatar") -> dict[str, aiohttp.FormData]:
    data = aiohttp.FormData()
    data.add_field(name, BytesIO(content), filename="../../evil.svg", content_type="image/svg+xml")
    return {"data": data}


def files(folder: Path) -> set[Path]:
    return {file for file in folder.rglob("*") if file.is_file()}


async def throw_away(service: Any, event: object) -> None:
    """Let the processor react to this event."""
    settings = StorageSettings.load(storage_folder=service.files)
    processor = throw_away_avatars_that_nobody_shows(Avatars(storage_for(settings)))
    now = service.clock.now()
    await processor.act(Recorded(uuid4(), 1, "", 1, "", event, {}, now), uuid4())


async def events_of(service: Any, account_id: Any) -> Any:
    async with service.kernel.database.reader() as reader:
        return (await service.kernel.store.load(reader, PROFILE.stream(account_id))).events


async def test_a_picture_is_sent_and_shown_to_everybody(service: Any) -> None:
    id = await service.account()

    status, body, headers = await service.call(
        "POST", PATH, headers=service.headers(id), **form(png())
    )

    assert (status, headers["cache-tags"]) == (200, f"profile/{id}, account/{id}")
    path = body["avatar_url"].removeprefix(service.settings.public_url)
    status, picture, shown = await service.call("GET", path)
    assert (status, shown["content-type"]) == (200, "image/webp")
    assert Image.open(BytesIO(picture)).size == (512, 256)
    known = {"If-None-Match": shown["etag"]}
    assert (await service.call("GET", path, headers=known))[0] == 304
    profile = await service.call("GET", "/api/v1/user/profile", headers=service.headers(id))
    assert profile[1]["avatar_url"] == body["avatar_url"]


async def test_another_picture_has_another_validator_and_the_first_file_goes(service: Any) -> None:
    id = await service.account()
    headers, path = service.headers(id), f"/api/v1/users/{id}/avatar"
    await service.call("POST", PATH, headers=headers, **form(png()))
    _, _, first = await service.call("GET", path)
    await service.call("POST", PATH, headers=headers, **form(png("blue")))
    _, _, second = await service.call("GET", path)
    assert first["etag"] != second["etag"]
    assert len(files(service.files)) == 2

    for event in await events_of(service, id):
        await throw_away(service, event)

    assert len(files(service.files)) == 1
    assert (await service.call("GET", path))[0] == 200


async def test_a_picture_is_removed_once(service: Any) -> None:
    id = await service.account()
    headers, path = service.headers(id), f"/api/v1/users/{id}/avatar"
    await service.call("POST", PATH, headers=headers, **form(png()))
    for _ in range(2):
        assert (await service.call("DELETE", PATH, headers=headers))[0] == 204

    assert (await service.call("GET", path))[0] == 404
    await throw_away(service, (await events_of(service, id))[-1])
    assert not files(service.files)


async def test_all_pictures_go_with_their_account_also_those_never_shown(service: Any) -> None:
    id = await service.account()
    await service.call("POST", PATH, headers=service.headers(id), **form(png()))
    unused = service.files / "avatars" / str(id) / str(uuid4())
    unused.write_bytes(b"put away, and the process ended")
    erase = EraseProfile(id, service.clock.now())
    await service.kernel.commands.handle(PROFILE, id, erase, service.cause())

    await throw_away(service, (await events_of(service, id))[-1])

    assert not files(service.files)
    how = {"headers": service.headers(id), **form(png())}
    assert (await service.call("POST", PATH, **how))[0] == 404
    assert not files(service.files), "not even one that was sent while it was erased"


async def test_a_repeated_upload_keeps_one_file_and_one_event(service: Any) -> None:
    id = await service.account()
    headers = {**service.headers(id), "Idempotency-Key": "k", "Content-Type": FORM_TYPE}
    for _ in range(2):
        status, _, told = await service.call("POST", PATH, headers=headers, data=form_bytes(png()))
        assert status == 200
    assert told["idempotent-replayed"] == "true"
    other = form_bytes(png("blue"))
    status, problem, _ = await service.call("POST", PATH, headers=headers, data=other)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")

    assert len(await events_of(service, id)) == 1
    _, shown, _ = await service.call("GET", f"/api/v1/users/{id}/avatar")
    assert Image.open(BytesIO(shown)).convert("RGB").getpixel((9, 9))[0] > 200, "still the red one"


class AvatarChanged(ConsumedEvent):
    """All that others are told."""

    type_name: ClassVar[str] = "auth.avatar_changed.v1"

    shown: bool
    portrait: str | None


async def test_others_are_told_the_portrait_and_nobody_on_the_way_reads_it(service: Any) -> None:
    id = await service.account()
    headers = service.headers(id)
    await service.call("POST", PATH, headers=headers, **form(png()))
    await service.call("DELETE", PATH, headers=headers)

    raw = await service.kernel.feed(PROFILE.stream(id), 0)

    envelopes = [Envelope.from_bytes(one) for one in raw]
    shown, removed = (service.kernel.seal.load(AvatarChanged, each) for each in envelopes)
    portrait = Image.open(BytesIO(b64decode(shown.portrait)))
    assert (shown.shown, portrait.format, portrait.size) == (True, "JPEG", (256, 256))
    assert (removed.shown, removed.portrait) == (False, None)
    assert {envelope.data_subject for envelope in envelopes} == {id}
    assert not [one for one in raw if b"portrait" in one or shown.portrait[:40].encode() in one]


async def test_pictures_of_the_past_are_not_read_again_for_the_next_one(service: Any) -> None:
    id = await service.account()
    for _ in range(25):
        command = SetAvatar(id, uuid4(), PORTRAIT, service.clock.now())
        await service.kernel.commands.handle(PROFILE, id, command, service.cause())

    async def kept() -> str | None:
        async with service.kernel.database.reader() as reader:
            state: str | None = await reader.connection.fetchval(
                "select state::text from snapshots where stream = $1", PROFILE.stream(id)
            )
            return state

    state = await eventually(kept, within=60, what="a snapshot")
    assert PORTRAIT[-40:] not in str(state)
    await service.call("DELETE", PATH, headers=service.headers(id))
    assert (await events_of(service, id))[-1].replaced_id == command.picture_id


JPEG = b"\xff\xd8\xff"
FORM_TYPE = "multipart/form-data; boundary=x"


def form_bytes(content: bytes) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="avatar"; filename="a.png"\r\n\r\n'
    return head + content + b"\r\n--x--\r\n"


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        (form(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), 422, "not_a_picture"),
        (form(png(size=(4001, 4000))), 422, "picture_too_large"),
        (form(png(), name="other"), 422, "invalid"),
        ({"data": {"avatar": "text"}}, 415, "unsupported_media_type"),
        ({"json": {"avatar": "x"}}, 415, "unsupported_media_type"),
        ({"data": b"--x", "headers": {"Content-Type": FORM_TYPE}}, 422, "invalid"),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, ""),
        (form(JPEG + bytes(LARGEST_FILE)), 413, "body_too_large"),
        (form(JPEG + bytes(3 * LARGEST_FILE)), 413, "body_too_large"),
    ],
)
async def test_what_is_no_picture_is_refused_and_leaves_nothing(
    service: Any, how: dict[str, Any], status: int, code: str
) -> None:
    id = await service.account()
    given = {**how, "headers": {**service.headers(id), **how.get("headers", {})}}

    answered, problem, _ = await service.call("POST", PATH, **given)

    assert (answered, problem["code"] if code else "") == (status, code), problem
    assert not files(service.files)
    assert (await service.call("GET", f"/api/v1/users/{id}/avatar"))[0] == 404


async def test_a_picture_is_its_owner_s_to_set(service: Any) -> None:
    assert (await service.call("POST", PATH, **form(png())))[0] == 401
    assert (await service.call("GET", "/api/v1/users/not-an-id/avatar"))[0] == 404
    assert (await service.call("GET", f"/api/v1/users/{uuid4()}/avatar"))[0] == 404
