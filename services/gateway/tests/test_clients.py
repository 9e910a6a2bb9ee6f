"""An address is believed from proxies that we know, and from nobody else."""

import pytest
from gateway.clients import Clients


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", b"192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", b"8.8.8.8, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", b"8.8.8.8, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", b"192.0.2.1:4711", "192.0.2.1"),
        ("10.0.0.1", b"[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", b"2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", b"192.0.2.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", b"nonsense", "10.0.0.1"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("192.0.2.9", b"8.8.8.8", "192.0.2.9"),
        ("somewhere", b"8.8.8.8", "somewhere"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours_is_the_client(peer, forwarded, client):
    assert Clients(("10.0.0.0/8", "::1")).address(peer, forwarded) == client


def test_without_the_setting_nobody_is_a_proxy():
    assert Clients().address("10.0.0.1", b"192.0.2.1") == "10.0.0.1"
