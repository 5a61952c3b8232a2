"""A conversation on its way in, and how it is put."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from palaver.clock import SystemClock, from_micros
from palaver.errors import Conflict, NotFound
from palaver.shelves import Batch
from palaver.stores.base import Store
from palaver.stores.records import (
    AttachmentRecord,
    BotRecord,
    ConversationRecord,
    EntityRecord,
    MessageRecord,
    Record,
    TurnRecord,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A conversation with all that it needs and all that is inside it, in the order in which it is put. Nothing has a place."""

    bot: BotRecord | None
    entity: EntityRecord | None
    conversation: ConversationRecord
    attachments: Sequence[AttachmentRecord]
    inside: Sequence[TurnRecord | MessageRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Puts conversations for one tenant."""

    store: Store
    tenant_id: str

    async def put(self, incoming: Incoming) -> bool:
        """Keep a conversation as it is said to be. False: it is there, and stays as it is.

        It is there as a whole or not at all: a long one, which is written in pieces, is hidden like a deleted one until its
        last piece is there. One that was cut goes on when it is put again; one that was deleted here comes back.

        Raises:
            Conflict: Its bot's name, its entity's external id or one of its ids is that of something else here.
        """
        conversation = incoming.conversation
        if await self._is_there(conversation.conversation.id):
            return False
        await self._put_needed(incoming)
        deleted_at = from_micros(SystemClock().micros())
        hidden = replace(conversation.conversation, deleted_at=deleted_at, head_turn_id=None)
        batch = Batch(self._put)
        await batch.add([replace(conversation, conversation=hidden, deletion=hidden.id)])
        for record in incoming.inside:
            await batch.add([record])
        await batch.add([conversation])
        await batch.flush()
        return True

    async def _put(self, records: Sequence[Record]) -> None:
        await self.store.put_records(self.tenant_id, records)

    async def _is_there(self, conversation_id: str) -> bool:
        try:
            await self.store.get_conversation(self.tenant_id, conversation_id)
        except NotFound:
            return False
        return True

    async def _put_needed(self, incoming: Incoming) -> None:
        if incoming.bot is not None:
            name = incoming.bot.bot.name
            trouble = (
                f"Something else here has the name or the id of the bot {name!r}: import into one of yours (bot_id)."
            )
            await self._need(incoming.bot, trouble)
        await self._check_bot(incoming.conversation.conversation.bot_id)
        if incoming.entity is not None:
            entity = incoming.entity.entity
            known = f"{entity.type.value} {entity.external_id!r}"
            await self._need(incoming.entity, f"Something else here has the external id or the id of {known}.")
        for attachment in incoming.attachments:
            await self._put([attachment])

    async def _check_bot(self, bot_id: str) -> None:
        try:
            await self.store.get_bot(self.tenant_id, bot_id)
        except NotFound:
            raise Conflict(
                f"{bot_id} is deleted here, or was never: restore it, or import into another (bot_id)."
            ) from None

    async def _need(self, record: Record, trouble: str) -> None:
        try:
            await self._put([record])
        except Conflict as error:
            raise Conflict(trouble) from error
