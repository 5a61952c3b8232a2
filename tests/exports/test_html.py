"""The HTML export in a real browser: nothing that was said runs, nothing is fetched, and it looks as it should."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from playwright.async_api import Browser

import pictures
from exports.browser import Seen, chromium, opened
from exports.vectors import VECTORS
from palaver.attachment import Attachment
from palaver.conversation import (
    FilePart,
    ImagePart,
    InterruptReason,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    TurnError,
    TurnStatus,
)
from palaver.document import Citation
from palaver.exports.base import Format, Rows
from palaver.exports.exporting import Exporter
from palaver.ids import child_id, new_id
from palaver.page import Window
from palaver.stores.base import Store
from palaver.stores.orders import (
    BotDraft,
    Continue,
    ConversationDraft,
    ConversationFilter,
    Ending,
    EntityDraft,
    Outcome,
    Question,
)
from palaver.stores.sqlite import SqliteStore
from palaver.testing import FakeClock
from palaver.testing.stores.making import TENANT, ask, claim_of

POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy"[^>]*>\n')
ALLOWED = {
    *("main", "section", "article", "header", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "dt", "dd", "p", "div", "span"),
    *("b", "em", "strong", "s", "a", "sup", "ul", "ol", "li", "cite", "q", "blockquote", "pre", "code", "time", "img"),
    *("details", "summary", "table", "thead", "tbody", "tr", "th", "td", "br", "hr"),
}


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = SqliteStore(":memory:", clock=FakeClock())
    await store.open()
    yield store
    await store.close()


async def say_everywhere(store: Store, vector: str) -> None:
    """Put a text wherever one can stand in a conversation."""
    bot = (await store.create_bot(TENANT, BotDraft(id=new_id("bot"), name=vector, model=vector))).value
    person = EntityDraft(id=new_id("ent"), name=vector, external_id=vector)
    draft = ConversationDraft(id=new_id("conv"), bot_id=bot.id, title=vector, entity=person)
    chat = (await store.create_conversation(TENANT, draft)).value
    file = FilePart(attachment_id=vector, media_type=vector, name=vector)
    asked = Question(message_id=child_id("msg", chat.id), parts=(TextPart(text=vector), file))
    claim = claim_of(await store.begin_turn(TENANT, ask(chat, opening=Continue(question=asked))))
    parts = (
        ReasoningPart(text=vector),
        ToolCallPart(call_id=vector, name=vector, arguments=vector),
        ToolResultPart(call_id=vector, text=vector),
        ImagePart(attachment_id=vector, media_type="image/png"),
        TextPart(text=f"{vector}\n\nAnd [1].\n\n{vector}"),
    )
    quote = Citation(document_id=vector, version=1, title=vector, quote=vector, start=0, end=1, score=1.0, rank=1)
    error = TurnError(code=vector, message=vector)
    outcome = Outcome(status=TurnStatus.FAILED, error=error, parts=parts, citations=(quote,))
    finished = await store.finish_turn(claim, outcome, promote=None)
    assert finished.turn.message_id is not None
    await store.rate_message(TENANT, finished.turn.message_id, 1, vector)
    await store.end_conversation(TENANT, chat.id, Ending(rating=1, feedback=vector))


async def page_of(store: Store) -> bytes:
    exporter = Exporter(store=store, tenant_id=TENANT)
    async with aclosing(exporter.all(ConversationFilter(), Format.HTML, Rows.MESSAGES).parts) as parts:
        return b"".join([part async for part in parts])


def with_and_without_policy(page: bytes, folder: Path) -> tuple[Path, Path]:
    """Write a page, and the same without its policy."""
    ours, bare = folder / "ours.html", folder / "bare.html"
    ours.write_bytes(page)
    bare.write_bytes(POLICY.sub(b"", page))
    assert ours.stat().st_size > bare.stat().st_size
    return ours, bare


async def seen_harmless(browser: Browser, file: Path) -> Seen:
    """Open a page in which nothing runs, nothing is fetched, and nothing stands but what we write."""
    seen = await opened(browser, file)
    assert seen.hits == 0
    assert seen.requests == [file.as_uri()]
    assert set(seen.inside["tags"]) <= ALLOWED
    assert seen.inside["handlers"] == []
    return seen


@pytest.mark.slow
async def test_nothing_of_a_hostile_conversation_runs(store: Store, tmp_path: Path) -> None:
    """Of more than a hundred vectors, each in text, title, names, citation, error and more, none runs: with the page's policy,
    and without it, too. No address is fetched; nothing but what we write is in the page. As plain HTML they do run."""
    assert len(set(VECTORS)) == len(VECTORS) >= 100
    for vector in VECTORS:
        await say_everywhere(store, vector)
    page = await page_of(store)
    files, control = with_and_without_policy(page, tmp_path), tmp_path / "control.html"
    control.write_text(
        "<!doctype html>" + "\n".join(vector for vector in VECTORS if "plaintext" not in vector), "utf-8"
    )
    async with chromium() as browser:
        for file in files:
            seen = await seen_harmless(browser, file)
            assert seen.inside["styled"] == 0
            assert {link.split(":")[0].split("#")[0] for link in seen.inside["links"]} <= {
                "http",
                "https",
                "mailto",
                "",
            }
            assert set(seen.inside["sources"]) <= {"data:image/"}
        assert (await opened(browser, control)).hits > 40


@pytest.mark.slow
async def test_nothing_of_a_hostile_title_runs(store: Store, tmp_path: Path) -> None:
    """The file of one conversation is called what the conversation is: a title with all vectors, each behind an end tag, stays the
    title, with the page's policy and without it. Not escaped it does run."""
    title = "\n".join(f"</title>{vector}" for vector in VECTORS if "plaintext" not in vector)
    await say_everywhere(store, title)
    chat = (await store.page_conversations(TENANT, ConversationFilter(), Window(limit=1))).data[0]
    exported = await Exporter(store=store, tenant_id=TENANT).one(chat.id, Format.HTML, Rows.MESSAGES)
    async with aclosing(exported.parts) as parts:
        page = b"".join([part async for part in parts])
    files, control = with_and_without_policy(page, tmp_path), tmp_path / "control.html"
    bare = files[1].read_text("utf-8")
    head, shown, rest = re.split("(?<=<title>)(.*?)(?=</title>)", bare, maxsplit=1, flags=re.DOTALL)
    control.write_text(head + html.unescape(shown) + rest, "utf-8")
    async with chromium() as browser:
        for file in files:
            await seen_harmless(browser, file)
        assert (await opened(browser, control)).hits > 40


