"""The part of the story that is about documents, search and training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from palaver.ids import new_id
from parity.record import Record

ROOT = Path(__file__).resolve().parents[2]
HOURS = "# Opening hours\n\n## Weekdays\n\nFrom nine to five.\n\n## Sundays\n\nClosed.\n"
POLICY = "Refunds take 14 days.\n\nShipping is free in Germany."
PRICES = b"item,price\nApple,1\nPear,2\n"


async def play(record: Record, hub: Any, bot_id: str) -> None:
    """Give a bot documents, ask for what is in them, and train it on what it said before."""
    await _adds(record, hub, bot_id)
    await _refusals(record, hub, bot_id)
    await _lives(record, hub, bot_id)
    await _searches(record, hub, bot_id)
    await _trains(record, hub, bot_id)


async def _adds(record: Record, hub: Any, bot_id: str) -> None:
    fields = {"title": "Policy", "metadata": {"product": "billing"}, "idempotency_key": "policy"}
    await record.step("add a text", hub.documents.add(bot_id, POLICY, **fields))
    await record.step("add it again", hub.documents.add(bot_id, POLICY, **fields))
    await record.step("another text", hub.documents.add(bot_id, "Something else.", **fields))
    await record.step("say it", hub.documents.add(bot_id, text="Word", metadata={"product": "words"}))
    await record.step("add bytes", hub.documents.add(bot_id, PRICES, title="Prices", media_type="text/csv"))
    await record.step("bytes again", hub.documents.add(bot_id, PRICES, title="Prices", media_type="text/csv"))
    key = {"idempotency_key": "licence"}
    await record.step("add a file", hub.documents.add(bot_id, ROOT / "README.md", **key))
    await record.step("the file again", hub.documents.add(bot_id, str(ROOT / "README.md"), **key))
    await record.step("another file", hub.documents.add(bot_id, ROOT / "CHANGELOG.md", **key))
    later = await record.step("do not wait", hub.documents.add(bot_id, "Later, perhaps.", wait=False))
    await record.step("wait for it", hub.documents.wait(later.id))
    await record.step("what is no PDF", hub.documents.add(bot_id, b"%PDF-1.7\nbroken", title="Broken"))


async def _refusals(record: Record, hub: Any, bot_id: str) -> None:
    for source in (
        b"",
        b"\x7fELF\x02\x01\x01\x00",
        "",
        " \u200b ",
        "nowhere.pdf",
        "one_word",
        ROOT,
        "a b\x00c",
        "a \ud800",
    ):
        await record.step(f"add {str(source)[:9]!a}", hub.documents.add(bot_id, source))
    await record.step("a lie", hub.documents.add(bot_id, b"\x89PNG\r\n\x1a\n", media_type="application/pdf"))
    await record.step("a page", hub.documents.add(bot_id, "http://127.0.0.1:1/terms"))
    await record.step("no page", hub.documents.add(bot_id, "http://a b"))
    await record.step("nothing", hub.documents.add(bot_id))
    await record.step("twice", hub.documents.add(bot_id, b"x", text="y"))
    for fields in (
        {"title": "a\u202eb"},
        {"title": 5},
        {"title": "\ud800"},
        {"metadata": []},
        {"metadata": {"a": "x" * 70_000}},
        {"colour": "red"},
    ):
        await record.step(f"a text with {fields!s:.30}", hub.documents.add(bot_id, "Some words.", **fields))
        await record.step(f"a file with {fields!s:.30}", hub.documents.add(bot_id, b"Some words.", **fields))
    for bad in ("", "../x", new_id("bot"), new_id("doc")):
        await record.step("a bot that is none", hub.documents.add(bad, "Some words."))
        await record.step("documents of none", hub.documents.list(bad))
        await record.step("find none", hub.search(bad, "refunds"))
        await record.step("train none", hub.train(bad))
    for bad in ("", "../x", bot_id, new_id("doc")):
        await record.step("a document that is none", hub.documents.get(bad))
        await record.step("wait for none", hub.documents.wait(bad))
        await record.step("content of none", hub.documents.content(bad))
        await record.step("replace none", hub.documents.replace(bad, "Some words."))
        await record.step("untrain none", hub.untrain(bad))


async def _lives(record: Record, hub: Any, bot_id: str) -> None:
    listed = await record.step("documents", hub.documents.list(bot_id, limit=2))
    await record.step("more", hub.documents.list(bot_id, limit=2, after=listed.next))
    await record.step("those that failed", hub.documents.list(bot_id, status="failed"))
    await record.step("texts", hub.documents.list(bot_id, source="text"))
    await record.step("a bad status", hub.documents.list(bot_id, status="lost"))
    await record.step("a bad source", hub.documents.list(bot_id, source="radio"))
    known = (await hub.documents.add(bot_id, POLICY, title="Life")).id
    await record.step("get it", hub.documents.get(known))
    await record.step("its chunks", hub.documents.chunks(known, limit=1))
    record.steps.append(("its content", (await hub.documents.content(known)).decode()))
    await record.step("replace it", hub.documents.replace(known, b"Refunds take 30 days.", media_type="text/plain"))
    await record.step("new chunks", hub.documents.chunks(known))
    await record.step("read it anew", hub.documents.replace(known, title="New life", metadata={"a": [1]}))
    await record.step("replace it badly", hub.documents.replace(known, b""))
    await record.step("replace it with a page", hub.documents.replace(known, "http://127.0.0.1:1/terms"))
    await record.step("as it was", hub.documents.get(known))
    await record.step("delete it", hub.documents.delete(known))
    await record.step("it is deleted", hub.documents.delete(known))
    await record.step("no chunks", hub.documents.chunks(known))
    await record.step("deleted ones", hub.documents.list(bot_id, deleted=True))
    await record.step("restore it", hub.documents.restore(known))
    await record.step("it is back", hub.documents.get(known))
    await record.step("restore none", hub.documents.restore(new_id("doc")))


async def _searches(record: Record, hub: Any, bot_id: str) -> None:
    await record.step("how it finds", hub.bots.update(bot_id, retrieval={"k": 3, "where": {"product": "words"}}))
    await record.step("finds too much", hub.bots.update(bot_id, retrieval={"k": 0}))
    await record.step("finds oddly", hub.bots.update(bot_id, retrieval={"prefer": "x"}))
    record.steps.append(("as it finds", [hit.chunk.text for hit in await hub.search(bot_id, "word")]))
    await record.step("how it found", hub.bots.update(bot_id, retrieval={}))
    found = await hub.search(bot_id, "How long do refunds take?", where={"product": "billing"})
    record.steps.append(("what was found", [found.mode, *((hit.rank, hit.title, hit.chunk.text) for hit in found)]))
    await hub.documents.add(bot_id, HOURS.encode(), title="Hours", media_type="text/markdown")
    record.steps.append(("a heading", sorted(hit.chunk.text for hit in await hub.search(bot_id, "Opening hours?"))))
    record.steps.append(("one", [hit.rank for hit in await hub.search(bot_id, "refunds", k=1)]))
    await record.step("found nothing", hub.search(bot_id, "Xylophone", where={"product": "nothing"}))
    await record.step("too many", hub.search(bot_id, "refunds", k=1000))
    await record.step("for nothing", hub.search(bot_id, ""))
    await record.step("for too much", hub.search(bot_id, "x" * 1001))
    await record.step("where it is wrong", hub.search(bot_id, "refunds", where={"a'b": "c"}))
    await record.step("where it is a number", hub.search(bot_id, "refunds", where={"a": 1}))


async def _trains(record: Record, hub: Any, bot_id: str) -> None:
    await record.step("a dry run", hub.train(bot_id, dry_run=True))
    await record.step("a bad policy", hub.train(bot_id, policy="some"))
    await record.step("a rating too many", hub.train(bot_id, min_rating=3))
    await record.step("the rated ones", hub.train(bot_id, policy="rated", min_rating=5, dry_run=True))
    run = await record.step("train", hub.train(bot_id))
    await record.step("train again", hub.train(bot_id))
    await record.step("what came of it", hub.documents.chunks(run.document.id, limit=1))
    await record.step("replace it", hub.documents.replace(run.document.id, "Some words."))
    await record.step("untrain", hub.untrain(run.document.id))
    await record.step("untrain again", hub.untrain(run.document.id))
    begun = await record.step("train and go on", hub.train(bot_id, wait=False))
    await record.step("what came of that", hub.documents.wait(begun.document.id))
    added = (await hub.documents.list(bot_id, source="text")).data[0]
    await record.step("untrain what was added", hub.untrain(added.id))
