"""``hub.messages`` in this process: three ways to begin a turn, each in three forms."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, Unpack

from palaver.arguments import AppendFields, PageQuery, SendOptions
from palaver.attaching import with_files
from palaver.conversation import ImagePart, Message, Part, Role, TextPart
from palaver.errors import InvalidInput, ModelError
from palaver.events import Event
from palaver.hub.files import Enclosed, LocalFiles, asked_with
from palaver.hub.place import Place
from palaver.hub.turns import LocalTurns
from palaver.ids import child_id, is_id
from palaver.models.base import can_see
from palaver.once import once
from palaver.page import Page, Window
from palaver.results import Accepted, Reply, unless_failed
from palaver.stores.orders import (
    AppendedMessage,
    Continue,
    EditQuestion,
    Made,
    Question,
    Regenerate,
    SearchQuery,
    TurnOrder,
)
from palaver.wire import messages as wire
from palaver.wire.checking import check
from palaver.wire.pages import DeletedMessageQuery, MessageQuery
from palaver.wire.pages import SearchQuery as WireSearchQuery

Opening = Continue | Regenerate | EditQuestion


class LocalMessages:
    """See ``surface.Messages``."""

    def __init__(self, place: Place, turns: LocalTurns, files: LocalFiles) -> None:
        self._place = place
        self._turns = turns
        self._files = files

    async def start(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Accepted:
        """See ``surface.Messages.start``."""
        key, fields = await _split(options)
        body = check(wire.MessageSend, {"text": text, **fields})
        conversation_id = self._place.known("conv", conversation_id)
        if body.parent_id is not None and not is_id("turn", body.parent_id):
            raise InvalidInput("There is no such turn in this conversation.", code="invalid_parent")
        enclosed = await self._files.enclosed(body.attachments)
        question = await self._question(conversation_id, body, enclosed)
        opening = Continue(question=question, parent_id=body.parent_id)
        return await self._begin(conversation_id, opening, body, key, enclosed)

    async def start_regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Accepted:
        """See ``surface.Messages.start_regenerate``."""
        key, fields = await _split(options)
        body = check(wire.MessageRegenerate, fields)
        message = await self.get(message_id)
        if await self._asks_with_images(message):
            await self._check_vision(message.conversation_id, body)
        return await self._begin(message.conversation_id, Regenerate(answer_id=message.id), body, key)

    async def start_edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Accepted:
        """See ``surface.Messages.start_edit``."""
        key, fields = await _split(options)
        body = check(wire.MessageEdit, {"text": text, **fields})
        message = await self.get(message_id)
        enclosed = await self._files.enclosed(body.attachments)
        question = await self._question(message.conversation_id, body, enclosed)
        opening = EditQuestion(message_id=message.id, question=question)
        return await self._begin(message.conversation_id, opening, body, key, enclosed)

    async def get(self, message_id: str) -> Message:
        """Return a message, whatever branch it is on."""
        return await self._place.store.get_message(self._place.tenant_id, self._place.known("msg", message_id))

    async def _question(
        self, conversation_id: str, body: wire.MessageEdit | wire.MessageSend, enclosed: Sequence[Enclosed]
    ) -> Question:
        if enclosed:
            await self._check_vision(conversation_id, body)
        parts: tuple[Part, ...] = (TextPart(text=body.text), *await self._files.parts(enclosed))
        return Question(message_id=child_id("msg", conversation_id), parts=parts)

    async def _asks_with_images(self, message: Message) -> bool:
        """Whether the question of an answer's turn has images."""
        turn = await self._place.store.get_turn(self._place.tenant_id, message.turn_id)
        if message.role is Role.USER or turn.user_message_id is None:
            return False
        question = await self.get(turn.user_message_id)
        return any(isinstance(part, ImagePart) for part in question.parts)

    async def _check_vision(self, conversation_id: str, body: wire.MessageRegenerate) -> None:
        """Refuse images that the bot's model can't be given. A model that is not configured fails the turn, not the send.

        Raises:
            InvalidInput: ``model_has_no_vision``.
        """
        conversation = await self._place.store.get_conversation(self._place.tenant_id, conversation_id)
        bot = await self._place.store.get_bot(self._place.tenant_id, conversation.bot_id)
        with suppress(ModelError):
            if not can_see(self._place.models.find(bot.model), {**bot.params, **body.params.given()}):
                raise InvalidInput("The model of this bot can't be given images.", code="model_has_no_vision")

    async def _begin(
        self,
        conversation_id: str,
        opening: Opening,
        body: wire.MessageRegenerate,
        key: str | None,
        enclosed: Sequence[Enclosed] = (),
    ) -> Accepted:
        given = body.given()
        operation, target = _name(opening, conversation_id)
        order = TurnOrder(
            conversation_id=conversation_id,
            turn_id=child_id("turn", conversation_id),
            answer_id=child_id("msg", conversation_id),
            opening=opening,
            once=once(body.client_id if key is None else key, operation, target, _asked(given, enclosed)),
            policy=body.policy,
            params=given.get("params", {}),
            queue_cap=self._place.queue_cap,
            owner=self._place.engine.owner,
            lease_seconds=self._place.engine.limits.lease_seconds,
        )
        begun = await self._place.engine.begin(self._place.tenant_id, order)
        return Accepted(turn=begun.turn, user_message=begun.question, replayed=begun.replayed)

    async def _reply(self, accepted: Accepted) -> Reply:
        return unless_failed(await self._turns.outcome(accepted.turn.id, replayed=accepted.replayed))

    async def send(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> Reply:
        """See ``surface.Messages.send``."""
        return await self._reply(await self.start(conversation_id, text, **options))

    async def regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> Reply:
        """See ``surface.Messages.regenerate``."""
        return await self._reply(await self.start_regenerate(message_id, **options))

    async def edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> Reply:
        """See ``surface.Messages.edit``."""
        return await self._reply(await self.start_edit(message_id, text, **options))

    async def _events(self, start: Callable[[], Awaitable[Accepted]]) -> AsyncGenerator[Event, None]:
        accepted = await start()
        async with aclosing(self._turns.events(accepted.turn.id)) as events:
            async for event in events:
                yield event

    def stream(self, conversation_id: str, text: str, **options: Unpack[SendOptions]) -> AsyncGenerator[Event, None]:
        """See ``surface.Messages.stream``."""
        return self._events(partial(self.start, conversation_id, text, **options))

    def stream_regenerate(self, message_id: str, **options: Unpack[SendOptions]) -> AsyncGenerator[Event, None]:
        """See ``surface.Messages.stream_regenerate``."""
        return self._events(partial(self.start_regenerate, message_id, **options))

    def stream_edit(self, message_id: str, text: str, **options: Unpack[SendOptions]) -> AsyncGenerator[Event, None]:
        """See ``surface.Messages.stream_edit``."""
        return self._events(partial(self.start_edit, message_id, text, **options))

    async def store(
        self, idempotency_key: str | None, conversation_id: str, messages: Sequence[AppendFields]
    ) -> Made[Sequence[Message]]:
        """Append messages, and say whether an earlier call with the same key did."""
        body = check(wire.MessagesAppend, {"messages": [await with_files(each) for each in messages]})
        conversation_id = self._place.known("conv", conversation_id)
        enclosed = [await self._files.enclosed(each.attachments) for each in body.messages]
        asked = [_asked(each.given(), files) for each, files in zip(body.messages, enclosed, strict=True)]
        unique = once(idempotency_key, "messages.append", conversation_id, {"messages": asked})
        images = [await self._files.parts(files) for files in enclosed]
        appended = _in_turns(conversation_id, body.messages, images)
        return await self._place.store.append_messages(self._place.tenant_id, conversation_id, appended, unique)

    async def append(
        self, conversation_id: str, messages: Sequence[AppendFields], *, idempotency_key: str | None = None
    ) -> Sequence[Message]:
        """See ``surface.Messages.append``."""
        return (await self.store(idempotency_key, conversation_id, messages)).value

    async def list(self, conversation_id: str, *, order: str = "asc", **page: Unpack[PageQuery]) -> Page[Message]:
        """See ``surface.Messages.list``."""
        query = check(MessageQuery, {"order": order, **page})
        conversation_id = self._place.known("conv", conversation_id)
        listing = self._place.listing("messages", {"conversation_id": conversation_id, "order": query.order})
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        part = await self._place.store.page_messages(self._place.tenant_id, conversation_id, window, order=query.order)
        return listing.page(part)

    async def list_behind(self, message: Message, *, order: str, limit: int) -> Page[Message]:
        """List the messages of the active path behind one, in either order."""
        query = check(MessageQuery, {"order": order, "limit": limit})
        listing = self._place.listing("messages", {"conversation_id": message.conversation_id, "order": query.order})
        window = Window(limit=query.limit, after=(message.seq,))
        part = await self._place.store.page_messages(
            self._place.tenant_id, message.conversation_id, window, order=query.order
        )
        return listing.page(part)

    async def rate(self, message_id: str, rating: int | None, *, feedback: str | None = None) -> Message:
        """See ``surface.Messages.rate``."""
        body = check(wire.MessageRate, {"rating": rating, "feedback": feedback})
        known = self._place.known("msg", message_id)
        return await self._place.store.rate_message(self._place.tenant_id, known, body.rating, body.feedback)

    async def delete(self, message_id: str) -> None:
        """See ``surface.Messages.delete``."""
        known = self._place.known("msg", message_id)
        gone = await self._place.store.delete_turn(self._place.tenant_id, known)
        self._place.engine.forsake(answer_ids=gone)
        await self._place.engine.recover()  # a turn that waited for a deleted one runs now

    async def restore(self, message_id: str) -> Message:
        """See ``surface.Messages.restore``."""
        return await self._place.store.restore_turn(self._place.tenant_id, self._place.known("msg", message_id))

    async def list_deleted(self, *, conversation_id: str | None = None, **page: Unpack[PageQuery]) -> Page[Message]:
        """See ``surface.Messages.list_deleted``."""
        query = check(DeletedMessageQuery, {"conversation_id": conversation_id, **page})
        listing = self._place.listing("deleted messages", {"conversation_id": query.conversation_id})
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        only = query.conversation_id
        part = await self._place.store.page_deleted_messages(self._place.tenant_id, window, conversation_id=only)
        return listing.page(part)

    async def search(self, q: str, *, bot_id: str | None = None, **page: Unpack[PageQuery]) -> Page[Message]:
        """See ``surface.Messages.search``."""
        query = check(WireSearchQuery, {"q": q, "bot_id": bot_id, **page})
        listing = self._place.listing("search", {"q": query.q, "bot_id": query.bot_id})
        window = listing.window(limit=query.limit, after=query.after, before=query.before)
        wanted = SearchQuery(text=query.q, bot_id=query.bot_id)
        return listing.page(await self._place.store.search_messages(self._place.tenant_id, wanted, window))


def _asked(given: dict[str, Any], enclosed: Sequence[Enclosed]) -> dict[str, Any]:
    """What makes a body the same: ``client_id`` is a place for the key, not a part of what is asked."""
    asked = {name: value for name, value in given.items() if name != "client_id"}
    return {**asked, "attachments": asked_with(enclosed)} if enclosed else asked


async def _split(options: SendOptions) -> tuple[str | None, dict[str, Any]]:
    fields = await with_files(options)
    return fields.pop("key", None), fields


def _name(opening: Opening, conversation_id: str) -> tuple[str, str]:
    match opening:
        case Continue():
            return "messages.send", conversation_id
        case Regenerate(answer_id=answer_id):
            return "messages.regenerate", answer_id
        case EditQuestion(message_id=message_id):
            return "messages.edit", message_id


def _in_turns(
    conversation_id: str, messages: Sequence[wire.AppendedMessage], images: Sequence[tuple[ImagePart, ...]]
) -> Sequence[AppendedMessage]:
    """Give a question and the answer right behind it one turn, every other message a turn of its own."""
    made: list[AppendedMessage] = []
    for message, seen in zip(messages, images, strict=True):
        asked = bool(made) and made[-1].role is Role.USER and message.role is Role.ASSISTANT
        made.append(
            AppendedMessage(
                message_id=child_id("msg", conversation_id),
                turn_id=made[-1].turn_id if asked else child_id("turn", conversation_id),
                role=message.role,
                parts=(TextPart(text=message.text), *seen),
            )
        )
    return made
