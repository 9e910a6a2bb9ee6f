"""What a card shows of what was written: initials of any name, links that lead where they say."""

from dataclasses import replace

import pytest
from cards.card_face import safe_link
from cards.cards.examples import FACE


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Lovelace", "AL"),
        ("Ada King Lovelace", "AL"),
        ("(Ada) “Countess”", "AC"),
        ("E\u0301lodie", "É"),
        ("王小明", "王"),
        ("🜁", "·"),
        ("", "·"),
    ],
)
def test_a_monogram_is_made_of_any_name(name: str, initials: str) -> None:
    assert replace(FACE, name=name).initials == initials


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https://",
        "https://bank.example@evil.example",
        "https://x.example/\r\nTEL:1",
        "https://x.example:port/",
        "https://[x/",
        "ftp://x.example",
        "",
        None,
    ],
)
def test_only_a_web_address_is_a_link(url: str | None) -> None:
    assert safe_link(url) is None


@pytest.mark.parametrize(
    "url", ["https://x.example", "HTTP://x.example/a?b=c#d", "https://é.example"]
)
def test_a_web_address_is_kept_as_written(url: str) -> None:
    assert safe_link(f" {url} ") == url


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("ada-lovelace", "https://www.linkedin.com/in/ada-lovelace"),
        (" @ada.l ", "https://www.linkedin.com/in/ada.l"),
        ("in/ada/", "https://www.linkedin.com/in/ada"),
        ("Zoë", "https://www.linkedin.com/in/Zo%C3%AB"),
        ("a?b#c", "https://www.linkedin.com/in/a%3Fb%23c"),
        ("linkedin.com/in/ada", "https://linkedin.com/in/ada"),
        ("https://fr.linkedin.com/in/ada", "https://fr.linkedin.com/in/ada"),
        ("https://linkedin.com.evil.example/in/ada", None),
        ("https://evil.example/linkedin.com", None),
        ("javascript:alert(1)", None),
        ("@", None),
        ("", None),
    ],
)
def test_a_handle_and_an_address_lead_to_the_same_place(written: str, link: str | None) -> None:
    face = replace(FACE, linkedin=written, instagram=None)

    assert [profile.link for profile in face.profiles] == ([link] if link else [])
