"""End, archive, idle, delete, restore, purge; and attachments, which a purge must take along."""

from __future__ import annotations

import hashlib

import pytest

from palaver.attachment import Attachment
from palaver.clock import from_micros
from palaver.conversation import (
    Conversation,
    ConversationStatus,
    EndReason,
    ImagePart,
    InterruptReason,
    TextPart,
    TurnStatus,
)
from palaver.errors import KeyReused, NotFound, VersionConflict
from palaver.ids import child_id, new_id
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import BotChange, Continue, ConversationFilter, Ending, EntityDraft, Once, Question
from palaver.testing.clock import FakeClock
from palaver.testing.stores.making import (
    LEASE_SECONDS,
    OTHER,
    TENANT,
    answer_id_of,
    ask,
    completed,
    exchange,
    make_bot,
    make_conversation,
    once,
    path_of,
    purge_all,
    running,
    said,
    waiting,
)

DAY_SECONDS = 24 * 3600


class LifecycleConformance:
    """``active → ended → archived``, and back."""

    async def test_a_conversation_ends_with_how_it_was(self, store: Store, clock: FakeClock) -> None:
        """Reason, rating, feedback and time are kept."""
        conversation = await make_conversation(store)
        clock.advance(5)
        ending = Ending(reason=EndReason.BOT, rating=4, feedback="fine")
        ended = await store.end_conversation(TENANT, conversation.id, ending, if_version=1)
        assert (ended.status, ended.end_reason) == (ConversationStatus.ENDED, EndReason.BOT)
        assert (ended.rating, ended.feedback, ended.ended_at) == (4, "fine", from_micros(clock.micros()))
        assert ended.version > conversation.version
        assert await store.get_conversation(TENANT, conversation.id) == ended

    async def test_an_ended_conversation_stays_as_it_is(self, store: Store, clock: FakeClock) -> None:
        """To end it again changes nothing but a rating and a feedback that are given."""
        conversation = await make_conversation(store)
        ended = await store.end_conversation(TENANT, conversation.id, Ending(rating=4))
        clock.advance(5)
        assert await store.end_conversation(TENANT, conversation.id, Ending(reason=EndReason.ADMIN)) == ended
        rated = await store.end_conversation(TENANT, conversation.id, Ending(reason=EndReason.ADMIN, feedback="ok"))
        assert (rated.rating, rated.feedback) == (4, "ok")
        assert (rated.end_reason, rated.ended_at) == (ended.end_reason, ended.ended_at)

    @pytest.mark.parametrize("how", ["end", "archive"])
    async def test_open_turns_end_with_their_conversation(self, store: Store, how: str) -> None:
        """Running and queued turns are ended ``ended`` with their logged text, in the same step."""
        conversation = await make_conversation(store)
        claim = await running(store, conversation)
        await store.append_deltas([said(claim, "so far")])
        queued = await waiting(store, conversation)
        if how == "end":
            after = await store.end_conversation(TENANT, conversation.id, Ending())
        else:
            after = await store.set_status(TENANT, conversation.id, ConversationStatus.ARCHIVED)
        assert after.running_turn_id is None
        for turn_id in (claim.turn.id, queued.id):
            turn = await store.get_turn(TENANT, turn_id)
            assert (turn.status, turn.reason) == (TurnStatus.INTERRUPTED, InterruptReason.ENDED)
        assert (await store.watch_turns([claim])).stale == {claim.turn.id}
        assert await path_of(store, conversation) == ["Hello?", "so far", "Next?", ""]

    async def test_a_conversation_is_archived_and_reopened(self, store: Store) -> None:
        """Reopened, it is active and its end's reason and time are cleared; the same status again changes nothing."""
        conversation = await make_conversation(store)
        await store.end_conversation(TENANT, conversation.id, Ending(rating=2))
        archived = await store.set_status(TENANT, conversation.id, ConversationStatus.ARCHIVED)
        assert archived.status is ConversationStatus.ARCHIVED
        assert await store.set_status(TENANT, conversation.id, ConversationStatus.ARCHIVED) == archived
        active = await store.set_status(TENANT, conversation.id, ConversationStatus.ACTIVE)
        assert (active.status, active.end_reason, active.ended_at) == (ConversationStatus.ACTIVE, None, None)
        assert active.rating == 2
        assert await store.set_status(TENANT, conversation.id, ConversationStatus.ACTIVE) == active

    async def test_a_stale_change_of_status_is_refused(self, store: Store) -> None:
        """End, archive, reopen and delete of an older version change nothing."""
        conversation = await make_conversation(store)
        for call in (
            store.end_conversation(TENANT, conversation.id, Ending(), if_version=9),
            store.set_status(TENANT, conversation.id, ConversationStatus.ARCHIVED, if_version=9),
            store.delete_conversation(TENANT, conversation.id, if_version=9),
        ):
            with pytest.raises(VersionConflict):
                await call
        assert await store.get_conversation(TENANT, conversation.id) == conversation

    async def test_an_answer_is_activity(self, store: Store, clock: FakeClock) -> None:
        """A conversation is not idle for as long as its last turn ended within the minutes, however long that took."""
        conversation = await make_conversation(store, bot=await make_bot(store, idle_timeout_minutes=5))
        claim = await running(store, conversation, lease_seconds=600)
        clock.advance(250)
        await store.finish_turn(claim, completed("a"), promote=None)
        clock.advance(100)
        assert await store.end_idle(10) == 0
        clock.advance(201)
        assert await store.end_idle(10) == 1

    async def test_a_timeout_that_is_set_later_holds_for_what_is_there(self, store: Store, clock: FakeClock) -> None:
        """Setting a bot's idle timeout reaches the conversations it has; clearing it spares them."""
        bot = await make_bot(store)
        conversation = await make_conversation(store, bot=bot)
        clock.advance(3600)
        assert await store.end_idle(10) == 0
        await store.update_bot(TENANT, bot.id, BotChange(idle_timeout_minutes=5))
        await store.update_bot(TENANT, bot.id, BotChange(idle_timeout_minutes=None))
        assert await store.end_idle(10) == 0
        await store.update_bot(TENANT, bot.id, BotChange(idle_timeout_minutes=5))
        assert await store.end_idle(10) == 1
        ended = await store.get_conversation(TENANT, conversation.id)
        assert ended.end_reason is EndReason.IDLE

    async def test_idle_conversations_end(self, store: Store, clock: FakeClock) -> None:
        """Active conversations without activity for their bot's minutes end ``idle``; busy and fresh ones do not."""
        bot, patient = await make_bot(store, idle_timeout_minutes=5), await make_bot(store)
        idle = [await make_conversation(store, bot=bot) for _ in range(3)]
        busy, with_queue, forever = [await make_conversation(store, bot=each) for each in (bot, bot, patient)]
        await running(store, busy, lease_seconds=600)
        claim = await running(store, with_queue)
        await waiting(store, with_queue)
        await store.finish_turn(claim, completed("a"), promote=None)
        clock.advance(200)
        fresh = await make_conversation(store, bot=bot)
        assert await store.end_idle(10) == 0
        clock.advance(101)
        assert [await store.end_idle(2), await store.end_idle(2), await store.end_idle(2)] == [2, 1, 0]
        for each in idle:
            ended = await store.get_conversation(TENANT, each.id)
            assert (ended.status, ended.end_reason) == (ConversationStatus.ENDED, EndReason.IDLE)
        for each in (busy, with_queue, forever, fresh):
            assert (await store.get_conversation(TENANT, each.id)).status is ConversationStatus.ACTIVE


