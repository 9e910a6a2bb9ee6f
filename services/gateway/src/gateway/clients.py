"""Where a request comes from: the peer, or what proxies that we were told to trust say of it."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


class Clients:
    """`trusted` are the proxies' addresses or networks. Raises `ValueError` for anything else."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted: tuple[Network, ...] = tuple(ip_network(text) for text in trusted)
        self._is_proxy = lru_cache(10_000)(self._lies_within)

    def address(self, peer: str, forwarded: bytes | None) -> str:
        """The nearest address that is no proxy of ours.

        `forwarded` is X-Forwarded-For: every proxy adds on the right whom it heard, so what stands
        left of the first stranger is the stranger's own invention.
        """
        if not self._trusted or forwarded is None or not self._is_proxy(peer):
            return peer
        for told in reversed(forwarded.decode("latin-1").split(",")):
            nearer = _plain(told.strip())
            if nearer is None:
                break
            peer = nearer
            if not self._is_proxy(peer):
                break
        return peer

    def _lies_within(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _plain(told: str) -> str | None:
    """The address without port and brackets; nothing if it is none."""
    if told.startswith("["):
        told = told[1:].partition("]")[0]
    elif told.count(":") == 1:
        told = told.partition(":")[0]
    try:
        return str(ip_address(told))
    except ValueError:
        return None
