"""Which IP addresses a fetch may go to: those of the public internet, and no others.

``ipaddress`` alone does not know: ``is_global`` is true of NAT64, 6to4 and multicast addresses, which can lead to private ones, and
``is_private`` is false of the addresses of carriers' NAT. What is allowed for IPv6 is therefore the space of global unicast
(2000::/3) alone, less what carries an IPv4 address within or is not routed.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, among them Teredo, ORCHID and benchmarking
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' NAT
            "127.0.0.0/8",
            "168.63.129.16/32",  # a cloud's metadata behind a public address
            "169.254.0.0/16",  # link-local, and most clouds' metadata
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)


def is_public(address: str) -> bool:
    """Whether an address, as the resolver writes it, is one of the public internet. What can't be read is not."""
    match _parsed(address):
        case IPv4Address() as four:
            return not any(four in network for network in _NOT_PUBLIC_4)
        case IPv6Address() as six:
            return six in _GLOBAL_UNICAST and not any(six in network for network in _NOT_PUBLIC_6)
        case _:
            return False


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    parsed = _parsed(address)
    return parsed is not None and parsed.is_loopback


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Return the address; an IPv4 address in IPv6 clothes (``::ffff:10.0.0.1``) as what it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