class DeletionConformance:
    """Delete, restore, purge."""

    async def test_a_delete_hides_all_that_is_under_a_conversation(self, store: Store) -> None:
        """Its turns and messages are not found; its open turns have ended ``deleted``."""
        conversation = await make_conversation(store)
        done = await exchange(store, conversation)
        claim = await running(store, conversation)
        assert list(await store.delete_conversation(TENANT, conversation.id)) == [claim.turn.id]
        assert (await store.append_deltas([said(claim, "x")])).stale == {claim.turn.id}
        for call in (
            store.get_conversation(TENANT, conversation.id),
            store.delete_conversation(TENANT, conversation.id),
            store.get_turn(TENANT, done.turn.id),
            store.read_log(TENANT, done.turn.id, after=0, limit=1),
            store.lineage(TENANT, done.turn.id, turns=1),
            store.get_message(TENANT, answer_id_of(done.turn)),
            store.delete_turn(TENANT, answer_id_of(done.turn)),
            store.begin_turn(TENANT, ask(conversation)),
        ):
            with pytest.raises(NotFound):
                await call
        assert list((await store.page_turns(TENANT, None, Window())).data) == []

    async def test_a_restore_brings_it_back_as_it_was(self, store: Store) -> None:
        """A restored conversation is what it was, with all that is under it; to restore it again changes nothing."""
        conversation = await make_conversation(store, title="x")
        await exchange(store, conversation)
        before = await store.get_conversation(TENANT, conversation.id)
        await store.delete_conversation(TENANT, conversation.id)
        assert await store.restore_conversation(TENANT, conversation.id) == before
        assert await store.restore_conversation(TENANT, conversation.id) == before
        assert await path_of(store, conversation) == ["Hello?", "Hello."]
        await exchange(store, conversation)

    async def test_a_purge_takes_what_was_deleted_long_ago(self, store: Store, clock: FakeClock) -> None:
        """Only what was deleted before the given age is purged, and it can't be restored any more."""
        old, young, live = [await make_conversation(store) for _ in range(3)]
        for each in (old, young, live):
            await exchange(store, each)
        await store.delete_conversation(TENANT, old.id)
        clock.advance(60)
        await store.delete_conversation(TENANT, young.id)
        clock.advance(60)
        await purge_all(store, older_than_seconds=90)
        with pytest.raises(NotFound):
            await store.restore_conversation(TENANT, old.id)
        assert (await store.restore_conversation(TENANT, young.id)).id == young.id
        for each in (young, live):
            assert await path_of(store, each) == ["Hello?", "Hello."]

    async def test_a_purge_goes_in_steps(self, store: Store) -> None:
        """Each call removes a little; together they remove everything; then there is nothing more to do."""
        bot = await make_bot(store)
        for _ in range(4):
            conversation = await make_conversation(store, bot=bot)
            for _ in range(4):
                claim = await running(store, conversation)
                await store.append_deltas([said(claim, *"abcdef")])
                await store.finish_turn(claim, completed("abcdef"), promote=None)
        await store.delete_bot(TENANT, bot.id)
        assert await purge_all(store, limit=5) > 10
        assert await store.purge(deleted_before_seconds=0, limit=5) == 0
        assert list((await store.page_bots(TENANT, Window(), deleted=True)).data) == []
        assert list((await store.page_conversations(TENANT, ConversationFilter(deleted=True), Window())).data) == []

    async def test_nothing_is_restored_in_pieces(self, store: Store) -> None:
        """Once a purge has begun to remove a conversation, it can't be restored, nor is it listed among those that can."""
        conversation = await make_conversation(store)
        for _ in range(4):
            await exchange(store, conversation)
        await store.delete_conversation(TENANT, conversation.id)
        assert await store.purge(deleted_before_seconds=0, limit=3)
        with pytest.raises(NotFound):
            await store.restore_conversation(TENANT, conversation.id)
        assert list((await store.page_conversations(TENANT, ConversationFilter(deleted=True), Window())).data) == []

    async def test_a_purged_turn_leaves_the_others(self, store: Store) -> None:
        """Purging a deleted turn changes nothing that can be read."""
        conversation = await make_conversation(store)
        turns = [(await exchange(store, conversation, f"q{number}", f"a{number}")).turn for number in range(3)]
        await store.delete_turn(TENANT, answer_id_of(turns[1]))
        before = await store.get_conversation(TENANT, conversation.id)
        await purge_all(store)
        assert await store.get_conversation(TENANT, conversation.id) == before
        assert await path_of(store, conversation) == ["q0", "a0", "q2", "a2"]
        await exchange(store, conversation)

    async def test_a_key_of_something_purged_is_free(self, store: Store) -> None:
        """The key of a purged create makes something new."""
        conversation = await make_conversation(store)
        order = ask(conversation, once=once("a", "k"))
        claim = (await store.begin_turn(TENANT, order)).claim
        assert claim is not None
        await store.delete_turn(TENANT, order.answer_id)
        with pytest.raises(NotFound):
            await store.begin_turn(TENANT, ask(conversation, once=once("a", "k")))
        await purge_all(store)
        assert not (await store.begin_turn(TENANT, ask(conversation, once=once("a", "k")))).replayed


