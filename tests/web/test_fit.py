"""Anyone can use the page: axe-core finds nothing on any of it, in light and in dark; and what a screen reader hears."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from crash.process import serving
from web.desk import TOGETHER, Desk, a_desk, name, unfit

pytestmark = TOGETHER

LONG = "# Title\n\nText with `code`, [a link](http://a.example) and a mark [1].\n\n> quote\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n"
CODE = '```python\nasync def f(x: int = 1) -> str:\n    """Doc."""\n    return "text"  # a comment\n```\n'


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_chat_is_fit(desk: Desk, theme: str) -> None:
    """The empty page, a conversation with everything in it, a failed answer, the menu, the filters, the edit form, hits of a search,
    the dialogs; one that ended, and one that is not there."""
    await desk.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    bot_id = await desk.bot(name(), "scripted:fail?code=provider_error&count=3")
    title = name("Fit")
    conversation_id = await desk.conversation(bot_id, "What is it?", LONG + CODE, title=title)
    await desk.go()
    await desk.page.locator(".suggestions").wait_for()
    assert await unfit(desk.page) == []
    await desk.open(conversation_id)
    await desk.page.locator(".hljs-string").first.wait_for()
    await desk.button("Good answer").click()
    await desk.say("Fail, please")
    await expect(desk.answer.locator(".note.bad .button")).to_be_visible()
    await desk.button("Filters").click()
    await desk.button(f"Actions for {title}").focus()
    await desk.page.keyboard.press("Enter")
    await desk.page.get_by_role("menu").wait_for()
    assert await unfit(desk.page) == []
    await desk.page.keyboard.press("Escape")
    await desk.box.press("ArrowUp")
    await desk.page.get_by_role("textbox", name="Edit the question").wait_for()
    assert await unfit(desk.page) == []
    await desk.page.keyboard.press("Escape")
    await desk.page.get_by_role("searchbox").fill("mark")
    await desk.page.locator(".hit").first.wait_for()
    assert await unfit(desk.page) == []
    for dialog in ("End", "Export", "Keyboard shortcuts"):
        await desk.button(dialog).click()
        await desk.page.get_by_role("dialog").wait_for()
        assert await unfit(desk.page) == []
        await desk.page.keyboard.press("Escape")
    await desk.http.post(f"/v1/conversations/{conversation_id}/end", json={"rating": 4})
    await desk.open(conversation_id)
    await desk.page.get_by_text("This conversation has ended.").wait_for()
    assert await unfit(desk.page) == []
    desk.faults.expected.append("status of 404")
    await desk.go("/c/conv_0198c0de00007000800000000000abcd")
    await desk.page.get_by_text("This conversation is not here.").wait_for()
    assert await unfit(desk.page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_telephone_is_fit(desk: Desk, theme: str) -> None:
    """The drawer, open."""
    await desk.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    await desk.page.set_viewport_size({"width": 390, "height": 780})
    await desk.open(await desk.conversation(await desk.bot(name()), "q", "a"))
    await desk.button("Show the list").click()
    await desk.page.locator(".entry").first.wait_for()
    assert await unfit(desk.page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_bots_are_fit(desk: Desk, theme: str) -> None:
    """The list, the empty form, and a bot with a document, its passages and what was found; the question before it is deleted."""
    await desk.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    bot_id = await desk.bot(name())
    await desk.document(bot_id, "Handbook", "Refunds are given within 30 days.")
    await desk.go("/bots")
    await desk.page.locator(".cards").wait_for()
    assert await unfit(desk.page) == []
    await desk.go("/bots/new")
    await desk.button("Create").wait_for()
    assert await unfit(desk.page) == []
    await desk.go(f"/bots/{bot_id}")
    await desk.button("Actions for Handbook").click()
    await desk.page.get_by_role("menuitem", name="Show the passages").click()
    await desk.page.get_by_role("searchbox", name="A question to the documents").fill("refunds")
    await desk.button("Find").click()
    await expect(desk.page.locator(".passage")).to_have_count(2)
    await desk.button("See what would be used").click()
    await expect(desk.page.get_by_text("Nothing new fits")).to_be_visible()
    await desk.button("Add text").click()
    await desk.page.get_by_role("textbox", name="A question to try").fill("refunds?")
    await desk.button("Ask").click()
    await expect(desk.page.get_by_text("Nothing of this is kept.")).to_be_visible()
    assert await unfit(desk.page) == []
    assert await desk.page.evaluate("() => document.documentElement.scrollHeight <= innerHeight + 1")
    await desk.button("Delete").click()
    await desk.page.get_by_role("dialog").wait_for()
    assert await unfit(desk.page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_analytics_are_fit(desk: Desk, theme: str) -> None:
    """Totals, pictures, one of them with its numbers and a day that is read, tables and questions; with nothing; on a telephone."""
    await desk.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    bot_id = await desk.bot(name(), "scripted:Gladly.")
    chat = await desk.made("/v1/conversations", {"bot_id": bot_id})
    await desk.made(f"/v1/conversations/{chat['id']}/messages", {"text": "When do parcels leave?"})
    await desk.go(f"/analytics?period=7d&bot={bot_id}")
    await desk.page.locator(".item time").wait_for()
    await desk.page.get_by_text("Show the numbers").first.click()
    await desk.page.get_by_role("slider").nth(1).focus()
    await desk.page.keyboard.press("Home")
    await desk.page.locator(".tip").wait_for()
    assert await unfit(desk.page) == []
    await desk.page.set_viewport_size({"width": 390, "height": 780})
    assert await desk.page.evaluate("() => document.querySelector('.sheet').scrollWidth <= innerWidth")
    assert await unfit(desk.page) == []
    await desk.go("/analytics?from=2020-01-01&to=2020-01-02")
    await desk.page.get_by_text("Nothing happened here").wait_for()
    assert await unfit(desk.page) == []


async def test_a_closed_widget_is_fit(desk: Desk) -> None:
    """The page of a bot that talks on no other page, in both themes."""
    desk.faults.expected.append("status of 404")
    bot_id = await desk.bot(name())
    for theme in ("light", "dark"):
        await desk.page.emulate_media(color_scheme=theme)
        await desk.go(f"/embed/{bot_id}")
        await desk.page.get_by_role("heading", name="This chat is closed").wait_for()
        assert await unfit(desk.page) == []


async def test_the_door_is_fit(browser: Browser, tmp_path: Path) -> None:
    """The first bot and the sign-in, in both themes."""
    async with serving(tmp_path / "chat.db", {}) as server, a_desk(browser, server.url) as desk:
        for _ in ("first bot", "sign in"):
            for theme in ("light", "dark"):
                await desk.page.emulate_media(color_scheme=theme)
                await desk.go()
                await desk.page.locator(".card").wait_for()
                assert await unfit(desk.page) == []
            await desk.http.post("/v1/keys", json={"scope": "read"})


async def test_a_server_that_is_away_is_fit(desk: Desk) -> None:
    """What one sees where the page can't reach it, in both themes."""
    desk.faults.expected.append("net::ERR_")
    await desk.page.route("**/v1/session", lambda route: route.abort())
    for theme in ("light", "dark"):
        await desk.page.emulate_media(color_scheme=theme)
        await desk.go()
        await desk.page.get_by_role("heading", name="Palaver can't be reached").wait_for()
        assert await unfit(desk.page) == []


