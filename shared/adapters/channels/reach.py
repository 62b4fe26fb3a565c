"""Which addresses a channel may be reached at: public ones, and networks that the operator allows.

The traps: a name that is harmless when it is checked may resolve to the metadata service when it is used, so what is
checked is the address that is connected to; and IPv6 has several ways to write an IPv4 address, most of which count as
public to Python.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Final

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network
type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CARRIERS: Final = tuple(
    ipaddress.IPv6Network(text)
    for text in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
"""IPv6 networks whose last 32 bits are the IPv4 address that they lead to: mapped, translated, compatible, NAT64."""


class Reach:
    """What may be connected to."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        """`allowed` are networks that are not public and may be reached all the same."""
        self.allowed = tuple(allowed)

    def permits(self, address: Address) -> bool:
        """Whether the address may be connected to."""
        inner = _inner(address)
        is_public = inner.is_global and not inner.is_multicast and not _is_site_local(inner)
        return is_public or any(one in network for one in (address, inner) for network in self.allowed)

    def permits_host(self, host: str) -> bool:
        """The same for an address as text, with a zone or without; a name has no address yet and is refused."""
        try:
            return self.permits(ipaddress.ip_address(host.partition("%")[0]))
        except ValueError:
            return False


def _inner(address: Address) -> Address:
    return next(_carried(address), address)


def _carried(address: Address) -> Iterator[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _CARRIERS):
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.sixtofour is not None:
            yield address.sixtofour


def _is_site_local(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.is_site_local
