"""A server that is away, stuck or killed, and a connection that is down: what one is told, and that no text is lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Route, expect

from crash.process import ServerProcess, serving
from web.desk import PATIENCE_MS, TOGETHER, Desk, a_desk, name

pytestmark = TOGETHER

AWAY = "Palaver can't be reached."


async def cut_off(desk: Desk, path: str | re.Pattern[str] = "**/v1/**") -> None:
    """Let no request through any more."""
    desk.faults.expected.append("net::ERR_")
    await desk.page.route(path, lambda route: route.abort())


async def test_it_is_told_in_plain_words(desk: Desk) -> None:
    """Whatever one does on the page meanwhile, it is said in the same sentence, which no browser made."""
    bot_id = await desk.bot(name())
    conversation_id = await desk.conversation(bot_id, "q", "a", title=name("Away"))
    other = await desk.conversation(bot_id, "q", "a")
    toast = desk.page.locator(".toast").last
    alert = desk.page.get_by_role("alert")

    async def told(where: Locator, before: str = "") -> None:
        await expect(where).to_have_text(f"{before}{AWAY}")

    await desk.open(conversation_id)
    await cut_off(desk)
    await desk.button("Bad answer").click()
    await told(toast, "The rating was not saved: ")
    await desk.button("End").click()
    await desk.page.get_by_role("dialog").get_by_role("button", name="End", exact=True).click()
    await told(toast)
    await desk.page.get_by_role("searchbox").fill("parcel")
    await told(alert)
    await desk.page.get_by_role("searchbox").fill("")
    await desk.page.locator(f".entry[href$='{other}']").click()
    await told(desk.page.get_by_role("main").get_by_role("alert"))

    await desk.page.unroute("**/v1/**")
    await desk.go(f"/bots/{bot_id}")
    await desk.page.get_by_text("None yet.").wait_for()
    await cut_off(desk)
    await desk.button("Save").first.click()
    await told(desk.page.get_by_role("form", name="Bot", exact=True).get_by_role("alert"))
    await desk.page.get_by_role("textbox", name="A question to try").fill("Hello?")
    await desk.button("Ask").click()
    await told(desk.page.get_by_role("region", name="Try").get_by_role("alert"))
    await desk.button("Add text").click()
    form = desk.page.get_by_role("form", name="Add text")
    await form.get_by_label("Text").fill("Something.")
    await form.get_by_label("Title").fill("Something")
    await form.get_by_role("button", name="Add", exact=True).click()
    await told(form.get_by_role("alert"))
    section = desk.page.get_by_role("region", name="Widget")
    await section.get_by_label("Pages, one a line").fill("http://localhost:3000")
    await section.get_by_role("button", name="Open").click()
    await told(section.get_by_role("alert"))

    await cut_off(desk, re.compile("/ui/.*/statspage.js$"))
    await desk.page.get_by_role("link", name="Analytics").click()
    await told(alert)
    await desk.go()
    await expect(alert).to_contain_text("Palaver can't be reached")
    await expect(alert).to_contain_text("The server is away, or your connection is.")


SENDS = re.compile("/messages$")
Meet = Callable[[Route], Awaitable[None]]


async def held(desk: Desk, path: re.Pattern[str], meet: Meet) -> asyncio.Event:
    """Let requests wait until the event; then this becomes of them."""
    come = asyncio.Event()

    async def wait(route: Route) -> None:
        await come.wait()
        await meet(route)

    await desk.page.route(path, wait)
    return come


async def two(desk: Desk) -> tuple[str, str]:
    """Make two conversations and open the first."""
    bot_id = await desk.bot(name())
    first, second = [await desk.conversation(bot_id, "q", "a", title=name(each)) for each in ("First", "Second")]
    await desk.open(first)
    return first, second


async def switch(desk: Desk, conversation_id: str) -> None:
    """Choose another conversation in the list."""
    await desk.page.locator(f".entry[href$='{conversation_id}']").click()
    await expect(desk.page).to_have_url(f"{desk.url}/c/{conversation_id}")
    await desk.answer.wait_for()


def refusal(status: int, code: str) -> Meet:
    """What answers with a problem."""
    problem = {"code": code, "detail": "Not now."}
    return lambda route: route.fulfill(status=status, content_type="application/problem+json", json=problem)


REFUSALS = {
    "409": refusal(409, "turn_in_progress"),
    "422": refusal(422, "invalid_parameter"),
    "429": refusal(429, "rate_limited"),
    "503": refusal(503, "store_unavailable"),
    "no answer": lambda route: route.abort(),
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_what_is_refused_after_one_left_waits_in_its_conversation(desk: Desk, why: str) -> None:
    """The text is in the box on return, in front of what was written there since; the other conversation has nothing of it."""
    desk.faults.expected += ["net::ERR_", "status of"]
    first, second = await two(desk)
    come = await held(desk, SENDS, REFUSALS[why])
    await desk.say("a question\nof two lines")
    await desk.box.fill("written since")
    await switch(desk, second)
    await desk.box.fill("of the second")
    come.set()
    await expect(desk.page.locator(".toast")).to_contain_text("A question was not sent. It waits in its conversation.")
    await expect(desk.box).to_have_value("of the second")
    await expect(desk.page.locator(".message")).to_have_count(2)
    await desk.button("Show").click()
    await expect(desk.page).to_have_url(f"{desk.url}/c/{first}")
    await expect(desk.box).to_have_value("a question\nof two lines\n\nwritten since")
    await expect(desk.page.locator(".message")).to_have_count(2)


async def test_a_changed_question_that_is_refused_after_one_left_waits_too(desk: Desk) -> None:
    """What was edited is in the box on return."""
    desk.faults.expected.append("status of 409")
    first, second = await two(desk)
    come = await held(desk, re.compile("/edit$"), REFUSALS["409"])
    await desk.box.press("ArrowUp")
    field = desk.page.get_by_role("textbox", name="Edit the question")
    await field.fill("changed")
    await field.press("Enter")
    await switch(desk, second)
    come.set()
    await desk.page.locator(".toast").wait_for()
    await switch(desk, first)
    await expect(desk.box).to_have_value("changed")


async def test_what_is_on_its_way_arrives_though_one_left(desk: Desk) -> None:
    """Switching does not call a question back: it is stored once and answered, and seen on return, even if that was sooner."""
    first, second = await two(desk)
    come = await held(desk, SENDS, lambda route: route.fallback())
    await desk.say("on its way")
    await switch(desk, second)
    await switch(desk, first)
    await expect(desk.box).to_have_value("")
    come.set()
    await expect(desk.answer).to_contain_text("You said: on its way")
    assert [each["text"] for each in await desk.messages(first)][2:] == ["on its way", "You said: on its way"]
    assert len(await desk.messages(second)) == 2


async def test_a_new_conversation_begins_though_one_left(desk: Desk) -> None:
    """Its first question goes into it and nowhere else, and one stays where one went."""
    _, second = await two(desk)
    await desk.page.get_by_role("link", name="New conversation").click()
    await desk.page.locator(".empty").wait_for()
    come = await held(desk, re.compile("/v1/conversations$"), lambda route: route.fallback())
    first_words = name("The first words")
    await desk.say(first_words)
    await switch(desk, second)
    come.set()
    entry = desk.page.locator(".entry", has_text=first_words)
    await entry.wait_for()
    await expect(desk.page).to_have_url(f"{desk.url}/c/{second}")
    await expect(desk.page.locator(".message")).to_have_count(2)
    await entry.click()
    await expect(desk.answer).to_contain_text(f"You said: {first_words}")
    assert len(await desk.messages(second)) == 2


async def test_what_is_written_while_a_conversation_begins_goes_along(desk: Desk) -> None:
    """It stays in the box, and is no draft of the next new conversation."""
    await desk.bot(name())
    await desk.go()
    come = await held(desk, re.compile("/v1/conversations$"), lambda route: route.fallback())
    await desk.say("first")
    await desk.box.fill("and then")
    come.set()
    await expect(desk.page).to_have_url(re.compile("/c/conv_"))
    await expect(desk.answer).to_contain_text("You said: first")
    await expect(desk.box).to_have_value("and then")
    await desk.page.get_by_role("link", name="New conversation").click()
    await expect(desk.box).to_have_value("")


async def test_what_stands_there_unsent_is_kept(desk: Desk) -> None:
    """It stays below what another device says meanwhile; it is in the box again after a reload, and on return from elsewhere."""
    first, second = await two(desk)
    await cut_off(desk, SENDS)
    await desk.say("hello")
    unsent = desk.page.locator(".note.bad")
    await expect(unsent).to_contain_text(f"Not sent. {AWAY}")
    await desk.made(f"/v1/conversations/{first}/messages", {"text": "from elsewhere"})
    await desk.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    await expect(desk.page.locator(".message.user .bubble")).to_have_text(["q", "from elsewhere", "hello"])
    await expect(unsent).to_have_count(1)
    await desk.page.reload()
    await expect(desk.box).to_have_value("hello")
    await desk.box.press("Enter")
    await expect(unsent).to_contain_text("Not sent.")
    await switch(desk, second)
    await expect(desk.box).to_have_value("")
    await switch(desk, first)
    await expect(desk.box).to_have_value("hello")
    await expect(desk.page.locator(".message.user .bubble")).to_have_text(["q", "from elsewhere"])
    await desk.page.unroute(SENDS)
    await desk.box.press("Enter")
    await expect(desk.answer).to_contain_text("You said: hello")
    await switch(desk, second)
    await switch(desk, first)
    await expect(desk.box).to_have_value("")


async def test_who_signs_out_leaves_nothing_unsent(browser: Browser, tmp_path: Path) -> None:
    """What stood there unsent, in this tab or another, is gone with its person."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        async with a_desk(browser, server.url) as desk:
            desk.faults.expected += ["net::ERR_", "status of 401"]
            key = (await desk.made("/v1/keys", {"scope": "operator"}))["secret"]
            desk.http.headers["Authorization"] = f"Bearer {key}"
            conversation_id = await desk.conversation(await desk.bot(name()))
            await desk.go(f"/c/{conversation_id}")
            await desk.page.get_by_label("API key").fill(key)
            await desk.button("Sign in").click()
            await desk.box.wait_for()
            other = await desk.context.new_page()
            await other.goto(desk.page.url)
            for page in (other, desk.page):
                await page.route(SENDS, lambda route: route.abort())
                box = page.get_by_role("textbox", name="Message", exact=True)
                await box.fill("private words")
                await box.press("Enter")
                await page.locator(".note.bad").wait_for()
            await desk.button("Sign out").click()
            for page in (other, desk.page):
                await page.get_by_label("API key").wait_for()
                assert "private" not in await page.evaluate("() => JSON.stringify({...localStorage})")


