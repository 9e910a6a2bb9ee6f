"""Colours as numbers: what is one, how far two are apart, and the nearest one that can be read."""

import re

READABLE = 4.5
"""WCAG 2.2, 1.4.3: the contrast of text with its ground."""

_COLOUR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_STEPS = 40


def hexadecimal(text: str) -> str | None:
    """`#rrggbb` in small letters of what is written #rrggbb or #rgb; None when it is no colour."""
    match = _COLOUR.fullmatch(text)
    if match is None:
        return None
    digits = match[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(d * 2 for d in digits))


def contrast(dark: str, light: str) -> float:
    """WCAG's contrast ratio of two #rrggbb, 1 to 21; below 1 when `dark` is the lighter one."""
    return (_luminance(light) + 0.05) / (_luminance(dark) + 0.05)


def apart(one: str, other: str) -> float:
    """The contrast of two #rrggbb, whichever is the darker one: 1 to 21."""
    ratio = contrast(one, other)
    return max(ratio, 1 / ratio)


def readable_on(ground: str, colour: str) -> str:
    """The colour, mixed with as little black or white as makes it readable on `ground`."""
    towards = max(("#000000", "#ffffff"), key=lambda end: apart(end, ground))
    for step in range(_STEPS + 1):
        mixed = mixture(colour, towards, step / _STEPS)
        if apart(mixed, ground) >= READABLE:
            return mixed
    return towards


def mixture(one: str, other: str, share: float) -> str:
    """`one` with a share, 0 to 1, of `other`."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