def upload(clock: FakeClock, content: bytes, *, name: str = "a.png") -> Attachment:
    """A reference to bytes."""
    return Attachment(
        id=new_id("att"),
        name=name,
        media_type="image/png",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=from_micros(clock.micros()),
    )


async def send_image(store: Store, attachment: Attachment, conversation: Conversation | None = None) -> str:
    """Send an image, in a conversation of its own where none is given. Returns the conversation's id."""
    conversation = conversation or await make_conversation(store)
    parts = (ImagePart(attachment_id=attachment.id, media_type="image/png"), TextPart(text="What is it?"))
    question = Question(message_id=child_id("msg", conversation.id), parts=parts)
    claim = await running(store, conversation, opening=Continue(question=question), lease_seconds=LEASE_SECONDS)
    await store.finish_turn(claim, completed("A cat."), promote=None)
    return conversation.id


class AttachmentConformance:
    """Bytes, by reference and hash."""

    async def test_bytes_in_are_bytes_out(self, store: Store, clock: FakeClock) -> None:
        """A reference and its bytes come back as they were."""
        for content in (b"", bytes(range(256)) * 1000):
            attachment = upload(clock, content, name="é \U0001f600.png")
            assert (await store.put_attachment(TENANT, attachment, content)).value == attachment
            assert await store.get_attachment(TENANT, attachment.id) == (attachment, content)

    async def test_a_foreign_attachment_is_not_found(self, store: Store, clock: FakeClock) -> None:
        """Another tenant's reference answers like an unknown one, also when that tenant has the same bytes."""
        attachment = upload(clock, b"x")
        await store.put_attachment(TENANT, attachment, b"x")
        await store.put_attachment(OTHER, upload(clock, b"x"), b"x")
        for attachment_id in (attachment.id, new_id("att")):
            with pytest.raises(NotFound):
                await store.get_attachment(OTHER, attachment_id)

    async def test_a_purge_takes_bytes_that_nothing_refers_to(self, store: Store, clock: FakeClock) -> None:
        """The bytes go with the last message that refers to them, not before."""
        first, second = upload(clock, b"same"), upload(clock, b"same")
        for attachment in (first, second):
            await store.put_attachment(TENANT, attachment, b"same")
        conversations = [await send_image(store, each) for each in (first, first, second)]
        await store.delete_conversation(TENANT, conversations[0])
        await purge_all(store)
        assert (await store.get_attachment(TENANT, first.id))[1] == b"same"
        await store.delete_conversation(TENANT, conversations[1])
        await purge_all(store)
        with pytest.raises(NotFound):
            await store.get_attachment(TENANT, first.id)
        assert (await store.get_attachment(TENANT, second.id))[1] == b"same"

    async def test_an_upload_that_is_never_sent_is_given_up(self, store: Store, clock: FakeClock) -> None:
        """After a day at least, a purge takes bytes that no message ever referred to."""
        attachment = upload(clock, b"x")
        await store.put_attachment(TENANT, attachment, b"x")
        await purge_all(store)
        await store.get_attachment(TENANT, attachment.id)
        clock.advance(DAY_SECONDS + 1)
        await purge_all(store)
        with pytest.raises(NotFound):
            await store.get_attachment(TENANT, attachment.id)

    async def test_an_upload_is_made_once_with_a_key(self, store: Store, clock: FakeClock) -> None:
        """The same key returns the reference that it made, with another body it is refused, and a purge frees it."""
        first, key = upload(clock, b"x"), once("upload")
        assert not (await store.put_attachment(TENANT, first, b"x", key)).replayed
        again = await store.put_attachment(TENANT, upload(clock, b"x"), b"x", key)
        assert (again.value, again.replayed) == (first, True)
        with pytest.raises(KeyReused):
            await store.put_attachment(TENANT, upload(clock, b"y"), b"y", Once(key=key.key, fingerprint=b"other"))
        assert not (await store.put_attachment(OTHER, upload(clock, b"x"), b"x", key)).replayed
        clock.advance(DAY_SECONDS + 1)
        await purge_all(store)
        assert not (await store.put_attachment(TENANT, upload(clock, b"x"), b"x", key)).replayed

    async def test_an_attachment_is_shown_where_a_message_shows_it(self, store: Store, clock: FakeClock) -> None:
        """Before a message refers to it, and as long as one does that is not deleted; to an entity only by its own."""
        attachment = upload(clock, b"x")
        await store.put_attachment(TENANT, attachment, b"x")
        assert await store.shows_attachment(TENANT, attachment.id)
        talk = await make_conversation(store, entity=EntityDraft(id=new_id("ent")))
        assert talk.entity is not None
        visitor = {"bot_id": talk.bot_id, "entity_id": talk.entity.id}
        others = ({**visitor, "bot_id": new_id("bot")}, {**visitor, "entity_id": new_id("ent")})
        assert not await store.shows_attachment(TENANT, attachment.id, **visitor)
        await send_image(store, attachment, talk)
        elsewhere = await send_image(store, attachment)
        assert await store.shows_attachment(TENANT, attachment.id, **visitor)
        for each in others:
            assert not await store.shows_attachment(TENANT, attachment.id, **each)
        assert not await store.shows_attachment(OTHER, attachment.id)
        assert not await store.shows_attachment(TENANT, new_id("att"))
        question = (await store.page_messages(TENANT, talk.id, Window())).data[0]
        await store.delete_turn(TENANT, question.id)
        assert not await store.shows_attachment(TENANT, attachment.id, **visitor)
        assert await store.shows_attachment(TENANT, attachment.id)
        await store.delete_conversation(TENANT, elsewhere)
        assert not await store.shows_attachment(TENANT, attachment.id)
        await store.restore_conversation(TENANT, elsewhere)
        assert await store.shows_attachment(TENANT, attachment.id)
        bot_id = (await store.get_conversation(TENANT, elsewhere)).bot_id
        await store.delete_bot(TENANT, bot_id)
        assert not await store.shows_attachment(TENANT, attachment.id)
