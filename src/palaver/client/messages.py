"""``hub.messages`` over HTTP.

A send is always a stream, whichever form is asked for: the server's signs of life tell a slow model from a dead
connection, and a cut one is joined again where it was.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Unpack

from palaver.arguments import AppendFields, PageQuery, SendOptions
from palaver.attaching import with_files
from palaver.client.follow import Follower
from palaver.client.nouns import Noun, path_of, shaped
from palaver.client.replies import accepted_of, stored_reply, told_reply
from palaver.client.transport import Call
from palaver.conversation import Message
from palaver.events import Event
from palaver.page import Page
from palaver.results import Accepted, Reply, unless_failed


async def _begin(path: str, body: dict[str, Any], options: SendOptions) -> Call:
    given = await with_files(options)
    key = given.pop("key", None)
    call = Call(method="POST", path=path, body={**body, **given}, repeatable=True)
    return call if key is None and given.get("client_id") is not None else call.keyed(key)


async def _sending(conversation_id: str, text: str, options: SendOptions) -> Call:
    return await _begin(path_of("conversations", "conv", conversation_id, "messages"), {"text": text}, options)


async def _regenerating(message_id: str, options: SendOptions) -> Call:
    return await _begin(path_of("messages", "msg", message_id, "regenerate"), {}, options)


async def _editing(message_id: str, text: str, options: SendOptions) -> Call:
    return await _begin(path_of("messages", "msg", message_id, "edit"), {"text": text}, options)


class HttpMessages(Noun):
    """See ``surface.Messages``."""

    async def send(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Reply:
        return await self._reply(await _sending(conversation_id, text, options))

    async def stream(
        self, conversation_id: str, text: str, **options: Unpack[SendOptions]
    ) -> AsyncGenerator[Event, None]:
        async with aclosing(self._follow(await _sending(conversation_id, text, options))) as events:
            async for event in events:
                yield event

    async def start(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Accepted:
        return await self._start(await _sending(conversation_id, text, options))

    async def regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Reply:
        return await self._reply(await _regenerating(message_id, options))

    async def stream_regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> AsyncGenerator[Event, None]:
        async with aclosing(self._follow(await _regenerating(message_id, options))) as events:
            async for event in events:
                yield event

    async def start_regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Accepted:
        return await self._start(await _regenerating(message_id, options))

    async def edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Reply:
        return await self._reply(await _editing(message_id, text, options))

    async def stream_edit(
        self, message_id: str, text: str, **options: Unpack[SendOptions]
    ) -> AsyncGenerator[Event, None]:
        async with aclosing(self._follow(await _editing(message_id, text, options))) as events:
            async for event in events:
                yield event

    async def start_edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Accepted:
        return await self._start(await _editing(message_id, text, options))

    async def append(
        self, conversation_id: str, messages: Sequence[AppendFields], *, idempotency_key: str | None = None
    ) -> Sequence[Message]:
        path = path_of("conversations", "conv", conversation_id, "messages:append")
        call = Call(method="POST", path=path, body={"messages": [await with_files(each) for each in messages]}).keyed(
            idempotency_key
        )
        answer = await self._transport.send(call)
        return tuple(shaped(Message, row) for row in answer.body["data"])

    async def list(self, conversation_id: str, *, order: str = "asc", **page: Unpack[PageQuery]) -> Page[Message]:
        path = path_of("conversations", "conv", conversation_id, "messages")
        return await self._page(Message, path, {"order": order, **page})

    async def rate(self, message_id: str, rating: int | None, *, feedback: str | None = None) -> Message:
        body: dict[str, Any] = {"rating": rating}
        if feedback is not None:
            body["feedback"] = feedback
        path = path_of("messages", "msg", message_id, "rating")
        return await self._send(Message, Call(method="POST", path=path, body=body, repeatable=True))

    async def delete(self, message_id: str) -> None:
        await self._transport.send(Call(method="DELETE", path=path_of("messages", "msg", message_id)))

    async def restore(self, message_id: str) -> Message:
        path = path_of("messages", "msg", message_id, "restore")
        return await self._send(Message, Call(method="POST", path=path, repeatable=True))

    async def list_deleted(self, *, conversation_id: str | None = None, **page: Unpack[PageQuery]) -> Page[Message]:
        return await self._page(Message, "/v1/messages:deleted", {"conversation_id": conversation_id, **page})

    async def search(self, q: str, *, bot_id: str | None = None, **page: Unpack[PageQuery]) -> Page[Message]:
        return await self._page(Message, "/v1/search", {"q": q, "bot_id": bot_id, **page})

    def _follow(self, call: Call) -> AsyncGenerator[Event, None]:
        return Follower(self._transport, opening=call).events()

    async def _reply(self, call: Call) -> Reply:
        follower = Follower(self._transport, opening=call)
        first, last = await follower.ends()
        if follower.replayed:  # events leave out what came later, such as a rating: ask for the rows
            return stored_reply(await self._transport.send(call))
        return unless_failed(told_reply(first, last))

    async def _start(self, call: Call) -> Accepted:
        return accepted_of(await self._transport.send(call.preferring("respond-async")))
