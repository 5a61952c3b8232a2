"""Past conversations, as knowledge: one run of a bot at a time, and what it would use.

The mark of a conversation (``trained_ids``) names the training documents that have its turns. It counts while all of them are
ready and live, and as long as nothing has happened in the conversation since the last of them was begun: what happens takes
it back without looking at it. So a run goes through the conversations without a mark, and through those that name a document
which does not count; marks that count are never met.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from palaver.clock import from_micros
from palaver.conversation import ConversationStatus, TurnStatus
from palaver.document import DocumentStatus
from palaver.page import Slice, Window
from palaver.stores.documents import CUT, new_run, training_in_progress
from palaver.stores.knowledge_orders import DocumentDraft, Ingestion, Pair, TrainingFilter
from palaver.stores.pairs import is_wanted, pair_of
from palaver.stores.redis.access import Access
from palaver.stores.redis.alike import keys_alike
from palaver.stores.redis.bots import live_bot
from palaver.stores.redis.chunks import found_chunks
from palaver.stores.redis.claims import find_claim, owner_of, take
from palaver.stores.redis.indexes import Walk, all_of
from palaver.stores.redis.ingestion import claimed, give_up, granted
from palaver.stores.redis.marks import mark, notes_key
from palaver.stores.redis.paths import TURNS
from palaver.stores.redis.places import take_place
from palaver.stores.redis.session import Session
from palaver.stores.redis.stored import StoredConversation, StoredDocument, StoredMessage, StoredTurn, id_of, is_ready
from palaver.stores.redis.taught import taught_before, teachers_of
from palaver.stores.redis.values import bot, conversation, document, message, stored_document

_CHATS_AT_ONCE = 25
_TURNS_AT_ONCE = 50
_STRETCHES_A_CALL = 20
"""After so many a page ends, however few it found."""


class RedisTraining(Access):
    """``stores.knowledge.TrainingRows``"""

    async def begin_training(self, tenant_id: str, draft: DocumentDraft, owner: str, lease_seconds: float) -> Ingestion:
        lease_micros = int(lease_seconds * 1_000_000)
        return await self._run(lambda db: _begin(db, tenant_id, draft, owner, lease_micros), draft.bot_id)

    async def page_untrained(self, tenant_id: str, wanted: TrainingFilter, window: Window) -> Slice[Pair]:
        return await self._run(partial(_page, tenant_id=tenant_id, wanted=wanted, window=window))

    async def alike_fingerprints(self, tenant_id: str, bot_id: str, fingerprints: Sequence[str]) -> frozenset[str]:
        return await self._run(partial(_alike, tenant_id=tenant_id, bot_id=bot_id, fingerprints=fingerprints))

    async def mark_trained(self, claim: Ingestion, conversation_ids: Sequence[str]) -> None:
        await self._run(partial(claimed, claim=claim))
        for conversation_id in conversation_ids:
            await self._run(partial(_mark, claim=claim, conversation_id=conversation_id), conversation_id)


def run_name(bot_id: str) -> str:
    """The name of the claim of a bot's only run."""
    return f"training:{bot_id}"


async def _begin(db: Session, tenant_id: str, draft: DocumentDraft, owner: str, lease_micros: int) -> Ingestion:
    owning = await live_bot(db, tenant_id, draft.bot_id)
    claim = await find_claim(db, run_name(owning.id))
    before = await owner_of(db, claim, StoredDocument, lambda _: True)
    if before is not None and before.status == DocumentStatus.PROCESSING and before.deleted_at is None:
        if (before.lease_until or 0) >= db.now:
            raise training_in_progress()
        give_up(db, before, CUT)
    take(db, run_name(owning.id), draft.id, claim)
    made = stored_document(tenant_id, await take_place(db, StoredDocument), new_run(draft, from_micros(db.now)), None)
    run = granted(db, made, owner, lease_micros)
    db.put(run)
    return Ingestion(tenant_id=tenant_id, document=document(run), bot=bot(owning), fence=run.fence)


async def _alike(db: Session, tenant_id: str, bot_id: str, fingerprints: Sequence[str]) -> frozenset[str]:
    await live_bot(db, tenant_id, bot_id)
    near = await keys_alike(db, bot_id, fingerprints)
    hits = await found_chunks(db, tenant_id, bot_id, list(dict.fromkeys(chain.from_iterable(near.values()))))
    live = {hit.chunk.key for hit in hits}
    return frozenset(fingerprint for fingerprint, keys in near.items() if not live.isdisjoint(keys))


async def _mark(db: Session, claim: Ingestion, conversation_id: str) -> None:
    kept = await db.find_conversation(conversation_id)  # before any document: see marks.py
    run = await claimed(db, claim)
    if kept is not None and (kept.tenant_id, kept.bot_id) == (run.tenant_id, run.bot_id):
        teachers = await teachers_of(db, conversation_id, run.created_at)
        if teachers is not None:
            mark(db, kept, (*(each for each in teachers if each != run.id), run.id), run.created_at)


