"""One address of a provider's server that is asked by POST, over HTTP without the provider's package.

The key goes to the configured host and nowhere else: redirects are not followed, cookies are not kept, and what a server
writes is cleared of the key before it is logged.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from palaver.errors import ModelError
from palaver.inflate import can_inflate, encoding_of, inflated
from palaver.provider.refusals import refusal, refused

REFUSAL_BYTES = 16 * 1024
BROKEN = (httpx2.TransportError, zlib.error)
"""What is raised when an answer breaks off while it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """An answer that has begun.

    Attributes:
        kind: Its media type, in small letters and without parameters.
        received: Its body, decompressed.
    """

    status: int
    kind: str
    retry_after: str | None
    received: AsyncIterator[bytes]

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


class ProviderEndpoint:
    """Where a provider takes one kind of request, and the connections to it.

    Args:
        base_url: With its path, such as ``https://api.openai.com/v1``.
        path: Of the endpoint below it.
        accept: The media type that is asked for.
        api_key: None for a server that wants none.
        connect_seconds: For TCP and TLS together. All other time limits are the caller's.

    Raises:
        ModelError: ``provider_not_configured`` for an address or a key that can't be used.
    """

    def __init__(
        self, base_url: str, path: str, *, accept: str, api_key: str | None = None, connect_seconds: float = 10.0
    ) -> None:
        self.url = _checked_url(base_url, path)
        self._accept = accept
        self._api_key = _checked_key(api_key)
        self._connect_seconds = connect_seconds
        self._client: httpx2.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def aclose(self) -> None:
        """Close all connections; answers under way break off."""
        if self._client is not None:
            await self._client.aclose()

    @asynccontextmanager
    async def post(self, body: bytes) -> AsyncIterator[ProviderAnswer]:
        """Ask, and give the answer, whatever its status. Leaving closes the connection if anything is unread.

        Raises:
            ModelError: ``provider_unreachable``, or ``provider_protocol`` for a compression that nobody asked for.
        """
        client = await self._opened()
        try:
            response = await client.send(client.build_request("POST", self.url, content=body), stream=True)
        except httpx2.TransportError as error:
            # Without its cause: the text of a transport error may quote a header.
            raise refusal("provider_unreachable", type(error).__name__, retryable=True) from None
        try:
            if not can_inflate(response):
                raise refusal("provider_protocol", f"content-encoding {encoding_of(response)[:40]}")
            received = inflated(response)  # it was asked for without compression
            async with aclosing(received):
                yield ProviderAnswer(
                    status=response.status_code,
                    kind=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                    retry_after=response.headers.get("retry-after"),
                    received=received,
                )
        finally:
            await response.aclose()

    async def text_of(self, answer: ProviderAnswer) -> str:
        """Return the first bytes of an answer that is no good, as text for the log; what breaks meanwhile is not the news."""
        text = b""
        with suppress(*BROKEN):
            async for some in answer.received:
                text += some
                if len(text) >= REFUSAL_BYTES:
                    break
        return self._without_key(text[:REFUSAL_BYTES].decode("utf-8", "replace"))

    def refused(self, answer: ProviderAnswer, text: str) -> ModelError:
        """Return the error of an answer that is no success."""
        return refused(answer.status, text, answer.retry_after)

    async def _opened(self) -> httpx2.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connector)  # it reads certificates, and imports
            return self._client

    def _connector(self) -> httpx2.AsyncClient:
        secure = self.url.scheme == "https"
        return httpx2.AsyncClient(
            headers=self._headers(),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=ssl.create_default_context() if secure else False,
            trust_env=secure,
            follow_redirects=False,
            timeout=httpx2.Timeout(None, connect=self._connect_seconds),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30),
        )

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": self._accept,
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "palaver",
        }
        return headers | ({"Authorization": f"Bearer {self._api_key}"} if self._api_key else {})

    def _without_key(self, text: str) -> str:
        return text.replace(self._api_key, "[key]") if self._api_key else text


def _checked_url(base_url: str, path: str) -> httpx2.URL:
    try:
        url = httpx2.URL(base_url.strip().rstrip("/") + path)
    except httpx2.InvalidURL:
        raise _unusable("address") from None
    if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > 65535:
        raise _unusable("address")
    return url


def _checked_key(api_key: str | None) -> str | None:
    key = (api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise _unusable("API key")
    return key or None


def _unusable(what: str) -> ModelError:
    return ModelError(f"The {what} configured for the model's server can't be used.", code="provider_not_configured")