async def test_no_bots_are_fit(browser: Browser, tmp_path: Path) -> None:
    """The pages of who may only read where there is nothing to read, in both themes: they say so, and offer nothing that is refused."""
    async with serving(tmp_path / "chat.db", {}) as server, a_desk(browser, server.url) as desk:
        desk.faults.expected.append("status of 401")
        admin = (await desk.made("/v1/keys", {"scope": "admin"}))["secret"]
        shown = {"Authorization": f"Bearer {admin}"}
        read = (await desk.made("/v1/keys", {"scope": "read"}, headers=shown))["secret"]
        await desk.go()
        await desk.page.get_by_label("API key").fill(read)
        await desk.button("Sign in").click()
        for theme in ("light", "dark"):
            await desk.page.emulate_media(color_scheme=theme)
            await desk.go()
            await desk.page.get_by_role("heading", name="No bots yet").wait_for()
            assert await unfit(desk.page) == []
            await desk.go("/bots")
            await desk.page.get_by_role("heading", name="Bots").wait_for()
            await expect(desk.page.get_by_role("main")).to_contain_text("No bots yet")
            await expect(desk.page.get_by_role("link", name="New bot")).to_have_count(0)
            assert await unfit(desk.page) == []


async def test_the_list_can_be_skipped(desk: Desk) -> None:
    """The first key that one presses offers to go past the list, to the page itself."""
    await desk.go("/bots")
    await desk.page.locator(".cards").wait_for()
    await desk.page.keyboard.press("Tab")
    skip = desk.page.get_by_role("link", name="Skip the list")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#main")).to_be_focused()


async def test_what_is_heard(desk: Desk) -> None:
    """A screen reader hears that an answer begins and that it is complete, and then all of it once; never what is being written."""
    await desk.open(await desk.conversation(await desk.bot(name(), "scripted:words?count=60&delay=0.02")))
    await desk.say("Count")
    status = desk.page.get_by_role("status").filter(has_text="The answer begins")
    await expect(status).to_be_attached()
    await expect(desk.answer).to_have_attribute("aria-busy", "true")
    spoken = desk.page.get_by_role("log", name="The newest answer")
    await expect(spoken).to_be_empty()
    await expect(desk.page.get_by_role("status").filter(has_text="The answer is complete")).to_be_attached()
    await expect(spoken).to_contain_text("word59")
    await expect(desk.answer).to_have_attribute("aria-busy", "false")
    assert await desk.answer.evaluate("(answer) => answer.closest('[aria-live]')") is None


@pytest.mark.slow
async def test_a_long_answer_is_not_silent(desk: Desk) -> None:
    """Every few seconds one hears that it still goes on."""
    await desk.open(await desk.conversation(await desk.bot(name(), "scripted:words?count=600&delay=0.05")))
    await desk.say("Count")
    await expect(desk.page.get_by_role("status").filter(has_text="Still answering")).to_be_attached()
    await desk.button("Stop").click()
    await expect(desk.page.get_by_role("status").filter(has_text="The answer was interrupted")).to_be_attached()
