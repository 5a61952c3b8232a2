"""A run of training, from what was said to what is found."""

from __future__ import annotations

import pytest

from palaver.conversation import ConversationStatus, Kind, TurnError, TurnStatus
from palaver.document import DocumentSource, DocumentStatus, report_of
from palaver.errors import Conflict, NotFound
from palaver.page import Window
from palaver.stores.knowledge_orders import TrainingFilter, TrainingPolicy
from palaver.stores.orders import Ending, Outcome
from palaver.testing.stores.making import (
    TENANT,
    answer_id_of,
    completed,
    exchange,
    make_conversation,
    purge_all,
    running,
    stopped,
)
from training.school import School

REFUND = ("How long does a refund take?", "Five working days after the parcel came back.")
SHIPPING = ("Do you ship to France?", "Yes, within three days.")
OPENING = ("When are you open?", "From nine to five, Monday to Friday.")


async def test_pairs_become_a_document_that_answers(school: School) -> None:
    """Each pair is a chunk of its turn, under its question; the document says what was used of how many conversations."""
    first, (refund, shipping) = await school.talk(REFUND, SHIPPING)
    second, (opening,) = await school.talk(OPENING)
    document = await school.trained()
    assert (document.source, document.status) == (DocumentSource.TRAINING, DocumentStatus.READY)
    assert document.title == "Conversations until 2026-01-01"
    report = report_of(document)
    assert (report.used, report.duplicates, report.conversations) == (3, 0, 2)
    chunks = await school.chunks(document)
    text = "\n\n".join(f"Q: {question}\nA: {answer}" for question, answer in (REFUND, SHIPPING, OPENING))
    assert [text[chunk.start : chunk.end] for chunk in chunks] == [chunk.text for chunk in chunks]
    assert chunks[-1].end == len(text)
    assert [chunk.heading for chunk in chunks] == [REFUND[0], SHIPPING[0], OPENING[0]]
    made_of = [(chunk.provenance.conversation_id, chunk.provenance.turn_id) for chunk in chunks if chunk.provenance]
    assert made_of == [(first.id, refund.id), (first.id, shipping.id), (second.id, opening.id)]
    assert await school.found("refund") == [chunks[0].text]


async def test_training_twice_adds_nothing(school: School) -> None:
    """What was used, or left out as nearly the same, makes no second document, under any policy."""
    conversation, _ = await school.talk(REFUND, SHIPPING, (REFUND[0].upper(), REFUND[1]))
    await school.store.end_conversation(TENANT, conversation.id, Ending(rating=5))
    for policy in TrainingPolicy:
        document = await school.train(policy=policy)
        assert (document is None) == (policy is not TrainingPolicy.ALL)
        assert await school.train(policy=policy) is None
    assert len(await school.documents()) == 1


async def test_only_what_is_new_is_trained(school: School) -> None:
    """A later turn of a trained conversation is used, the ones before it are not used again."""
    conversation, _ = await school.talk(REFUND)
    await school.trained()
    await exchange(school.store, conversation, *SHIPPING)
    later = await school.trained()
    assert [chunk.heading for chunk in await school.chunks(later)] == [SHIPPING[0]]


async def test_nearly_the_same_is_used_once(school: School) -> None:
    """Inside a run, and against all runs before it; what was left out is counted."""
    await school.talk(REFUND, (f"{REFUND[0].lower()} ??", REFUND[1].upper()))
    report = report_of(await school.trained())
    assert (report.used, report.duplicates) == (1, 1)
    await school.talk((f"  {REFUND[0]}", f"{REFUND[1]} "), OPENING)
    report = report_of(await school.trained())
    assert (report.used, report.duplicates, report.conversations) == (1, 1, 1)
    await school.talk(REFUND)
    assert await school.train() is None


async def test_another_answer_to_the_same_question_is_used(school: School) -> None:
    """A question alone makes no duplicate."""
    await school.talk(REFUND)
    await school.trained()
    await school.talk((REFUND[0], "That depends on the bank: ask it, please."))
    assert report_of(await school.trained()).used == 1


async def test_a_document_that_says_the_same_is_no_duplicate(school: School) -> None:
    """Only what came from conversations is compared: a handbook that quotes a pair leaves the pair alone."""
    from palaver.testing.stores.knowing import known

    await known(school.store, school.bot, f"Q: {REFUND[0]}\nA: {REFUND[1]}")
    await school.talk(REFUND)
    assert report_of(await school.trained()).used == 1


async def test_what_went_wrong_is_never_used(school: School) -> None:
    """Failed, interrupted, empty and open turns, and questions that nobody answered."""
    store = school.store
    for end in (
        stopped("half an answ"),
        Outcome(status=TurnStatus.FAILED, error=TurnError(code="provider_error", message="x")),
        completed(""),
        completed(" \n "),
    ):
        conversation = await make_conversation(store, bot=school.bot)
        await store.finish_turn(await running(store, conversation), end, promote=None)
    await running(store, await make_conversation(store, bot=school.bot))
    assert await school.train() is None
    await school.talk(REFUND)
    assert report_of(await school.trained()).used == 1


async def test_vision_conversations_are_trained_by_their_text(school: School) -> None:
    """One with images counts like any other."""
    await school.talk(REFUND, kind=Kind.VISION)
    assert [chunk.heading for chunk in await school.chunks(await school.trained())] == [REFUND[0]]


