"""``hub.conversations`` over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Unpack

from palaver.arguments import ConversationEdits, ConversationFields, ConversationQuery, ConversationWhich
from palaver.client.nouns import Noun, path_of, query_string, shaped
from palaver.client.transport import Call
from palaver.conversation import Branch, Conversation
from palaver.page import Page
from palaver.results import Loaded


def _path(conversation_id: str, action: str = "") -> str:
    return path_of("conversations", "conv", conversation_id, action)


class HttpConversations(Noun):
    """See ``surface.Conversations``."""

    async def create(
        self, bot_id: str, *, idempotency_key: str | None = None, **fields: Unpack[ConversationFields]
    ) -> Conversation:
        call = Call(method="POST", path="/v1/conversations", body={"bot_id": bot_id, **fields})
        return await self._send(Conversation, call.keyed(idempotency_key))

    async def get(self, conversation_id: str) -> Conversation:
        return await self._get(Conversation, _path(conversation_id))

    async def list(self, **query: Unpack[ConversationQuery]) -> Page[Conversation]:
        return await self._page(Conversation, "/v1/conversations", query)

    async def update(
        self, conversation_id: str, *, if_version: int | None = None, **fields: Unpack[ConversationEdits]
    ) -> Conversation:
        call = Call(method="PATCH", path=_path(conversation_id), body=fields)
        return await self._send(Conversation, call.if_version(if_version))

    async def end(
        self, conversation_id: str, *, rating: int | None = None, feedback: str | None = None, reason: str = "user"
    ) -> Conversation:
        given: dict[str, Any] = {"rating": rating, "feedback": feedback}
        body = {"reason": reason, **{name: value for name, value in given.items() if value is not None}}
        return await self._move(conversation_id, "end", body)

    async def archive(self, conversation_id: str) -> Conversation:
        return await self._move(conversation_id, "archive")

    async def reopen(self, conversation_id: str) -> Conversation:
        return await self._move(conversation_id, "reopen")

    async def delete(self, conversation_id: str, *, if_version: int | None = None) -> None:
        call = Call(method="DELETE", path=_path(conversation_id))
        await self._transport.send(call.if_version(if_version))

    async def restore(self, conversation_id: str) -> Conversation:
        call = Call(method="POST", path=_path(conversation_id, "restore"))
        return await self._send(Conversation, call)

    async def branches(self, conversation_id: str) -> Sequence[Branch]:
        answer = await self._transport.send(Call(method="GET", path=_path(conversation_id, "branches")))
        return tuple(shaped(Branch, row) for row in answer.body["data"])

    async def switch(self, conversation_id: str, turn_id: str) -> Conversation:
        return await self._move(conversation_id, "head", {"turn_id": turn_id})

    async def export(self, conversation_id: str, *, format: str = "html", rows: str = "messages") -> bytes:
        query = query_string({"format": format, "rows": rows})
        return (
            await self._transport.fetch(Call(method="GET", path=_path(conversation_id, "export"), query=query))
        ).content

    async def export_all(
        self, *, format: str = "jsonl", rows: str = "messages", **which: Unpack[ConversationWhich]
    ) -> AsyncGenerator[bytes]:
        query = query_string({"format": format, "rows": rows, **which})
        async with aclosing(self._transport.download(Call(method="GET", path="/v1/export", query=query))) as parts:
            async for part in parts:
                yield part

    async def load(self, lines: Sequence[Mapping[str, Any]], *, bot_id: str | None = None) -> Loaded:
        body = {"lines": list(lines), **({} if bot_id is None else {"bot_id": bot_id})}
        return await self._send(Loaded, Call(method="POST", path="/v1/import", body=body, repeatable=True))

    async def _move(self, conversation_id: str, action: str, body: dict[str, Any] | None = None) -> Conversation:
        call = Call(method="POST", path=_path(conversation_id, action), body=body, repeatable=True)
        return await self._send(Conversation, call)
