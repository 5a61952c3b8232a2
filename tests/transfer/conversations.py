"""Stores with many messages, made quickly."""

from __future__ import annotations

from palaver.conversation import Role
from palaver.stores.base import Store
from palaver.testing.stores.making import TENANT, make_bot, make_conversation, running, said, stopped
from palaver.testing.stores.messages import appended

AT_ONCE = 500


async def fill(store: Store, *, conversations: int, messages: int, text: str = "a few words ") -> None:
    """Make conversations of so many messages each, and a streamed turn at the end of each."""
    bot = await make_bot(store)
    for _ in range(conversations):
        conversation = await make_conversation(store, bot=bot)
        for begun in range(0, messages, AT_ONCE):
            pairs = range(begun, min(messages, begun + AT_ONCE), 2)
            lines = [line for pair in pairs for line in ((Role.USER, f"{text}{pair}"), (Role.ASSISTANT, text * 4))]
            await store.append_messages(TENANT, conversation.id, appended(conversation, *lines))
        claim = await running(store, conversation)
        await store.append_deltas([said(claim, *(["word "] * 10))])
        await store.finish_turn(claim, stopped("word " * 10), promote=None)