STOPPED = "Stopped. What was said is kept."
UNCONFIRMED = f"{STOPPED} The server has not confirmed it yet."


@asynccontextmanager
async def own_server(
    browser: Browser, folder: Path, model: str, lease_seconds: int = 60
) -> AsyncIterator[tuple[Desk, ServerProcess]]:
    """A server of this test alone, with one conversation, which is open."""
    env = {"PALAVER_DEFAULT_MODEL": model, "PALAVER_LEASE_SECONDS": str(lease_seconds)}
    async with serving(folder / "chat.db", env) as server, a_desk(browser, server.url) as desk:
        await desk.open(await desk.conversation(await desk.bot(name(), model)))
        yield desk, server


async def stopped_at_server(desk: Desk) -> str:
    """The stored text of the newest answer, once it is no longer being written."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while (found := (await desk.messages(desk.conversation_id()))[-1])["status"] != "interrupted":
            await asyncio.sleep(0.05)
    return str(found["text"])


async def test_a_server_that_is_stuck_does_not_hold_who_stops(browser: Browser, tmp_path: Path) -> None:
    """Half a second after Stop the page reads no further: the text stands there as stopped, one can write on; the server, once it
    moves again, is seen to have stopped, with all that it stored."""
    async with own_server(browser, tmp_path, "scripted:words?count=3000&delay=0.02") as (desk, server):
        await desk.say("Count")
        await expect(desk.answer).to_contain_text("word9")
        server.pause()
        try:
            await desk.button("Stop").click()
            await expect(desk.answer.locator(".note")).to_have_text(UNCONFIRMED, timeout=5_000)
            await expect(desk.answer).to_have_attribute("aria-busy", "false")
            await expect(desk.answer.locator(".prose")).to_contain_text("word9")
            await expect(desk.button("Stop")).to_have_count(0)
            await desk.box.fill("not lost")
            await expect(desk.button("Send")).to_be_enabled()
        finally:
            server.resume()
        await expect(desk.answer.locator(".note span")).to_have_text(STOPPED)
        stored = await stopped_at_server(desk)
        await expect(desk.answer.locator(".prose")).to_have_text(stored.strip())
        await desk.button("Go on").click()
        await expect(desk.page.locator(".message.user")).to_have_count(2)
        await expect(desk.answer).to_contain_text("word9")
        await expect(desk.box).to_have_value("not lost")


async def test_a_question_that_is_stopped_before_the_server_took_it(browser: Browser, tmp_path: Path) -> None:
    """It stays, and stops as soon as the server knows of it."""
    async with own_server(browser, tmp_path, "scripted:words?count=3000&delay=0.02") as (desk, server):
        server.pause()
        try:
            await desk.say("Count")
            await desk.button("Stop").click()
            await expect(desk.answer.locator(".note")).to_have_text(UNCONFIRMED, timeout=5_000)
        finally:
            server.resume()
        await expect(desk.answer.locator(".note span")).to_have_text(STOPPED)
        await expect(desk.page.locator(".message.user .bubble")).to_have_text(["Count"])
        stored = await stopped_at_server(desk)
        await expect(desk.answer.locator(".prose")).to_have_text(stored.strip())


async def test_a_stop_that_is_not_heard_is_told_again(desk: Desk) -> None:
    """The page lets go all the same, and tells the server until it has heard."""
    await desk.open(await desk.conversation(await desk.bot(name(), "scripted:words?count=3000&delay=0.02")))
    await desk.say("Count")
    await expect(desk.answer).to_contain_text("word9")
    await cut_off(desk, "**/stop")
    await desk.button("Stop").click()
    await expect(desk.page.locator(".toast")).to_have_text(AWAY)
    await expect(desk.answer.locator(".note")).to_have_text(UNCONFIRMED)
    await expect(desk.answer.locator(".prose")).to_contain_text("word9")
    assert (await desk.messages(desk.conversation_id()))[-1]["status"] == "running"
    await desk.page.unroute("**/stop")
    await expect(desk.answer.locator(".note span")).to_have_text(STOPPED)
    await expect(desk.answer.locator(".prose")).to_have_text((await stopped_at_server(desk)).strip())


@pytest.mark.parametrize("is_long", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["soon", "late"])
async def test_an_answer_whose_server_was_killed_is_shown_as_it_was_stored(
    browser: Browser, tmp_path: Path, is_long: bool
) -> None:
    """A new process on the same file and port says that the answer was interrupted: the page hears it by itself, even after it gave
    up joining, shows what was stored and why it broke off, and one goes on from there."""
    async with own_server(browser, tmp_path, "scripted:words?count=300&delay=0.02", lease_seconds=3) as (desk, server):
        desk.faults.expected += ["net::ERR_"]
        await desk.say("Count")
        await expect(desk.answer).to_contain_text("word9")
        await server.kill()
        if is_long:
            await expect(desk.answer.locator(".note")).to_contain_text("The answer may go on at the server.")
            await expect(desk.answer.locator(".prose")).to_contain_text("word9")
        await server.start()
        note = desk.answer.locator(".note span")
        await expect(note).to_have_text("The server was restarted. What was said is kept.")
        stored = (await desk.messages(desk.conversation_id()))[-1]
        assert stored["status"] == "interrupted"
        assert stored["text"].startswith("word0 word1 ")
        await expect(desk.answer.locator(".prose")).to_have_text(stored["text"].strip())
        await desk.button("Go on").click()
        await expect(desk.answer).to_contain_text("word299")
        await expect(desk.page.locator(".message.user")).to_have_count(2)
        texts = [each["text"] for each in await desk.messages(desk.conversation_id())]
        assert (texts[0], texts[1], len(texts)) == ("Count", stored["text"], 4)
