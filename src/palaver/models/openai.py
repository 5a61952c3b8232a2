"""Every OpenAI-compatible server, over HTTP without the ``openai`` package.

Timeouts, retries, sizes, redirects and what counts as an end are ours to decide for every server alike, and the package
takes 0.36 s to import. How a server is asked is ``provider.endpoint``; what goes over the wire is read in ``completions``
and ``sse``, what is refused in ``provider.refusals``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from palaver.errors import ModelError
from palaver.models.base import Prompt, Said
from palaver.models.completions import Completion, is_whole, request_body
from palaver.models.patience import disconnected
from palaver.models.sse import EventStream, EventTooLong
from palaver.provider.endpoint import BROKEN, ProviderAnswer, ProviderEndpoint
from palaver.provider.refusals import over_limit, refusal, refused_in_stream

EVENT_BYTES = 2 * 1024 * 1024
"""The most bytes of one event: a server that does not stream may send a whole answer in one."""
LINGER_SECONDS = 0.05
"""How long after ``[DONE]`` the end of the response is waited for, so that its connection can be used again."""


class OpenAIServer:
    """One provider of chat completions. For its arguments see ``ProviderEndpoint``; time limits are ``PatientModel``'s.

    Raises:
        ModelError: ``provider_not_configured`` for an address or a key that can't be used.
    """

    def __init__(self, base_url: str, *, api_key: str | None = None, connect_seconds: float = 10.0) -> None:
        self.endpoint = ProviderEndpoint(
            base_url,
            "/chat/completions",
            accept="text/event-stream",
            api_key=api_key,
            connect_seconds=connect_seconds,
        )
        self._counts_tokens = True

    def model(self, name: str) -> OpenAIModel:
        """Return the model of this name; the server is not asked whether it has it."""
        return OpenAIModel(name, self)

    async def aclose(self) -> None:
        """Close all connections; answers under way break off."""
        await self.endpoint.aclose()

    async def body_of(self, name: str, prompt: Prompt) -> bytes:
        """Return the body of a request to this server."""
        # OpenAI's own models refuse max_tokens where they reason; everyone else's servers may not know the new word.
        limit_word = "max_completion_tokens" if self.endpoint.url.host == "api.openai.com" else "max_tokens"

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
        async with self.endpoint.post(body) as answer:
            await self._check(answer)
            yield answer.received

    async def _check(self, answer: ProviderAnswer) -> None:
        if answer.is_success and answer.kind not in ("text/html", "application/json"):
            return
        text = await self.endpoint.text_of(answer)
        if answer.is_success:
            raise _no_stream(answer.kind, text)
        if self._counts_tokens and answer.status in (400, 422) and "stream_options" in text:
            self._counts_tokens = False
            raise refusal("provider_rejected", text, retryable=True)
        raise self.endpoint.refused(answer, text)


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
    except BROKEN as error:
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
    with suppress(TimeoutError, *BROKEN):
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in received:
                pass


def _no_stream(kind: str, text: str) -> ModelError:
    if kind == "application/json":
        with suppress(ValueError, RecursionError):
            body = json.loads(text)
            if isinstance(body, dict) and body.get("error"):
                return refused_in_stream(body["error"])
    return refusal("provider_protocol", f"{kind} {text}")
