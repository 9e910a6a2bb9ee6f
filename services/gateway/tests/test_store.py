"""The cache's own bounds: bytes, remembered purges."""

from datetime import UTC, datetime, timedelta

from gateway.edge_cache import PURGED_TAGS, EdgeCache, Entry

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def entry(tag="card/1", size=1000):
    return Entry((), b"x" * size, b"", (tag,), NOW, NOW + timedelta(minutes=5))


def key(path):
    return (path, b"", b"", None)


async def test_the_least_recently_read_goes_when_the_bytes_are_full():
    cache = EdgeCache(max_bytes=5000)
    cache.connected(True)
    for path in ("/1", "/2", "/3"):
        flight, _ = cache.join(key(path))
        assert cache.store(key(path), entry(), flight)
        cache.land(key(path), flight, None)
    assert cache.find(key("/1"), NOW)
    flight, _ = cache.join(key("/4"))
    cache.store(key("/4"), entry(), flight)
    assert [bool(cache.find(key(f"/{n}"), NOW)) for n in (1, 2, 3, 4)] == [True, False, True, True]


async def test_an_answer_larger_than_the_cache_is_not_kept():
    cache = EdgeCache(max_bytes=500)
    cache.connected(True)
    flight, _ = cache.join(key("/"))
    assert not cache.store(key("/"), entry(), flight)


async def test_a_purge_that_is_no_longer_remembered_still_hinders_older_reads():
    cache = EdgeCache(max_bytes=5000)
    cache.connected(True)
    flight, _ = cache.join(key("/"))
    cache.purge(["card/1"], "message")
    cache.purge((f"other/{n}" for n in range(PURGED_TAGS)), "message")
    assert not cache.store(key("/"), entry(), flight)
    later, _ = cache.join(key("/"))
    assert cache.store(key("/"), entry(), later)


async def test_storing_anew_replaces_and_purging_leaves_nothing_behind():
    cache = EdgeCache(max_bytes=5000)
    cache.connected(True)
    flight, _ = cache.join(key("/"))
    cache.store(key("/"), entry("card/1"), flight)
    cache.store(key("/"), entry("card/2"), flight)
    cache.purge(["card/1"], "message")
    assert cache.find(key("/"), NOW)
    cache.purge(["card/2"], "message")
    assert cache.find(key("/"), NOW) is None
    assert (cache._bytes, cache._by_tag) == (0, {})
