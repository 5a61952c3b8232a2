"""A server that is away, stuck or killed, and a connection that is down: what one is told, and that no text is lost."""

from __future__ import annotations

import re

from playwright.async_api import Locator, expect

from web.desk import TOGETHER, Desk, name

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
