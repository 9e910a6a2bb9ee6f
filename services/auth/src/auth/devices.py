"""A name for the device behind a session, out of what its browser says: for people to recognise."""

import re

UNKNOWN = "Unknown device"
_PROGRAMS = (
    (r"\bEdgA?/", "Edge"),
    (r"\bOPR/", "Opera"),
    (r"\b(?:Firefox|FxiOS)/", "Firefox"),
    (r"\b(?:Chrome|CriOS)/", "Chrome"),
    (r"\bVersion/.*\bSafari/", "Safari"),
)
_SYSTEMS = (
    (r"\biPhone\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bAndroid\b", "Android"),
    (r"\bWindows\b", "Windows"),
    (r"\bMac OS X\b|\bMacintosh\b", "macOS"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bLinux\b", "Linux"),
)
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}")


def device_name(user_agent: str | None) -> str:
    """`Firefox on Linux`, or the program's own name: `curl`. Never more of what was sent."""
    text = user_agent or ""
    program = _first(_PROGRAMS, text)
    system = _first(_SYSTEMS, text)
    if program and system:
        return f"{program} on {system}"
    if program or system:
        return program or system or UNKNOWN
    name = text.partition("/")[0].strip()
    return name if _PLAIN.fullmatch(name) else UNKNOWN


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for pattern, name in patterns if re.search(pattern, text)), None)
