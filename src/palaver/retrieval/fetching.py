"""The one fetcher of web pages. It goes only where it is allowed to, and never into the network that it runs in.

For each request, redirects included: the URL is checked against the allowed hosts, its name is resolved once, every address that
comes back has to be public, and the connection is made to exactly the address that was checked, with the name in ``Host``
and in TLS. So neither a redirect nor a name whose address changes between two look-ups leads anywhere else.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote

import httpx2

from palaver.errors import InvalidInput
from palaver.inflate import can_inflate, inflated
from palaver.retrieval.addresses import is_loopback, is_public
from palaver.retrieval.kinds import FILE_BYTES

URL_CODE_POINTS = 2_000
REDIRECTS_MAX = 5
CONNECT_SECONDS = 10.0
USUAL_PORTS = {"http": 80, "https": 443}
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "palaver"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A page as it came. ``url`` is where it was found in the end, ``name`` the last part of its path.

    ``media_type`` is what the server calls it: a claim, as an upload's is.
    """

    content: bytes
    media_type: str | None
    url: str
    name: str


class Fetcher:
    """Fetches pages by their URL.

    Args:
        allowed: Hosts, as ``PALAVER_FETCH`` lists them; none: nothing is fetched.
        limit_bytes: The most bytes of a page, decompressed.
        total_seconds: From the call to the last byte, redirects included.
        allow_loopback: Let this machine's own addresses pass for public ones. For tests, which have no other server.
        trust: The authorities whose certificates are taken; the system's when omitted.
    """

    def __init__(
        self,
        allowed: Sequence[str],
        *,
        limit_bytes: int = FILE_BYTES,
        total_seconds: float = 30.0,
        allow_loopback: bool = False,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = tuple(host.strip().lower().rstrip(".") for host in allowed)
        self._limit_bytes = limit_bytes
        self._total_seconds = total_seconds
        self._allow_loopback = allow_loopback
        self._trust = trust

    async def fetch(self, url: str) -> Fetched:
        """Return what is at a URL.

        Raises:
            InvalidInput: ``fetch_disabled``, ``fetch_refused`` (the URL, its host or its address is not allowed),
                ``fetch_failed`` (no answer, a bad one, or too late) or ``file_too_large``.
        """
        if not self._allowed:
            raise InvalidInput("This server fetches no pages: PALAVER_FETCH names no hosts.", code="fetch_disabled")
        try:
            async with asyncio.timeout(self._total_seconds):
                return await self._follow(self._checked(url))
        except TimeoutError:
            raise _failed("it took too long") from None
        except (httpx2.TransportError, zlib.error) as error:
            raise _failed(type(error).__name__) from None

    async def _follow(self, url: httpx2.URL) -> Fetched:
        for _ in range(REDIRECTS_MAX + 1):
            async with self._asked(url) as response:
                if not response.has_redirect_location:
                    return await self._taken(response, url)
                url = self._checked(response.headers["location"], base=url)
        raise _failed(f"more than {REDIRECTS_MAX} redirects")

    def _checked(self, given: str, *, base: httpx2.URL | None = None) -> httpx2.URL:
        """Return the URL, or say that it is not to be fetched."""
        try:
            url = base.join(given) if base else httpx2.URL(given)
        except (httpx2.InvalidURL, ValueError):
            raise _refused("this is no URL") from None
        if len(given) > URL_CODE_POINTS or url.scheme not in USUAL_PORTS or not url.host:
            raise _refused("only http:// and https:// addresses are")
        if url.userinfo:
            raise _refused("an address with a user or a password is not")
        if not self._is_allowed(url):
            raise _refused(f"{url.host[:100]} is not among the allowed hosts")
        return url.copy_with(fragment=None)

    def _is_allowed(self, url: httpx2.URL) -> bool:
        host = _host(url)
        port = url.port or USUAL_PORTS[url.scheme]
        names = (host,) if port in USUAL_PORTS.values() else ()
        return any(_matches(name, pattern) for name in (*names, f"{host}:{port}") for pattern in self._allowed)

    @asynccontextmanager
    async def _asked(self, url: httpx2.URL) -> AsyncIterator[httpx2.Response]:
        """Ask for a URL at the first of its addresses that answers. A client for each request: nothing is kept between two."""
        addresses = await self._addresses(url)
        async with await asyncio.to_thread(self._client, url) as client:
            response = await _first_answer(client, url, addresses)
            try:
                yield response
            finally:
                await response.aclose()

    async def _addresses(self, url: httpx2.URL) -> list[str]:
        """Return the addresses of a name, of which each one is checked: a name that has one in the wrong place is refused."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(_host(url), url.port or USUAL_PORTS[url.scheme], type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise _failed("its name is not known") from None
        addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
        if not addresses or not all(map(self._may_connect, addresses)):
            raise _refused("its address is not public")
        return addresses

    def _may_connect(self, address: str) -> bool:
        return is_public(address) or (self._allow_loopback and is_loopback(address))

    def _client(self, url: httpx2.URL) -> httpx2.AsyncClient:
        """Make a client, in a thread: it reads certificates, and imports."""
        if self._trust is None and url.scheme == "https":
            self._trust = ssl.create_default_context()
        return httpx2.AsyncClient(
            verify=self._trust or False,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
        )

    async def _taken(self, response: httpx2.Response, url: httpx2.URL) -> Fetched:
        if not response.is_success:
            raise _failed(f"the server answered {response.status_code}")
        if not can_inflate(response):
            raise _failed("its encoding is not known")
        content = bytearray()
        async with aclosing(inflated(response)) as pieces:
            async for piece in pieces:
                content += piece
                if len(content) > self._limit_bytes:
                    raise InvalidInput(f"A page has at most {self._limit_bytes:,} bytes.", code="file_too_large")
        return Fetched(
            content=bytes(content),
            media_type=response.headers.get("content-type"),
            url=str(url),
            name=unquote(url.path.rpartition("/")[2]),
        )


async def _first_answer(client: httpx2.AsyncClient, url: httpx2.URL, addresses: Sequence[str]) -> httpx2.Response:
    """Ask for a URL at one of these addresses, in the name of its host. Those that can't be reached are passed over."""
    headers = _HEADERS | {"Host": url.netloc.decode("ascii")}
    extensions = {"sni_hostname": _host(url)}
    for address in addresses[:-1]:
        request = client.build_request("GET", url.copy_with(host=address), headers=headers, extensions=extensions)
        with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
            return await client.send(request, stream=True)
    request = client.build_request("GET", url.copy_with(host=addresses[-1]), headers=headers, extensions=extensions)
    return await client.send(request, stream=True)


def _host(url: httpx2.URL) -> str:
    """Return the host as names are compared: in ASCII, without the dot that may end it."""
    return url.raw_host.decode("ascii").lower().rstrip(".")


def _matches(name: str, pattern: str) -> bool:
    """Whether a host is meant by an entry of the list; ``*.example.org`` means what is below ``example.org``."""
    if pattern == "*":
        return ":" not in name
    return name == pattern or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"This page can't be fetched: {why}.", code="fetch_refused")


def _failed(why: str) -> InvalidInput:
    return InvalidInput(f"The page could not be fetched: {why}.", code="fetch_failed")
