"""Every OpenAI-compatible server, over HTTP without the ``openai`` package.

Timeouts, retries, sizes, redirects and what counts as an end are ours to decide for every server alike, and the package
takes 0.36 s to import. What goes over the wire is read in ``completions`` and ``sse``, what is refused in ``refusals``.

The key goes to the configured host and nowhere else: redirects are not followed, cookies are not kept, and what a server
writes is cleared of the key before it is logged.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from palaver.errors import ModelError
from palaver.models.base import Prompt, Said
from palaver.models.completions import Completion, is_whole, request_body
from palaver.models.patience import disconnected
from palaver.models.refusals import over_limit, refusal, refused, refused_in_stream
from palaver.models.sse import EventStream, EventTooLong

EVENT_BYTES = 2 * 1024 * 1024
"""The most bytes of one event: a server that does not stream may send a whole answer in one."""
REFUSAL_BYTES = 16 * 1024
INFLATE_BYTES = 64 * 1024
LINGER_SECONDS = 0.05
"""How long after ``[DONE]`` the end of the response is waited for, so that its connection can be used again."""
_BROKEN = (httpx2.TransportError, zlib.error)
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class OpenAIServer:
    """One provider: its address, its key, and its connections.

    Args:
        base_url: With its path, such as ``https://api.openai.com/v1``.
        api_key: None for a server that wants none.
        connect_seconds: For TCP and TLS together. All other time limits are ``PatientModel``'s.

    Raises:
        ModelError: ``provider_not_configured`` for an address or a key that can't be used.
    """

    def __init__(self, base_url: str, *, api_key: str | None = None, connect_seconds: float = 10.0) -> None:
        self._url = _completions_url(base_url)
        self._api_key = _checked_key(api_key)
        self._connect_seconds = connect_seconds
        self._client: httpx2.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._counts_tokens = True

    def model(self, name: str) -> OpenAIModel:
        """Return the model of this name; the server is not asked whether it has it."""
        return OpenAIModel(name, self)

    async def aclose(self) -> None:
        """Close all connections; answers under way break off."""
        if self._client is not None:
            await self._client.aclose()

    async def body_of(self, name: str, prompt: Prompt) -> bytes:
        """Return the body of a request to this server."""
        # OpenAI's own models refuse max_tokens where they reason; everyone else's servers may not know the new word.
        limit_word = "max_completion_tokens" if self._url.host == "api.openai.com" else "max_tokens"

        def write() -> bytes:
            return request_body(name, prompt, limit_word=limit_word, counts_tokens=self._counts_tokens)

        has_images = any(message.images for message in prompt.messages)
        return await asyncio.to_thread(write) if has_images else write()

    @asynccontextmanager
    async def post(self, body: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        """Ask, and give the bytes of the answer, decompressed. Leaving closes the connection if anything is unread.

        Raises:
            ModelError: The server could not be reached, or refused.
        """
        client = await self._opened()
        try:
            response = await client.send(client.build_request("POST", self._url, content=body), stream=True)
        except httpx2.TransportError as error:
            # Without its cause: the text of a transport error may quote a header.
            raise refusal("provider_unreachable", type(error).__name__, retryable=True) from None
        try:
            received = _received(response)
            async with aclosing(received):
                await self._check(response, received)
                yield received
        finally:
            await response.aclose()

    async def _opened(self) -> httpx2.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connector)  # it reads certificates, and imports
            return self._client

    def _connector(self) -> httpx2.AsyncClient:
        secure = self._url.scheme == "https"
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
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "palaver",
        }
        return headers | ({"Authorization": f"Bearer {self._api_key}"} if self._api_key else {})

    async def _check(self, response: httpx2.Response, received: AsyncIterator[bytes]) -> None:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.is_success and kind not in ("text/html", "application/json"):
            return
        text = self._without_key(await _beginning(received))
        if response.is_success:
            raise _no_stream(kind, text)
        if self._counts_tokens and response.status_code in (400, 422) and "stream_options" in text:
            self._counts_tokens = False
            raise refusal("provider_rejected", text, retryable=True)
        raise refused(response.status_code, text, response.headers.get("retry-after"))

    def _without_key(self, text: str) -> str:
        return text.replace(self._api_key, "[key]") if self._api_key else text


class OpenAIModel:
    """A model of an OpenAI-compatible server. ``PatientModel`` gives it its time limits and its retries.

    Whether the model can see is not known beforehand: one that can't refuses the images.
    """

    has_vision = True

    def __init__(self, name: str, server: OpenAIServer) -> None:
        self._name = name
        self._server = server

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Said]]:
        """Call the model.

        Raises:
            ModelError: A row of the contract's table «Calling the model».
        """
        body = await self._server.body_of(self._name, prompt)
        async with self._server.post(body) as received:
            said = _said(received)
            async with aclosing(said):
                yield said


async def _said(received: AsyncIterator[bytes]) -> AsyncGenerator[Said, None]:
    completion, cause = Completion(), "no end marker"
    try:
        async with aclosing(_events(received)) as events:
            async for data in events:
                for said in completion.read(data):
                    yield said
                if completion.done:
                    break
    except _BROKEN as error:
        cause = type(error).__name__
    if completion.done:
        await _linger(received)
    if not completion.ended:
        for said in completion.cut():
            yield said
        raise disconnected(cause)


async def _events(received: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    events = EventStream(EVENT_BYTES)
    try:
        async for some in received:
            for data in events.feed(some):
                yield data
    except EventTooLong:
        raise over_limit("too long an event") from None
    for data in events.end():
        if is_whole(data):
            yield data
    if events.is_foreign:
        raise refusal("provider_protocol", "no event stream")


async def _linger(received: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError, *_BROKEN):
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in received:
                pass


async def _received(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Yield the body. It was asked for without compression; gzip and zlib are read all the same, a little at a time."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise refusal("provider_protocol", f"content-encoding {encoding[:40]}")
    inflater = None if encoding in ("", "identity") else zlib.decompressobj(_GZIP_OR_ZLIB)
    async with aclosing(response.aiter_raw()) as raw:
        async for some in raw:
            if inflater is None:
                yield some
                continue
            while some and not inflater.eof:
                yield inflater.decompress(some, INFLATE_BYTES)
                some = inflater.unconsumed_tail
                await asyncio.sleep(0)  # a few bytes can become gigabytes: others have their turn in between


async def _beginning(received: AsyncIterator[bytes]) -> str:
    """Return the first bytes of a refusal as text; what breaks while they are read is not the news."""
    text = b""
    with suppress(*_BROKEN):
        async for some in received:
            text += some
            if len(text) >= REFUSAL_BYTES:
                break
    return text[:REFUSAL_BYTES].decode("utf-8", "replace")


def _no_stream(kind: str, text: str) -> ModelError:
    if kind == "application/json":
        with suppress(ValueError, RecursionError):
            body = json.loads(text)
            if isinstance(body, dict) and body.get("error"):
                return refused_in_stream(body["error"])
    return refusal("provider_protocol", f"{kind} {text}")


def _completions_url(base_url: str) -> httpx2.URL:
    try:
        url = httpx2.URL(base_url.strip().rstrip("/") + "/chat/completions")
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
