"""What becomes of a run that is cut, fails or is taken back while it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from palaver.bot import Bot
from palaver.document import Chunk, DocumentStatus, report_of
from palaver.errors import EmbeddingFailed
from palaver.page import Window
from palaver.stores.knowledge_orders import Embedded
from palaver.testing.stores.knowing import floats
from palaver.testing.stores.making import LEASE_SECONDS, TENANT
from training.school import School

CHILD = Path(__file__).with_name("child.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


async def talks(school: School, count: int) -> None:
    """So many conversations of one pair, none like another."""
    for number in range(count):
        words = " ".join(f"w{(number + 1) * step % 10_007}" for step in range(1, 12))
        await school.talk((f"What about {words[:30]}?", f"It is {words}."))


def cut_after(count: int, cut: Callable[[], object]) -> Callable[[str], str]:
    """A hook that does something at the text of that number."""
    seen = iter(range(10**9))

    def hook(text: str) -> str:
        if next(seen) == count:
            cut()
        return text

    return hook


async def test_a_killed_run_leaves_nothing_and_can_be_asked_for_again(school: School, tmp_path: Path) -> None:
    """Once its lease is over another process trains all of it; what the dead one wrote is never found."""
    await talks(school, 450)
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(tmp_path / "palaver.db"), school.bot.id, env=ENVIRONMENT
    )
    assert await child.wait() == -signal.SIGKILL
    (cut,) = await school.documents()
    assert cut.status is DocumentStatus.PROCESSING
    assert await school.found("w7") == []
    school.clock.advance(LEASE_SECONDS + 1)
    document = await school.trained()
    assert report_of(document).used == 450
    assert document.chunk_count == 450
    failed = await school.store.get_document(TENANT, cut.id)
    assert failed.error is not None
    assert failed.error.code == "training_cut"


async def test_a_shutdown_fails_the_runs_at_once(school: School) -> None:
    """Whoever waits for one hears of it, and it can be asked for again without waiting for a lease."""
    await talks(school, 3)
    started = asyncio.Event()

    async def hang(text: str) -> str:
        if started.is_set():
            await asyncio.sleep(60)
        return text

    trainer = school.trainer(redact=hang)
    document = await trainer.start(TENANT, school.wanted())
    assert document is not None
    started.set()
    step = asyncio.create_task(trainer.step())
    await asyncio.sleep(0.05)
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    failed = await school.store.get_document(TENANT, document.id)
    assert failed.error is not None
    assert failed.error.code == "training_cut"
    assert report_of(await school.trained()).used == 3


async def test_what_is_taken_out_is_nowhere(school: School) -> None:
    """What the hook takes out of questions and answers is not indexed, not found, not exported, whichever way it works."""
    await school.talk(("Is 4111-1111 my card?", "Your card is 4111-1111."), ("4111-1111", "Thanks."))

    def redact(text: str) -> str:
        return text.replace("4111-1111", "")

    async def awaited(text: str) -> str:
        await asyncio.sleep(0)
        return redact(text)

    for hook in (redact, awaited):
        document = await school.trained(trainer=school.trainer(redact=hook))
        assert [chunk.text for chunk in await school.chunks(document)] == ["Q: Is my card?\nA: Your card is ."]
        assert report_of(document).used == 1
        await school.store.delete_document(TENANT, document.id)


async def test_a_hook_that_breaks_fails_the_run(school: School) -> None:
    """Nothing is used as it was; the document says why, and whoever watches the log hears the error itself."""
    await talks(school, 3)

    def broken() -> None:
        raise ZeroDivisionError

    trainer = school.trainer(redact=cut_after(8, broken))
    document = await trainer.start(TENANT, school.wanted())
    assert document is not None
    with pytest.raises(ZeroDivisionError):
        await trainer.step()
    failed = await school.store.get_document(TENANT, document.id)
    assert failed.error is not None
    assert failed.error.code == "training_failed"
    assert await school.chunks(failed) == []
    assert report_of(await school.trained()).used == 3


class ByLength:
    """Vectors of two numbers."""

    failure: EmbeddingFailed | None = None

    async def embed(self, bot: Bot, chunks: Sequence[Chunk]) -> Embedded | None:
        if self.failure is not None:
            raise self.failure
        return Embedded(embedding="length", vectors=[floats(1, len(chunk.text)) for chunk in chunks])


async def test_vectors_come_with_the_chunks(school: School) -> None:
    """Where the bot has an embedding; if that fails, so does the run, and nothing is found of it."""
    await talks(school, 3)
    embeds = ByLength()
    embeds.failure = EmbeddingFailed("The embedding model can't be reached.")
    failed = await school.trained(trainer=school.trainer(embeds=embeds))
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == ("embedding_failed", "The embedding model can't be reached.")
    embeds.failure = None
    document = await school.trained(trainer=school.trainer(embeds=embeds))
    vectors = await school.store.page_vectors(TENANT, (document.id, document.version), "length", Window())
    assert [vector.vector for vector in vectors.data] == [
        floats(1, len(chunk.text)) for chunk in await school.chunks(document)
    ]
    assert (await school.store.bot_index(TENANT, school.bot.id)).embedding == "length"


async def test_a_run_that_is_taken_back_while_it_goes_on_ends(school: School) -> None:
    """Deleting its document is enough, and what it was about to use can be used."""
    await talks(school, 3)
    trainer = school.trainer()
    document = await trainer.start(TENANT, school.wanted())
    assert document is not None
    await school.store.delete_document(TENANT, document.id)
    await trainer.step()
    assert await school.documents() == []
    assert report_of(await school.trained()).used == 3


async def test_a_lease_is_kept_as_long_as_the_work_takes(school: School) -> None:
    """Renewed, a run outlives its first lease; left alone, it has lost its claim and writes nothing more."""
    await talks(school, 3)
    for renewed in (True, False):
        trainer = school.trainer()
        document = await trainer.start(TENANT, school.wanted())
        assert document is not None
        for _ in range(4):
            school.clock.advance(LEASE_SECONDS / 2)
            if renewed:
                await trainer.renew()
        await trainer.step()
        ended = await school.store.get_document(TENANT, document.id)
        assert ended.status is (DocumentStatus.READY if renewed else DocumentStatus.PROCESSING)
        await school.store.delete_document(TENANT, document.id)


async def test_runs_of_two_bots_wait_for_each_other(school: School) -> None:
    """Both are claimed when they are asked for, and done one after the other."""
    other = School(school.store, (await _another_bot(school)), school.clock)
    await talks(school, 2)
    await talks(other, 2)
    trainer = school.trainer()
    first, second = await trainer.start(TENANT, school.wanted()), await trainer.start(TENANT, other.wanted())
    assert first is not None
    assert second is not None
    await trainer.step()
    assert (await school.store.get_document(TENANT, second.id)).status is DocumentStatus.PROCESSING
    await trainer.step()
    for document in (first, second):
        assert (await school.store.get_document(TENANT, document.id)).status is DocumentStatus.READY


async def _another_bot(school: School) -> Bot:
    from palaver.testing.stores.making import make_bot

    return await make_bot(school.store)