async def furnished(store: Store) -> None:
    """A conversation with an image, code, a table, a citation, a remote image and an answer that was stopped."""
    content = pictures.plain()
    picture = Attachment(
        id=new_id("att"),
        name="a.png",
        media_type="image/png",
        size_bytes=len(content),
        sha256="0" * 64,
        created_at=(await store.ensure_tenant(TENANT)).created_at,
    )
    await store.put_attachment(TENANT, picture, content)
    bot = (await store.create_bot(TENANT, BotDraft(id=new_id("bot"), name="Helper", model="offline"))).value
    draft = ConversationDraft(id=new_id("conv"), bot_id=bot.id, title="Refunds & more")
    chat = (await store.create_conversation(TENANT, draft)).value
    shown = ImagePart(attachment_id=picture.id, media_type="image/png")
    asked = Question(message_id=child_id("msg", chat.id), parts=(TextPart(text="What *is* this?"), shown))
    claim = claim_of(await store.begin_turn(TENANT, ask(chat, opening=Continue(question=asked))))
    text = (
        "See **there** [1].\n\n```python\ndef f(x):\n    return x + 1\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n"
        "![a chart](https://example.org/chart.png)\n"
    )
    quote = Citation(document_id="d", version=2, title="Handbook", quote="14 days", start=0, end=7, score=1.0, rank=1)
    outcome = Outcome(
        status=TurnStatus.INTERRUPTED,
        reason=InterruptReason.STOPPED,
        parts=(TextPart(text=text),),
        citations=(quote,),
    )
    await store.finish_turn(claim, outcome, promote=None)


@pytest.mark.slow
async def test_a_page_opens_from_disk_with_all_that_is_in_it(store: Store, tmp_path: Path) -> None:
    """Images are in the file, a remote one is a link, Markdown and code are rendered, a citation is a footnote that its mark
    leads to; it is light, dark or on white paper as its reader has it; not one thing is fetched."""
    await furnished(store)
    file = tmp_path / "chat.html"
    file.write_bytes(await page_of(store))
    async with chromium() as browser:
        page = await browser.new_page(color_scheme="light")
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        await page.goto(file.as_uri())
        assert await page.title() == "Conversations"
        assert await page.locator("h1").inner_text() == "Refunds & more"
        assert await page.locator("img").evaluate("image => [image.complete, image.naturalWidth]") == [True, 56]
        assert await page.locator("a.image").get_attribute("href") == "https://example.org/chart.png"
        assert await page.locator("pre .k").all_inner_texts() == ["def", "return"]
        assert await page.locator("td").all_inner_texts() == ["1", "2"]
        assert await page.locator(".user em").inner_text() == "is"
        assert await page.locator(".note").inner_text() == "Interrupted: stopped"
        target = await page.locator("a.mark").get_attribute("href")
        assert target is not None
        assert await page.locator(f"[id='{target[1:]}']").inner_text() == "1 Handbook (version 2)\n\n14 days"
        colours = []
        for media, scheme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
            await page.emulate_media(media=media, color_scheme=scheme)
            colours.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert colours == ["rgb(255, 255, 255)", "rgb(21, 23, 27)", "rgb(255, 255, 255)"]
        assert [each for each in requests if not each.startswith("data:")] == [file.as_uri()]
