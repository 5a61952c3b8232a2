"""Titles that conversations get by themselves: the end of a turn gives one, and ``ConversationRows.title_conversation``."""

from __future__ import annotations

import asyncio

import pytest

from palaver.conversation import Conversation
from palaver.errors import NotFound
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import ConversationChange, ConversationFilter
from palaver.testing.stores.making import OTHER, OWNER, TENANT, claim_of, completed, make_conversation, running, waiting

_MADE = "Straße nach Übersee"


async def _now(store: Store, conversation: Conversation) -> Conversation:
    return await store.get_conversation(TENANT, conversation.id)


class TitleConformance:
    """A title that is made comes in where there is none, and never over one."""

    async def test_the_end_of_a_turn_gives_a_title(self, store: Store) -> None:
        """A conversation without a title has the outcome's once the turn has ended; its version is what it was."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await store.finish_turn(claim, completed("Hello.", title=_MADE), promote=None)
        titled = await _now(store, conversation)
        assert (titled.title, titled.version) == (_MADE, conversation.version)

    async def test_the_end_of_a_turn_leaves_a_title(self, store: Store) -> None:
        """A title that was given at the create stays; so does one that was given while the turn ran, and its version."""
        named = await make_conversation(store, title="Mine")
        await store.finish_turn(await running(store, named), completed("Hello.", title=_MADE), promote=None)
        assert (await _now(store, named)).title == "Mine"
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        renamed = await store.update_conversation(TENANT, conversation.id, ConversationChange(title="Renamed"))
        await store.finish_turn(claim, completed("Hello.", title=_MADE), promote=None)
        after = await _now(store, conversation)
        assert (after.title, after.version) == ("Renamed", renamed.version)

    async def test_the_end_of_a_turn_before_another_gives_a_title(self, store: Store) -> None:
        """So does the end of a turn that another one waits for, and the next one leaves it."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await waiting(store, conversation)
        finished = await store.finish_turn(claim, completed("Hello.", title=_MADE), promote=OWNER)
        await store.finish_turn(claim_of(finished), completed("Again.", title="Another"), promote=OWNER)
        assert (await _now(store, conversation)).title == _MADE

    async def test_an_end_without_a_title_changes_none(self, store: Store) -> None:
        """An outcome without a title leaves a conversation as it is: without one, or with its own."""
        for title in (None, "Mine"):
            conversation = await make_conversation(store, title=title)
            await store.finish_turn(await running(store, conversation), completed("Hello."), promote=None)
            assert (await _now(store, conversation)).title == title

    async def test_a_conversation_is_titled_once(self, store: Store) -> None:
        """Where there is none it is given, and the version stays; where there is one it stays, and is returned."""
        conversation = await make_conversation(store)
        titled = await store.title_conversation(TENANT, conversation.id, _MADE)
        assert (titled.title, titled.version) == (_MADE, conversation.version)
        assert await store.title_conversation(TENANT, conversation.id, "Another") == titled
        assert await _now(store, conversation) == titled

    async def test_a_title_that_was_taken_away_is_none(self, store: Store) -> None:
        """A conversation whose title a person took away can be titled again."""
        conversation = await make_conversation(store, title="Mine")
        await store.update_conversation(TENANT, conversation.id, ConversationChange(title=None))
        assert (await store.title_conversation(TENANT, conversation.id, _MADE)).title == _MADE

    async def test_a_rename_wins_whenever_it_comes(self, store: Store) -> None:
        """Of a rename and a title that is made at the same time the rename is what stays."""
        for _ in range(8):
            conversation = await make_conversation(store)
            claim = await running(store, conversation)
            await asyncio.gather(
                store.title_conversation(TENANT, conversation.id, _MADE),
                store.update_conversation(TENANT, conversation.id, ConversationChange(title="Mine")),
                store.finish_turn(claim, completed("Hello.", title=_MADE), promote=None),
            )
            assert (await _now(store, conversation)).title == "Mine"

    async def test_what_is_made_is_found(self, store: Store) -> None:
        """A title that was made is found by ``q`` in any case, whichever way it came."""
        first, second = await make_conversation(store), await make_conversation(store)
        await store.finish_turn(await running(store, first), completed("Hello.", title=_MADE), promote=None)
        await store.title_conversation(TENANT, second.id, _MADE)
        found = await store.page_conversations(TENANT, ConversationFilter(q="STRASSE nach"), Window())
        assert {each.id for each in found.data} == {first.id, second.id}

    async def test_only_what_is_there_is_titled(self, store: Store) -> None:
        """A foreign, an unknown and a deleted conversation are not found, and not titled."""
        conversation = await make_conversation(store)
        await store.ensure_tenant(OTHER)
        with pytest.raises(NotFound):
            await store.title_conversation(OTHER, conversation.id, _MADE)
        with pytest.raises(NotFound):
            await store.title_conversation(TENANT, "conv_unknown", _MADE)
        await store.delete_conversation(TENANT, conversation.id)
        with pytest.raises(NotFound):
            await store.title_conversation(TENANT, conversation.id, _MADE)
        assert (await store.restore_conversation(TENANT, conversation.id)).title is None