# What a run would use


class _Place(NamedTuple):
    """A place on the way through a bot's conversations: behind a turn, by its index, of the one that was made ``n``th."""

    n: int
    turn: int


class _Stretch(NamedTuple):
    """Some turns on the way with their conversations, and where to go on (None: it ends here)."""

    turns: Sequence[tuple[StoredConversation, StoredTurn]]
    end: _Place | None


async def _page(db: Session, tenant_id: str, wanted: TrainingFilter, window: Window) -> Slice[Pair]:
    await live_bot(db, tenant_id, wanted.bot_id)
    ways = await _ways(db, wanted.bot_id)
    place: _Place | None = _Place(*(int(each or 0) for each in window.after or (0, 0)))
    found: list[tuple[_Place, Pair]] = []
    for _ in range(_STRETCHES_A_CALL):
        if place is None or len(found) > window.limit:
            break
        stretch = await _stretch(db, wanted.bot_id, ways, place)
        found += await _pairs(db, stretch.turns, wanted)
        place = stretch.end
    shown = found[: window.limit]
    behind = shown[-1][0] if len(found) > window.limit else place
    return Slice(data=tuple(pair for _, pair in shown), next=behind)


async def _ways(db: Session, bot_id: str) -> Sequence[str]:
    """Return the lists that together lead to every conversation whose mark does not count."""
    walk = Walk(StoredDocument, f"documents.void:{bot_id}", ascending=True)
    runs = await walk.find(db, None, sys.maxsize, all_of)
    return [db.keys.index(f"conversations.untrained:{bot_id}"), *(notes_key(db.keys, each.thing.id) for each in runs)]


async def _stretch(db: Session, bot_id: str, ways: Sequence[str], place: _Place) -> _Stretch:
    reads = (("ZRANGEBYSCORE", way, place.n, "+inf", "LIMIT", 0, _CHATS_AT_ONCE) for way in ways)
    met = sorted({member for members in await db.ask(*reads) for member in members})[:_CHATS_AT_ONCE]
    chats = await db.find_all(StoredConversation, [id_of(member) for member in met])
    gone = [member for member, chat in zip(met, chats, strict=True) if chat is None]
    await db.ask(*(("ZREM", way, *gone) for way in ways if gone))
    end = _Place(int(met[-1].partition(b":")[0]) + 1, 0) if len(met) == _CHATS_AT_ONCE else None
    live = [each for each in chats if each is not None and each.deleted_at is None and each.bot_id == bot_id]
    return await _turns(db, await _untrained(db, live), place, end)


async def _untrained(db: Session, chats: Sequence[StoredConversation]) -> Sequence[StoredConversation]:
    """Return conversations whose mark does not count."""
    named = list(dict.fromkeys(each for chat in chats if chat.is_marked for each in chat.trained_ids))
    runs = await db.find_all(StoredDocument, named)
    ready = {each.id for each in runs if each is not None and is_ready(each)}
    return [chat for chat in chats if not (chat.is_marked and ready.issuperset(chat.trained_ids))]


async def _turns(db: Session, chats: Sequence[StoredConversation], place: _Place, end: _Place | None) -> _Stretch:
    """Return turns of conversations from a place on; a long conversation ends the stretch."""
    after = [place.turn if chat.n == place.n else 0 for chat in chats]
    reads = (
        ("ZRANGEBYSCORE", db.keys.of(TURNS, chat.id), f"({index}", "+inf", "LIMIT", 0, _TURNS_AT_ONCE)
        for chat, index in zip(chats, after, strict=True)
    )
    found: list[tuple[StoredConversation, StoredTurn]] = []
    for chat, ids in zip(chats, await db.ask(*reads), strict=True):
        turns = await db.find_all(StoredTurn, [each.decode() for each in ids])
        found += [(chat, turn) for turn in turns if turn is not None]
        if len(ids) == _TURNS_AT_ONCE:
            return _Stretch(found, _Place(chat.n, found[-1][1].index))
    return _Stretch(found, end)


async def _pairs(
    db: Session, turns: Sequence[tuple[StoredConversation, StoredTurn]], wanted: TrainingFilter
) -> Sequence[tuple[_Place, Pair]]:
    """Return the pairs that a run uses."""
    done = [each for each in turns if each[1].status == TurnStatus.COMPLETED and each[1].deleted_at is None]
    asked = await db.find_all(StoredMessage, [turn.question_id for _, turn in done])
    said = await db.find_all(StoredMessage, [turn.answer_id for _, turn in done])
    pairs = [
        (chat, turn, pair_of(conversation(chat, None), message(question), message(answer)))
        for (chat, turn), question, answer in zip(done, asked, said, strict=True)
        if question is not None and answer is not None
    ]
    fit = [each for each in pairs if is_wanted(each[2], ConversationStatus(each[0].status), wanted)]
    known = await taught_before(db, [turn for _, turn, _ in fit])
    return [(_Place(chat.n, turn.index), pair) for chat, turn, pair in fit if turn.id not in known]
