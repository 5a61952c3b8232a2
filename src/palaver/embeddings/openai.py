"""Every server with OpenAI's ``/v1/embeddings``: OpenAI itself, Ollama, llama.cpp, vLLM, text-embeddings-inference …"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

from palaver.embeddings.base import Purpose, packed
from palaver.errors import ModelError
from palaver.provider.endpoint import BROKEN, ProviderAnswer, ProviderEndpoint
from palaver.provider.refusals import over_limit, refusal, refused_in_stream

ANSWER_BYTES = 32 * 1024 * 1024
"""The most bytes of one answer: 64 vectors of 4,096 numbers in JSON are 6 MB."""


class OpenAIEmbeddings:
    """One provider of embeddings. For its arguments see ``ProviderEndpoint``; time limits are ``PatientEmbedding``'s.

    Raises:
        ModelError: ``provider_not_configured`` for an address or a key that can't be used.
    """

    def __init__(self, base_url: str, *, api_key: str | None = None, connect_seconds: float = 10.0) -> None:
        self._endpoint = ProviderEndpoint(
            base_url, "/embeddings", accept="application/json", api_key=api_key, connect_seconds=connect_seconds
        )

    def model(self, name: str) -> OpenAIEmbedding:
        """Return the embedding of this name; the server is not asked whether it has it."""
        return OpenAIEmbedding(name, self)

    async def aclose(self) -> None:
        """Close all connections; calls under way break off."""
        await self._endpoint.aclose()

    async def post(self, body: bytes) -> bytes:
        """Ask, and return the answer.

        Raises:
            ModelError: The server could not be reached, refused, broke off, or sent more than ``ANSWER_BYTES``.
        """
        async with self._endpoint.post(body) as answer:
            if not answer.is_success:
                raise self._endpoint.refused(answer, await self._endpoint.text_of(answer))
            return await _whole(answer)


class OpenAIEmbedding:
    """An embedding model of an OpenAI-compatible server. It knows no difference between questions and documents."""

    def __init__(self, name: str, server: OpenAIEmbeddings) -> None:
        self._name = name
        self._server = server

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = Purpose.DOCUMENT) -> Sequence[bytes]:  # noqa: ARG002
        """See ``EmbeddingModel.embed``."""
        body = {"model": self._name, "input": list(texts), "encoding_format": "float"}
        answer = await self._server.post(json.dumps(body, separators=(",", ":")).encode())
        return await asyncio.to_thread(lambda: list(_vectors(answer)))


async def _whole(answer: ProviderAnswer) -> bytes:
    body = bytearray()
    try:
        async for some in answer.received:
            body += some
            if len(body) > ANSWER_BYTES:
                raise over_limit("too long an answer")
    except BROKEN as error:
        raise refusal("provider_protocol", type(error).__name__) from None
    return bytes(body)


def _vectors(answer: bytes) -> Iterator[bytes]:
    for place, entry in enumerate(_entries(answer)):
        if not isinstance(entry, dict) or entry.get("index", place) not in (place, None):
            raise _unreadable("an entry out of its place")
        yield packed(entry.get("embedding") or ())


def _entries(answer: bytes) -> Sequence[Any]:
    try:
        body = json.loads(answer)
    except (ValueError, RecursionError):
        raise _unreadable(answer[:200].decode("utf-8", "replace")) from None
    match body:
        case {"error": error} if error:
            raise refused_in_stream(error)
        case {"data": list(entries)}:
            return entries
    raise _unreadable(answer[:200].decode("utf-8", "replace"))


def _unreadable(provider_text: str) -> ModelError:
    return refusal("provider_protocol", provider_text)
