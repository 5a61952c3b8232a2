"""Titles that conversations get by themselves, as they come in on the page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Request, Route, expect

from crash.process import serving
from web.desk import TOGETHER, Desk, a_desk, name

pytestmark = TOGETHER
ASKED = "Which papers do I need to send a parcel to Norway, and what does it cost?"
MADE = "Which papers do I need to send a parcel to Norway, and what…"
OF_THE_MODEL = "word0 word1 word2"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def thoughtful_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A server on which a model makes the titles, two seconds behind the answer."""
    env = {"PALAVER_DEFAULT_MODEL": "scripted:echo", "PALAVER_TITLES": "scripted:words?count=3&delay=1"}
    async with serving(tmp_path_factory.mktemp("titles") / "chat.db", env) as server:
        yield server.url


@pytest_asyncio.fixture(loop_scope="session")
async def thoughtful(browser: Browser, thoughtful_url: str) -> AsyncIterator[Desk]:
    async with a_desk(browser, thoughtful_url) as made:
        await made.bot(name())
        yield made


def head(page: Page) -> Locator:
    """What the conversation that is open is called."""
    return page.get_by_role("heading", level=1)


def entry(page: Page, title: str) -> Locator:
    """The line of a conversation in the list."""
    return page.locator(".list li").filter(has_text=title)


async def another_tab(desk: Desk) -> Page:
    """Open the page once more, in the same browser."""
    page = await desk.context.new_page()
    desk.faults.watch(page)
    await page.goto(desk.url)
    await page.locator(".empty").wait_for()
    return page


async def ask(desk: Desk) -> str:
    """Ask the first question of a new conversation, and wait for the whole answer; return the conversation's id."""
    await desk.go()
    await desk.say(ASKED)
    await expect(desk.answer).to_contain_text(f"You said: {ASKED}")
    await expect(desk.button("Regenerate")).to_be_visible()
    return desk.conversation_id()


async def test_a_conversation_is_called_by_its_first_question(desk: Desk) -> None:
    """At once, in the head and in the list; once it is answered that is its title, which the server made."""
    slow = await desk.bot(name(), "scripted:slow")
    await desk.go()
    await desk.page.get_by_role("combobox", name="Bot", exact=True).select_option(slow)
    await desk.say(ASKED)
    await expect(head(desk.page)).to_have_text(MADE)
    await expect(entry(desk.page, MADE).first).to_be_visible()
    stored = await desk.got(f"/v1/conversations/{desk.conversation_id()}")
    assert stored["title"] is None
    await desk.button("Stop").click()
    await expect(desk.button("Regenerate")).to_be_visible()
    await desk.page.reload()
    await expect(head(desk.page)).to_have_text(MADE)


async def test_a_title_of_a_model_comes_in_live(thoughtful: Desk) -> None:
    """The title of a model takes the place of the question in the head and in the list, here and in a second tab."""
    desk = thoughtful
    other = await another_tab(desk)
    await ask(desk)
    await expect(head(desk.page)).to_have_text(MADE)
    await expect(head(desk.page)).to_have_text(OF_THE_MODEL)
    await expect(entry(desk.page, OF_THE_MODEL).first).to_be_visible()
    await expect(entry(other, OF_THE_MODEL).first).to_be_visible()
    await entry(other, OF_THE_MODEL).first.get_by_role("link").click()
    await expect(head(other)).to_have_text(OF_THE_MODEL)


async def test_a_title_that_comes_leaves_a_rename_alone(thoughtful: Desk) -> None:
    """While somebody types a name, a title that comes changes neither the field nor its focus; the name is what stays."""
    desk = thoughtful
    conversation_id = await ask(desk)
    await entry(desk.page, MADE).first.hover()
    await desk.button(f"Actions for {MADE}").first.click()
    await desk.page.get_by_role("menuitem", name="Rename").click()
    field = desk.page.get_by_role("textbox", name="Title")
    await field.fill("My parc")
    await expect(head(desk.page)).to_have_text(OF_THE_MODEL)
    await expect(field).to_be_focused()
    await expect(field).to_have_value("My parc")
    await field.press_sequentially("el")
    async with desk.page.expect_response(lambda response: response.request.method == "PATCH"):
        await field.press("Enter")
    await expect(head(desk.page)).to_have_text("My parcel")
    await expect(entry(desk.page, "My parcel")).to_have_count(1)
    assert (await desk.got(f"/v1/conversations/{conversation_id}"))["title"] == "My parcel"


async def test_a_name_is_shown_at_once(thoughtful: Desk) -> None:
    """A name that is on its way to the server is shown, and no title that comes meanwhile is."""
    desk = thoughtful
    conversation_id = await ask(desk)
    go_on = asyncio.Event()

    async def held(route: Route, request: Request) -> None:
        if request.method == "PATCH":
            await go_on.wait()
        await route.fallback()

    await desk.context.route("**/v1/conversations/*", held)
    await entry(desk.page, MADE).first.hover()
    await desk.button(f"Actions for {MADE}").first.click()
    await desk.page.get_by_role("menuitem", name="Rename").click()
    await desk.page.get_by_role("textbox", name="Title").fill("Mine")
    seen = await desk.page.evaluate_handle(
        """() => {
            const seen = [], heading = document.querySelector("h1");
            const watch = new MutationObserver(() => seen.push(heading.textContent));
            watch.observe(heading, {childList: true, characterData: true, subtree: true});
            return seen;
        }"""
    )
    await desk.page.get_by_role("textbox", name="Title").press("Enter")
    await expect(head(desk.page)).to_have_text("Mine")
    while (await desk.got(f"/v1/conversations/{conversation_id}"))["title"] is None:
        await asyncio.sleep(0.05)
    go_on.set()
    while (await desk.got(f"/v1/conversations/{conversation_id}"))["title"] != "Mine":
        await asyncio.sleep(0.05)
    await expect(entry(desk.page, "Mine").first).to_be_visible()
    assert set(await seen.json_value()) == {"Mine"}
