"""Where a database or a broker is, in words that may stand in a log: all but the password."""

from urllib.parse import parse_qs, unquote, urlsplit


def place(url: str) -> str:
    """`'cards' at cards-db:5432 as user 'cards'`; a virtual host stands for a broker's name."""
    if not _is_whole(url):
        return "an address that cannot be read"
    parts = urlsplit(url)
    who, _, host = parts.netloc.rpartition("@")
    user, name = unquote(who.partition(":")[0]), unquote(parts.path.removeprefix("/"))
    socket = parse_qs(parts.query).get("host", ["its default host"])[0]
    return f"{name or '/'!r} at {host or socket} as user {user or 'of the default'!r}"


def is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is one of these schemes, with each part where it belongs."""
    return _is_whole(url) and urlsplit(url).scheme in schemes


def _is_whole(url: str) -> bool:
    """A password with a bare `/`, `?` or `#` ends the address's first part, and would be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return "://" in url and "@" not in parts.path + parts.query + parts.fragment
