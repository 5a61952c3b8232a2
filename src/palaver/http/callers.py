"""Where a request comes from, as far as one can tell."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

_NETWORK_BITS = 64
"""Of an IPv6 address: the rest is a household's own to choose."""


def address_of(request: Request) -> str:
    """Return the address of whoever calls; of IPv6 its network.

    A peer on this machine or in a private network is a proxy: then the last address in ``X-Forwarded-For`` counts, which is the one
    that this proxy saw itself. What stands before it anyone may have written.
    """
    peer = "" if request.client is None else request.client.host
    seen = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return _network(seen) or _network(peer) if seen and _is_private(peer) else _network(peer)


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return True


def _network(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
