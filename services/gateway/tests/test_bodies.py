"""Bodies stream through in both directions, and never more of them than a route takes."""

import asyncio


async def pieces(*sizes):
    for size in sizes:
        yield b"x" * size


async def test_a_body_of_exactly_the_limit_passes(world):
    for data in (b"x" * 1000, pieces(400, 600)):
        got = await world.ask("POST", "/small", data=data)
        assert got.status == 200
    assert [len(seen.body) for seen in world.service.asked("/small")] == [1000, 1000]


async def test_a_body_announced_too_large_is_413_and_never_begun(world):
    got = await world.ask("POST", "/small", data=b"x" * 1001)
    assert (got.status, got.code) == (413, "body_too_large")
    assert world.service.calls == []


async def test_a_chunked_body_that_grows_too_large_is_413(world):
    got = await world.ask("POST", "/small", data=pieces(400, 400, 400, 400))
    assert (got.status, got.code) == (413, "body_too_large")


async def test_a_single_chunk_that_is_too_large_is_413(world):
    got = await world.ask("POST", "/small", data=pieces(5000))
    assert (got.status, got.code) == (413, "body_too_large")


async def test_an_empty_post_arrives_empty(world):
    assert (await world.ask("POST", "/small")).status == 200
    assert [seen.body for seen in world.service.calls] == [b""]


async def test_a_large_body_arrives_whole(world):
    await world.ask("POST", "/stream", data=pieces(*[60_000] * 100))
    [seen] = world.service.calls
    assert len(seen.body) == 6_000_000


async def test_a_body_with_a_length_keeps_its_length(world):
    await world.ask("POST", "/stream", data=b"x" * 500_000)
    [seen] = world.service.calls
    assert dict(seen.headers)["content-length"] == str(len(seen.body)) == "500000"


async def test_a_body_reaches_the_service_while_it_is_still_being_sent(world):
    begun, arrived = asyncio.Event(), asyncio.Event()

    async def service(scope, receive, send):
        first = await receive()
        assert first["more_body"]
        arrived.set()
        while (await receive()).get("more_body"):
            continue
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def body():
        yield b"first"
        begun.set()
        await arrived.wait()
        yield b"second"

    world.service.raw["/stream"] = service
    assert (await world.ask("POST", "/stream", data=body())).status == 204
    assert begun.is_set()


async def test_an_answer_reaches_the_client_while_it_is_still_being_made(world):
    read = asyncio.Event()

    async def service(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await read.wait()
        await send({"type": "http.response.body", "body": b"second"})

    world.service.raw["/stream"] = service
    async with world.client.get(world.url + "/stream") as got:
        assert await got.content.readany() == b"first"
        read.set()
        assert await got.content.read() == b"second"


async def test_redirects_and_compression_are_the_clients_business(world):
    world.service.answers("/stream", b"\x1f\x8b", 302, location="/else", content_encoding="gzip")
    async with world.client.get(world.url + "/stream", allow_redirects=False) as got:
        assert (got.status, got.headers["location"]) == (302, "/else")
        assert await got.read() == b"\x1f\x8b"


MEGABYTE = b"x" * 1_000_000
MANY = 250


async def test_an_answer_that_nobody_reads_is_not_gathered_here(world):
    sent, begun = 0, asyncio.Event()

    async def service(scope, receive, send):
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while sent < MANY:
            sent += 1
            await send({"type": "http.response.body", "body": MEGABYTE, "more_body": sent < MANY})
            begun.set()

    world.service.raw["/stream"] = service
    async with world.client.get(world.url + "/stream"):
        await begun.wait()
        for _ in range(50):  # the gateway has time to do it wrong
            await world.get("/livez")
        assert sent < MANY


async def test_a_body_that_the_service_does_not_read_is_not_gathered_here(world):
    sent, begun, done = 0, asyncio.Event(), asyncio.Event()

    async def service(scope, receive, send):
        await receive()
        begun.set()
        await done.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def body():
        nonlocal sent
        while sent < MANY:
            sent += 1
            yield MEGABYTE

    world.service.raw["/stream"] = service
    asking = asyncio.create_task(world.ask("POST", "/stream", data=body()))
    await begun.wait()
    for _ in range(50):
        await world.get("/livez")
    assert sent < MANY
    done.set()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
