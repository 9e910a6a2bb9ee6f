"""Looks: every text can be read, in any colour that an owner chooses."""

import pytest
from cards.colours import READABLE, apart
from cards.themes import THEMES, Palette, theme_of
from hypothesis import given
from hypothesis import strategies as st

PAIRS = (
    ("ink", "ground"),
    ("soft", "ground"),
    ("ink", "paper"),
    ("soft", "paper"),
    ("accent", "paper"),
    ("on_accent", "accent"),
    ("on_card", "card"),
    ("on_card_soft", "card"),
    ("on_card_accent", "card"),
)
"""What is written, and on what."""


def unreadable(palette: Palette) -> list[tuple[str, str]]:
    colours = vars(palette)
    return [(t, g) for t, g in PAIRS if apart(colours[t], colours[g]) < READABLE]


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_text_stands_out_from_its_ground(theme: str) -> None:
    assert unreadable(THEMES[theme].light) == []
    assert unreadable(THEMES[theme].dark) == []


@given(st.sampled_from(sorted(THEMES)), st.integers(0, 0xFFFFFF))
def test_it_does_so_in_any_colour_of_an_owner(theme: str, colour: int) -> None:
    found = theme_of(theme, f"#{colour:06x}")

    assert unreadable(found.light) == []
    assert unreadable(found.dark) == []


@pytest.mark.parametrize("accent", [None, "", "red", "#12345", "}body{display:none"])
def test_what_is_no_colour_changes_nothing(accent: str | None) -> None:
    assert theme_of("moss", accent) == THEMES["moss"]
    assert theme_of("unheard of", accent) == THEMES["ink"]
