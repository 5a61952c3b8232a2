"""Exports and imports: the same on every store, and back again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from palaver.conversation import ConversationStatus, Role
from palaver.errors import Conflict
from palaver.exports.base import Format, Rows
from palaver.exports.exporting import Exporter
from palaver.imports.incoming import Importer
from palaver.stores.base import Store
from palaver.stores.orders import BotDraft, ConversationFilter
from palaver.testing.clock import FakeClock
from palaver.testing.stores.making import OTHER, TENANT, exchange, make_bot, make_conversation, running
from palaver.testing.stores.messages import appended
from palaver.testing.stores.records import Beside
from palaver.testing.stores.world import furnish
from palaver.transfer import copy
from palaver.wire.lines import incoming


async def exported(
    store: Store,
    wanted: Format = Format.JSONL,
    rows: Rows = Rows.MESSAGES,
    which: ConversationFilter = ConversationFilter(),  # noqa: B008  # a frozen value
) -> bytes:
    """Return the file of all conversations that fit."""
    exporter = Exporter(store=store, tenant_id=TENANT)
    async with aclosing(exporter.all(which, wanted, rows).parts) as parts:
        return b"".join([part async for part in parts])


def lines_of(file: bytes) -> Sequence[Mapping[str, Any]]:
    """Return the lines of a JSONL file."""
    return [json.loads(line) for line in file.splitlines()]


async def imported(store: Store, file: bytes, tenant_id: str = TENANT) -> list[bool]:
    """Import a file; return which of its conversations were new."""
    importer = Importer(store=store, tenant_id=tenant_id)
    return [await importer.put(each) for each in incoming(lines_of(file))]


class ExportConformance(Beside):
    """What goes out, and what comes in."""

    @pytest.mark.parametrize("way", ["from", "to"])
    async def test_an_import_exports_to_the_same_bytes(
        self, store: Store, other: Store, clock: FakeClock, way: str
    ) -> None:
        """Branches, ratings, citations, images, errors, times and ids included (I19); a second import changes nothing."""
        source, target = (store, other) if way == "from" else (other, store)
        await furnish(source, clock)
        file = await exported(source)
        assert {line["line"] for line in lines_of(file)} == {
            "schema",
            "bot",
            "conversation",
            "turn",
            "message",
            "attachment",
        }
        assert all(await imported(target, file))
        assert await exported(target) == file
        assert not any(await imported(target, file))
        assert await exported(target) == file

    async def test_every_store_exports_the_same(self, store: Store, other: Store, clock: FakeClock) -> None:
        """In every format, of the same conversations."""
        await furnish(other, clock)
        await copy(other, store)
        for wanted in Format:
            assert await exported(store, wanted) == await exported(other, wanted), wanted
        for rows in Rows:
            assert await exported(store, Format.CSV, rows) == await exported(other, Format.CSV, rows), rows

    async def test_a_long_conversation_comes_in_whole(self, store: Store, other: Store) -> None:
        """One that is put in pieces, and one whose import was cut: it is hidden until its last piece is there."""
        chat = await make_conversation(other)
        for number in range(40):
            lines = appended(
                chat, (Role.USER, f"question {number} " * 500), (Role.ASSISTANT, f"answer {number} " * 500)
            )
            await other.append_messages(TENANT, chat.id, lines)
        file = await exported(other)
        (whole,) = incoming(lines_of(file))
        cut = _CutStore(store, calls=2)
        with pytest.raises(_Cut):
            await Importer(store=cut, tenant_id=TENANT).put(whole)  # type: ignore[arg-type]  # as far as it is used
        assert await exported(store) == file.splitlines(keepends=True)[0]
        assert await imported(store, file) == [True]
        assert await exported(store) == file

    async def test_an_open_turn_is_no_history_yet(self, store: Store) -> None:
        """It is in no JSONL; the conversation before it is."""
        chat = await make_conversation(store)
        await exchange(store, chat, "first?", "first.")
        await running(store, chat, "second?")
        lines = lines_of(await exported(store))
        assert [line["text"] for line in lines if line["line"] == "message"] == ["first?", "first."]

    async def test_what_is_taken_here_is_not_overwritten(self, store: Store, other: Store) -> None:
        """A bot of the same name, and another tenant's conversation, are a ``Conflict``; nothing of the conversation is there."""
        bot = await make_bot(other, name="Helper")
        chat = await make_conversation(other, bot=bot)
        await exchange(other, chat)
        file = await exported(other)
        await store.create_bot(
            TENANT, BotDraft(id=bot.id[:-1] + ("0" if bot.id[-1] != "0" else "1"), name="Helper", model="x")
        )
        with pytest.raises(Conflict, match="Helper"):
            await imported(store, file)
        assert await exported(store) == file.splitlines(keepends=True)[0]
        await store.ensure_tenant(OTHER)
        assert await imported(store, file, OTHER) == [True]

    async def test_only_what_fits_is_exported(self, store: Store) -> None:
        """Filters are those of the list of conversations; deleted ones never are."""
        bot = await make_bot(store)
        kept, gone, other = [await make_conversation(store, bot=each) for each in (bot, bot, await make_bot(store))]
        await store.delete_conversation(TENANT, gone.id)
        ended = ConversationFilter(status=ConversationStatus.ENDED)
        for which, wanted in (
            (ConversationFilter(), [kept.id, other.id]),
            (ConversationFilter(bot_id=bot.id), [kept.id]),
            (ended, []),
        ):
            lines = lines_of(await exported(store, which=which))
            assert [line["id"] for line in lines if line["line"] == "conversation"] == wanted


class _Cut(Exception):
    """The process died."""


class _CutStore:
    """A store that dies after some writes."""

    def __init__(self, store: Store, calls: int) -> None:
        self._calls = calls
        self.get_bot, self.get_conversation = store.get_bot, store.get_conversation
        self._put = store.put_records

    async def put_records(self, tenant_id: str, records: Any) -> None:
        """Write, or die."""
        if not self._calls:
            raise _Cut
        self._calls -= 1
        await self._put(tenant_id, records)
