"""The analytics: a time and a bot are chosen, pictures and numbers say what the API says, and questions lead to their conversations."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Locator, Route, expect

from crash.process import serving
from web.desk import TOGETHER, Desk, a_desk, name
from web.past import moved

pytestmark = TOGETHER

JANUARY = "from=2026-01-01&to=2026-01-10&timezone=Europe/Berlin"
KNOWN = "scripted:Gladly."


async def had(desk: Desk, bot_id: str, day: int, *questions: str, hour: int = 12, rating: int | None = None) -> str:
    """Have a conversation on a day of January; the answer of its last question is rated."""
    made = await desk.made("/v1/conversations", {"bot_id": bot_id, "entity_type": "USER", "external_id": name("u")})
    for question in questions:
        sent = await desk.made(f"/v1/conversations/{made['id']}/messages", {"text": question})
    if rating is not None:
        await desk.http.post(f"/v1/messages/{sent['message']['id']}/rating", json={"rating": rating})
    return await moved(desk, made["id"], datetime(2026, 1, day, hour, tzinfo=UTC), slower=50)


async def a_week(desk: Desk) -> str:
    """Make a bot that was talked to on two days of January; return its id."""
    bot_id = await desk.bot(name("Week"), KNOWN)
    await had(desk, bot_id, 2, "When do parcels leave?", "And on Sundays?", rating=5)
    await had(desk, bot_id, 5, "Is there a discount?", rating=2)
    return bot_id


async def shown(desk: Desk, query: str) -> None:
    """Open the analytics and wait for the figures."""
    await desk.go(f"/analytics?{query}")
    await desk.page.locator(".totals").wait_for()


def total(desk: Desk, called: str) -> Locator:
    """One of the numbers on top."""
    return desk.page.locator(".total").filter(has=desk.page.locator("dt", has_text=re.compile(f"^{called}$")))


def picture(desk: Desk, title: str) -> Locator:
    """A picture by its title."""
    return desk.page.locator("figure").filter(has=desk.page.get_by_role("heading", name=title, exact=True))


def reader(desk: Desk, title: str) -> Locator:
    """What reads a picture with the pointer and the arrow keys."""
    return desk.page.get_by_role("slider", name=f"{title}: read with the arrow keys")


async def numbers(desk: Desk, title: str) -> list[list[str]]:
    """Open the numbers of a picture; return its table, the head first."""
    await picture(desk, title).get_by_text("Show the numbers").click()
    rows = picture(desk, title).locator("tr")
    return [await rows.nth(at).locator("th, td").all_text_contents() for at in range(await rows.count())]


async def test_totals_and_numbers_are_those_of_the_api(desk: Desk) -> None:
    """Totals, every day of a picture, the tables of bots and models: what the API says of the same time and bot."""
    bot_id = await a_week(desk)
    await shown(desk, f"{JANUARY}&bot={bot_id}")
    await expect(total(desk, "Conversations").locator("dd").first).to_have_text("2")
    await expect(total(desk, "Turns")).to_contain_text("3 completed, 0 interrupted, 0 failed")
    await expect(total(desk, "Satisfaction")).to_contain_text("3.5 / 5")
    await expect(total(desk, "Cost")).to_contain_text("no price configured")
    await expect(total(desk, "Whole answer")).to_contain_text("p95")
    report = await desk.got(f"/v1/analytics/figures?{JANUARY}&bot_id={bot_id}")
    turns = await numbers(desk, "Turns, by how they ended")
    assert turns[0] == ["Day", "completed", "interrupted", "failed"]
    assert [row[1] for row in turns[1:]] == [str(day["figures"]["completed"]) for day in report["rows"]]
    assert (turns[2][0], turns[2][1:]) == ("Fri, Jan 2, 2026", ["2", "0", "0"])
    ratings = await numbers(desk, "Ratings")
    assert [row[:2] for row in ratings[1:]] == [[f"{n} star{'s'[: n > 1]}", str(int(n in (2, 5)))] for n in range(1, 6)]
    called = (await desk.got(f"/v1/bots/{bot_id}"))["name"]
    row = desk.page.get_by_role("region", name="Bots", exact=True).get_by_role("row").filter(has_text=called)
    await expect(row.get_by_role("cell").nth(1)).to_have_text("3")
    await expect(row).to_contain_text("no price")
    await expect(desk.page.get_by_role("region", name="Models", exact=True)).to_contain_text(KNOWN)


async def test_a_file_is_the_servers(desk: Desk, tmp_path: Path) -> None:
    """Each picture and each table has its numbers as the CSV that the server writes, with no formula in it."""
    bot_id = await desk.bot(name("=Sum"), KNOWN)
    await had(desk, bot_id, 3, "Hello?", rating=4)
    await shown(desk, f"{JANUARY}&bot={bot_id}")
    links = desk.page.get_by_role("link", name=re.compile("download as CSV"))
    assert await links.count() == await desk.page.locator("figure").count() + 2
    for link in await links.all():
        await asyncio.sleep(0.12)  # Chromium drops what is more than ten downloads of a page within a second
        async with desk.page.expect_download() as coming:
            await link.click()
        file = await coming.value
        await file.save_as(tmp_path / "a.csv")
        said = (await desk.http.get(str(await link.get_attribute("href")))).content
        assert (tmp_path / "a.csv").read_bytes() == said
        rows = list(csv.reader(said.decode().splitlines()))
        assert len(rows) > 1
        assert not any(cell.startswith("=") for row in rows for cell in row)
    turns = picture(desk, "Turns, by how they ended").get_by_role("link")
    text = (await desk.http.get(str(await turns.get_attribute("href")))).text
    assert text.splitlines()[0] == '"key","completed","interrupted","failed"'
    assert '"2026-01-03","1","0","0"' in text


async def test_days_are_read_with_keys_and_pointer(desk: Desk) -> None:
    """The arrow keys go from day to day, Home and End to the ends; a screen reader hears the day with exact numbers; so does one
    see them who points at it."""
    bot_id = await a_week(desk)
    await shown(desk, f"{JANUARY}&bot={bot_id}")
    box = reader(desk, "Turns, by how they ended")
    await desk.page.get_by_role("combobox", name="Bot").focus()
    while not await box.evaluate("(it) => it === document.activeElement"):
        await desk.page.keyboard.press("Tab")
    tip = picture(desk, "Turns, by how they ended").locator(".tip")
    await expect(tip).to_contain_text("Sat, Jan 10, 2026")
    for key, day, completed in (
        ("Home", "Thu, Jan 1, 2026", 0),
        ("ArrowRight", "Fri, Jan 2, 2026", 2),
        ("End", "Sat, Jan 10, 2026", 0),
        ("ArrowRight", "Sat, Jan 10, 2026", 0),
        ("ArrowLeft", "Fri, Jan 9, 2026", 0),
    ):
        await desk.page.keyboard.press(key)
        said = f"{day}: completed {completed}, interrupted 0, failed 0"
        await expect(box).to_have_attribute("aria-valuetext", said)
        await expect(tip).to_contain_text(day)
    await desk.page.keyboard.press("Tab")
    await expect(tip).to_have_count(0)
    area = await box.bounding_box()
    assert area is not None
    await box.hover(position={"x": area["width"] * 0.15, "y": 20})
    await expect(tip).to_contain_text("Fri, Jan 2, 2026")
    await expect(tip.locator("strong").first).to_have_text("2")
    bars = picture(desk, "Turns, by how they ended").locator(".fill0 rect")
    assert await bars.count() == 2
    heights = [float(str(await bar.get_attribute("height"))) for bar in await bars.all()]
    assert heights[0] == pytest.approx(2 * heights[1])


async def test_the_address_is_what_is_chosen(browser: Browser, server_url: str) -> None:
    """What is chosen stands in the address: a link shows the same, in another time zone, too; back goes back."""
    async with a_desk(browser, server_url, timezone_id="Asia/Tokyo") as desk:
        bot_id = await desk.bot(name("Night"), KNOWN)
        await had(desk, bot_id, 5, "Late?", hour=23)  # the 6th in Tokyo
        await desk.go()
        await desk.page.get_by_role("link", name="Analytics").click()
        await expect(desk.page).to_have_url(desk.url + "/analytics")
        await desk.page.get_by_role("combobox", name="Bot").select_option(bot_id)
        await expect(desk.page.get_by_text("Nothing happened here")).to_be_visible()
        for period, text in (("7d", "Last 7 days"), ("month", "This month"), ("last-month", "Last month"), ("90d", "")):
            await desk.page.get_by_role("combobox", name="Time").select_option(period)
            query = parse_qs(urlsplit(desk.page.url).query)
            assert query == {"period": [period], "timezone": ["Asia/Tokyo"], "bot": [bot_id]}, text
        await desk.page.get_by_role("combobox", name="Time").select_option("own")
        await desk.page.get_by_label("From", exact=True).fill("2026-01-06")
        await desk.page.get_by_label("To", exact=True).fill("2026-01-06")
        await expect(total(desk, "Turns").locator("dd").first).to_have_text("1")
        link = desk.page.url
        assert "from=2026-01-06&to=2026-01-06" in link
        await desk.page.go_back()
        await expect(desk.page).not_to_have_url(link)
        await desk.page.go_forward()
        await expect(total(desk, "Turns").locator("dd").first).to_have_text("1")
    async with a_desk(browser, server_url, timezone_id="Europe/Berlin") as desk:
        await desk.page.goto(link)
        await expect(total(desk, "Turns").locator("dd").first).to_have_text("1")
        await expect(desk.page.get_by_role("status").filter(has_text="days of Asia/Tokyo")).to_be_visible()
        await expect(desk.page.get_by_role("combobox", name="Bot")).to_have_value(bot_id)
        await desk.button("Days of Europe/Berlin").click()
        await expect(total(desk, "Turns").locator("dd").first).to_have_text("1")  # half past midnight on the 6th
        await desk.page.get_by_label("From", exact=True).fill("2026-01-07")
        await expect(desk.page.get_by_label("To", exact=True)).to_have_value("2026-01-07")
        await expect(desk.page.get_by_text("Nothing happened here")).to_be_visible()
        await desk.page.goto(f"{desk.url}/analytics?from=2026-02-31&to=x&period=never&timezone=Mars&bot=../x")
        await expect(desk.page.get_by_role("combobox", name="Time")).to_have_value("30d")
        await expect(desk.page.get_by_role("combobox", name="Bot")).to_have_value("")


async def test_unanswered_questions_lead_to_their_place(desk: Desk) -> None:
    """What was answered with nothing from documents is listed, the last first, by pages; a question leads to its message."""
    bot_id = await desk.bot(name("Unread"), KNOWN)
    for day in range(1, 7):
        await had(desk, bot_id, day, f"First of day {day}?", f"Second of day {day}?")
    await shown(desk, f"{JANUARY}&bot={bot_id}")
    section = desk.page.get_by_role("region", name="Unanswered questions")
    items = section.get_by_role("listitem")
    await expect(items).to_have_count(10)
    await expect(items.first).to_contain_text("Second of day 6?")
    await expect(section).to_contain_text("10 of 12")
    await section.get_by_role("button", name="Show more").click()
    await expect(items).to_have_count(12)
    await expect(section.get_by_role("button", name="Show more")).to_have_count(0)
    await items.filter(has_text="First of day 3?").get_by_role("link").click()
    await expect(desk.page).to_have_url(re.compile("/c/conv_[0-9a-f]{32}#msg_[0-9a-f]{32}$"))
    await expect(desk.page.locator(".message.user").first).to_contain_text("First of day 3?")


async def test_loading_failing_and_nothing(desk: Desk) -> None:
    """A skeleton while it loads, a sentence and a second try when it fails, words where there is nothing."""
    desk.faults.expected += ["status of 503", "ERR_FAILED"]
    bot_id = await a_week(desk)
    going = asyncio.Event()

    async def slowly(route: Route) -> None:
        await going.wait()
        problem = {"code": "store_unavailable", "detail": "The store rests."}
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))

    await desk.page.route("**/v1/analytics/figures?*", slowly)
    await desk.go(f"/analytics?{JANUARY}&bot={bot_id}")
    await expect(desk.page.locator(".panel.skeleton").first).to_be_visible()
    going.set()
    await expect(desk.page.get_by_role("alert")).to_contain_text("The store rests.")
    await desk.page.unroute("**/v1/analytics/figures?*")
    await desk.page.route("**/v1/analytics/unfound?*", lambda route: route.abort())
    await desk.button("Try again").click()
    await expect(total(desk, "Turns").locator("dd").first).to_have_text("3")
    await expect(desk.page.get_by_role("alert")).to_contain_text("Palaver can't be reached.")
    await desk.page.unroute("**/v1/analytics/unfound?*")
    await desk.button("Try again").click()
    await expect(desk.page.get_by_role("alert")).to_have_count(0)
    await expect(desk.page.get_by_role("region", name="Unanswered questions").get_by_role("listitem")).to_have_count(3)
    await desk.page.get_by_label("From", exact=True).fill("2026-01-07")
    await expect(desk.page.get_by_text("No conversations in this time with this bot.")).to_be_visible()


async def test_a_price(browser: Browser, tmp_path: Path) -> None:
    """A cost is shown in the unit of the price table, to the millionth in full."""
    prices = {KNOWN: [{"from": "2020-01-01", "input": 1_000_000, "output": 1_000_000}]}
    async with (
        serving(tmp_path / "chat.db", {"PALAVER_PRICES": json.dumps(prices)}) as server,
        a_desk(browser, server.url) as desk,
    ):
        bot_id = await desk.bot("Priced", KNOWN)
        await had(desk, bot_id, 2, "How much?")
        micro = (await desk.got(f"/v1/analytics/figures?by=total&{JANUARY}"))["total"]["cost_micro"]
        assert 0 < micro < 1_000
        await shown(desk, JANUARY)
        cost = f"{micro / 1_000_000:.6f}"
        await expect(total(desk, "Cost").locator("dd")).to_have_attribute("title", cost)
        assert (await numbers(desk, "Cost"))[2] == ["Fri, Jan 2, 2026", cost]


async def test_on_paper(desk: Desk) -> None:
    """Printed are the pictures and what is open, all of it, and nothing that one presses."""
    bot_id = await a_week(desk)
    await shown(desk, f"{JANUARY}&bot={bot_id}")
    await numbers(desk, "Tokens")
    await desk.page.emulate_media(media="print")
    await expect(desk.page.locator(".drawing").last).to_be_visible()
    await expect(desk.page.locator(".sidebar")).to_be_hidden()
    assert await desk.page.locator("button:visible, select:visible, a.button:visible").count() == 0
    cut = """() => [...document.querySelectorAll(".main, .sheet, [open] .scrolls")].filter(
      (it) => it.scrollHeight > it.clientHeight + 1).length"""
    assert await desk.page.evaluate(cut) == 0
