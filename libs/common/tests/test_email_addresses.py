"""Addresses have one form: that which the library gives them, by whichever way they get it."""

import pytest
from common.email_addresses import normal_form
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

labels = st.text(st.sampled_from("aZ0-_é"), max_size=5)
tops = st.sampled_from(
    ["org", "test", "localhost", "onion", "arpa", "xn--p1ai", "c", "com1", "Org"]
)
locals_ = st.text(st.sampled_from("aZ0.+-_!'\" ("), max_size=8)
addresses = st.builds(
    lambda local, hosts, top: f"{local}@{'.'.join([*hosts, top])}",
    locals_,
    st.lists(st.one_of(labels, st.sampled_from(["mail", "xn--a", "ab--c"])), max_size=3),
    tops,
)


@given(st.one_of(addresses, st.text(max_size=70)))
@example("ann@example.org")
@example("ann@example.org\n")
@example(f"{'a' * 65}@example.org")
@example(f"ann@{'a' * 64}.org")
@example("a+b.c-d_e@mail.example.co")
@settings(max_examples=settings().max_examples * 10)
def test_any_text_has_the_form_that_the_library_gives_it(text: str) -> None:
    try:
        expected = validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        with pytest.raises(PydanticCustomError):
            normal_form(text)
    else:
        assert normal_form(text) == expected


@pytest.mark.parametrize("text", ["ann@example.org", "a+b.c-d_e@mail.example.co", "A@b.fr"])
def test_an_address_in_normal_form_stays_as_it_is(text: str) -> None:
    assert normal_form(text) == text