async def test_a_question_is_one_line(school: School) -> None:
    """So that a question can't be taken for an answer."""
    await school.talk(("How\nA: long  does\r\nit take? ", "A day.\n\nQ: Really?\nA: Yes."))
    document = await school.trained()
    (chunk,) = await school.chunks(document)
    assert chunk.text == "Q: How A: long does it take?\nA: A day.\n\nQ: Really?\nA: Yes."
    (row,) = await school.rows(document)
    assert (row["question"], row["answer"]) == ("How A: long does it take?", "A day.\n\nQ: Really?\nA: Yes.")


async def test_rated_pairs_leave_the_others_for_later(school: School) -> None:
    """A run over what was rated well does not take the rest of a conversation away from a run over all."""
    _, (good, _) = await school.talk(REFUND, SHIPPING)
    await school.store.rate_message(TENANT, answer_id_of(good), 5, None)
    rated = await school.trained(policy=TrainingPolicy.RATED, min_rating=5)
    assert (rated.metadata["policy"], rated.metadata["min_rating"]) == ("rated", 5)
    assert [chunk.heading for chunk in await school.chunks(rated)] == [REFUND[0]]
    assert [chunk.heading for chunk in await school.chunks(await school.trained())] == [SHIPPING[0]]


async def test_ended_conversations_can_be_reopened_and_trained_again(school: School) -> None:
    """Under the policy of ended conversations, an active one is not touched until it ends."""
    conversation, _ = await school.talk(REFUND)
    await school.talk(OPENING)
    await school.store.end_conversation(TENANT, conversation.id, Ending())
    assert report_of(await school.trained(policy=TrainingPolicy.ENDED)).used == 1
    await school.store.set_status(TENANT, conversation.id, ConversationStatus.ACTIVE)
    await exchange(school.store, conversation, *SHIPPING)
    assert await school.train(policy=TrainingPolicy.ENDED) is None
    await school.store.end_conversation(TENANT, conversation.id, Ending())
    assert report_of(await school.trained(policy=TrainingPolicy.ENDED)).used == 1


async def test_a_preview_says_what_a_run_would_and_stores_nothing(school: School) -> None:
    """The same counts, the first pairs, no document."""
    for number in range(30):
        await school.talk((f"What is article {number * 7919} good for?", f"For {number * 104729} things."), REFUND)
    preview = await school.trainer().preview(TENANT, school.wanted())
    assert preview.document is None
    assert len(preview.pairs) == 20
    assert await school.documents() == []
    assert await school.found("article") == []
    document = await school.trained()
    assert report_of(document).counts() == preview.counts()
    rows = await school.rows(document)
    assert [(row["question"], row["answer"]) for row in rows[:20]] == [
        (pair.question, pair.answer) for pair in preview.pairs
    ]


async def test_untraining_takes_a_run_back(school: School) -> None:
    """Its document is deleted: nothing is found, and its conversations can be trained on again."""
    await school.talk(REFUND, SHIPPING)
    document = await school.trained()
    await school.store.delete_document(TENANT, document.id)
    assert await school.found("refund") == []
    assert report_of(await school.trained()).used == 2


async def test_a_deleted_conversation_takes_its_pairs_along(school: School) -> None:
    """They are not found nor in the CSV from that moment on, and a purge leaves nothing of them."""
    gone, _ = await school.talk(REFUND)
    await school.talk(SHIPPING)
    document = await school.trained()
    await school.store.delete_conversation(TENANT, gone.id)
    assert await school.found("refund") == []
    assert [row["question"] for row in await school.rows(document)] == [SHIPPING[0]]
    await school.store.restore_conversation(TENANT, gone.id)
    assert len(await school.rows(document)) == 2
    await school.store.delete_conversation(TENANT, gone.id)
    await purge_all(school.store)
    kept = await school.store.page_chunk_records(TENANT, document.id, Window())
    assert [record.chunk.heading for record in kept.data] == [SHIPPING[0]]


async def test_a_long_answer_is_found_in_pieces_and_read_whole(school: School) -> None:
    """Also where its pieces are on two pages of chunks."""
    long = " ".join(f"Step {number}: turn the screw {number} times." for number in range(20_000))
    await school.talk(("How is it built?", long), SHIPPING)
    document = await school.trained()
    assert document.chunk_count > 300
    rows = await school.rows(document)
    assert [(row["question"], row["answer"]) for row in rows] == [("How is it built?", long), SHIPPING]


async def test_nobody_trains_a_bot_that_is_not_there(school: School) -> None:
    """Nor sees what it would learn."""
    wanted = TrainingFilter(bot_id="bot_unknown")
    with pytest.raises(NotFound):
        await school.trainer().start(TENANT, wanted)
    with pytest.raises(NotFound):
        await school.trainer().preview("other", school.wanted())


async def test_one_run_of_a_bot_at_a_time(school: School) -> None:
    """The second is refused while the first goes on, in this process or in another one."""
    await school.talk(REFUND)
    trainer = school.trainer()
    await trainer.start(TENANT, school.wanted())
    for other in (trainer, school.trainer(owner="worker-2")):
        with pytest.raises(Conflict) as refused:
            await other.start(TENANT, school.wanted())
        assert refused.value.code == "training_in_progress"
