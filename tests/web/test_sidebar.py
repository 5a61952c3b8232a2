"""The list beside the conversation: days, search, filters, pages, and what can be done with a conversation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import Locator, expect

from web.desk import TOGETHER, Desk, name
from web.past import moved

pytestmark = TOGETHER


def entry(desk: Desk, title: str) -> Locator:
    """The line of a conversation in the list."""
    return desk.page.locator(".list li").filter(has_text=title)


async def act(desk: Desk, title: str, what: str) -> None:
    """Choose from the menu of a conversation."""
    await entry(desk, title).hover()
    await desk.button(f"Actions for {title}").click()
    await desk.page.get_by_role("menuitem", name=what).click()


async def test_rename_in_place(desk: Desk) -> None:
    """The title becomes a field; Enter stores it, Escape leaves it; the head of the conversation says the same."""
    title, other = name("Old"), name("New")
    conversation_id = await desk.conversation(await desk.bot(name()), "q", "a", title=title)
    await desk.open(conversation_id)
    await act(desk, title, "Rename")
    field = desk.page.get_by_role("textbox", name="Title")
    await expect(field).to_be_focused()
    await field.fill("not this")
    await field.press("Escape")
    await expect(entry(desk, title)).to_be_visible()
    await act(desk, title, "Rename")
    await field.fill(other)
    async with desk.page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await field.press("Enter")
        await expect(entry(desk, other)).to_be_visible()
        await expect(desk.page.get_by_role("heading", level=1)).to_have_text(other)
    assert (await desk.got(f"/v1/conversations/{conversation_id}"))["title"] == other


async def test_archive_and_undo(desk: Desk) -> None:
    """An archived conversation leaves the list of active ones, and Undo brings it back as it was."""
    title = name("Archive")
    conversation_id = await desk.conversation(await desk.bot(name()), "q", "a", title=title)
    await desk.open(conversation_id)
    await act(desk, title, "Archive")
    await expect(entry(desk, title)).to_have_count(0)
    await expect(desk.page.get_by_text("This conversation is archived.")).to_be_visible()
    assert (await desk.got(f"/v1/conversations/{conversation_id}"))["status"] == "archived"
    await desk.button("Undo").click()
    await expect(entry(desk, title)).to_be_visible()
    await expect(desk.box).to_be_visible()
    assert (await desk.got(f"/v1/conversations/{conversation_id}"))["status"] == "active"


async def test_delete_after_a_question(desk: Desk) -> None:
    """Cancel and Escape leave it, and the focus goes back to where it was; Delete deletes and leaves it; Undo restores."""
    title = name("Delete")
    conversation_id = await desk.conversation(await desk.bot(name()), "q", "a", title=title)
    await desk.open(conversation_id)
    dialog = desk.page.get_by_role("dialog")
    await act(desk, title, "Delete …")
    await expect(dialog).to_contain_text(title)
    await desk.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(desk.button(f"Actions for {title}")).to_be_focused()
    await act(desk, title, "Delete …")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(entry(desk, title)).to_have_count(0)
    await expect(desk.page).to_have_url(desk.url + "/")
    assert (await desk.http.get(f"/v1/conversations/{conversation_id}")).status_code == 404
    await desk.button("Undo").click()
    await expect(entry(desk, title)).to_be_visible()


async def test_end_with_a_rating(desk: Desk) -> None:
    """Ending asks how it was; an ended conversation takes no message until it is reopened."""
    title = name("End")
    conversation_id = await desk.conversation(await desk.bot(name()), "q", "a", title=title)
    await desk.open(conversation_id)
    await desk.button("End").click()
    dialog = desk.page.get_by_role("dialog")
    await dialog.get_by_role("radio", name="4 of 5").check()
    await dialog.get_by_role("textbox", name="Comment").fill("helpful")
    await dialog.get_by_role("button", name="End").click()
    await expect(desk.page.get_by_text("This conversation has ended.")).to_be_visible()
    stored = await desk.got(f"/v1/conversations/{conversation_id}")
    assert (stored["status"], stored["rating"], stored["feedback"]) == ("ended", 4, "helpful")
    await desk.button("Ended").click()
    await expect(entry(desk, title)).to_contain_text("★ 4")
    await desk.button("Reopen").click()
    await expect(desk.box).to_be_visible()
    await expect(entry(desk, title)).to_have_count(0)


async def test_the_menu_by_keyboard(desk: Desk) -> None:
    """Arrow keys go round, Escape closes it and gives the focus back, and stops no answer."""
    title = name("Menu")
    conversation_id = await desk.conversation(await desk.bot(name()), title=title)
    await desk.open(conversation_id)
    button = desk.button(f"Actions for {title}")
    await button.focus()
    await button.press("Enter")
    await expect(desk.page.get_by_role("menuitem", name="Rename")).to_be_focused()
    await desk.page.keyboard.press("ArrowUp")
    await expect(desk.page.get_by_role("menuitem", name="Delete …")).to_be_focused()
    await desk.page.keyboard.press("ArrowDown")
    await expect(desk.page.get_by_role("menuitem", name="Rename")).to_be_focused()
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.get_by_role("menu")).to_have_count(0)
    await expect(button).to_be_focused()


async def test_search_shows_hits_in_place(desk: Desk) -> None:
    """Words find titles and texts; hits stand below their conversation, marked, and lead to the message itself."""
    word = name("quokka").replace(" ", "")
    said = [f"message {number}" for number in range(120)]
    said[3] = f"The **{word}** lives on an island"
    conversation_id = await desk.conversation(await desk.bot(name()), *said, title=name("Animals"))
    await desk.go()
    await desk.page.locator(".suggestions").wait_for()
    await desk.page.keyboard.press("Control+k")
    search = desk.page.get_by_role("searchbox", name="Search conversations")
    await expect(search).to_be_focused()
    await search.fill(word)
    hit = desk.page.locator(".hit")
    await expect(hit).to_have_count(1)
    await expect(hit.locator("mark")).to_have_text(word)
    await hit.click()
    await expect(desk.page).to_have_url(re.compile(rf"/c/{conversation_id}#msg_"))
    found = desk.page.locator(".message").filter(has_text="lives on an island")
    await expect(found).to_be_in_viewport()
    await expect(found).to_be_focused()
    await search.fill(name("nothing"))
    await expect(desk.page.get_by_text("Nothing holds these words.")).to_be_visible()


async def test_late_answers_to_a_search_are_dropped(desk: Desk) -> None:
    """What was searched for last is shown, though an earlier answer comes later."""
    bot_id, first, second = await desk.bot(name()), name("alpha"), name("beta")
    await desk.conversation(bot_id, title=first)
    await desk.conversation(bot_id, title=second)
    held = []
    await desk.go()
    await desk.page.route(re.compile("q=alpha"), lambda route: held.append(route))
    search = desk.page.get_by_role("searchbox", name="Search conversations")
    async with desk.page.expect_request(re.compile("q=alpha")):
        await search.fill(first)
    await search.fill(second)
    await expect(entry(desk, second)).to_be_visible()
    await expect(entry(desk, first)).to_have_count(0)
    async with desk.page.expect_response(re.compile("/v1/conversations.*q=alpha")) as late:
        for route in held:
            await route.continue_()
    assert first in await (await late.value).text()
    await desk.page.evaluate("() => new Promise(requestAnimationFrame)")
    await expect(entry(desk, second)).to_be_visible()
    await expect(entry(desk, first)).to_have_count(0)


async def test_filters(desk: Desk) -> None:
    """By status, by bot, by who talked; best rated first."""
    bot_id, other = await desk.bot(name("Filtered")), await desk.bot(name("Other"))
    await desk.conversation(other, title=name("Elsewhere"))
    for title, rating, external in (("Poor", 1, "ext-1"), ("Good", 5, "ext-2"), ("Fair", 3, "ext-3")):
        body = {"bot_id": bot_id, "title": title, "entity": {"type": "LEAD"}, "external_id": f"{external}-{bot_id}"}
        made = await desk.made("/v1/conversations", body)
        await desk.http.post(f"/v1/conversations/{made['id']}/end", json={"rating": rating})
    await desk.go()
    await desk.button("Filters").click()
    await desk.page.locator("#filters").get_by_role("combobox", name="Bot").select_option(bot_id)
    await expect(desk.page.get_by_text("No conversations here yet.")).to_be_visible()
    await desk.button("Ended").click()
    titles = desk.page.locator(".entry .title")
    await expect(titles).to_have_text(["Fair", "Good", "Poor"])
    await desk.page.get_by_role("combobox", name="Order").select_option("rating")
    await expect(titles).to_have_text(["Good", "Fair", "Poor"])
    await desk.page.get_by_label("External id").fill(f"ext-1-{bot_id}")
    await desk.page.get_by_label("External id").press("Tab")
    await expect(titles).to_have_text(["Poor"])


async def test_filters_by_rating(desk: Desk) -> None:
    """A range of ratings; one that is rated while it is looked at comes in or leaves."""
    bot_id, ids = await desk.bot(name("Rated")), {}
    for title, rating in (("Poor", 1), ("Fair", 3), ("Good", 5), ("None", None)):
        ids[title] = await desk.conversation(bot_id, title=title)
        await desk.http.post(f"/v1/conversations/{ids[title]}/end", json={"rating": rating} if rating else {})
    await desk.open(ids["Fair"])
    await desk.button("Filters").click()
    await desk.page.locator("#filters").get_by_role("combobox", name="Bot").select_option(bot_id)
    await desk.button("All").click()
    titles = desk.page.locator(".entry .title")
    for range_, found in (("4-5", ["Good"]), ("1-2", ["Poor"]), ("1-5", ["Good", "Fair", "Poor"]), ("3-3", ["Fair"])):
        await desk.page.get_by_role("combobox", name="Rating").select_option(range_)
        await expect(titles).to_have_text(found)
    await desk.http.post(f"/v1/conversations/{ids['Fair']}/end", json={"rating": 2})
    await desk.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    await expect(titles).to_have_count(0)


async def test_filters_by_person(desk: Desk) -> None:
    """By one person, chosen among the filters or from the menu of one of their conversations."""
    bot_id, ada, bob = await desk.bot(name("Persons")), name("Ada"), name("Bob")
    people = {each: (await desk.made("/v1/entities", {"type": "USER", "name": each}))["id"] for each in (ada, bob)}
    for title, who in (("First", ada), ("Second", bob), ("Third", ada)):
        await desk.made("/v1/conversations", {"bot_id": bot_id, "title": title, "entity_id": people[who]})
    await desk.go()
    await desk.button("Filters").click()
    titles = desk.page.locator(".entry .title")
    who = desk.page.get_by_role("combobox", name="Who")
    await who.select_option(label=bob)
    await expect(titles).to_have_text(["Second"])
    await who.select_option("")
    await act(desk, "Third", f"All with {ada}")
    await expect(titles).to_have_text(["Third", "First"])
    await expect(who).to_have_value(people[ada])
    await who.select_option("LEAD")
    await expect(desk.page.locator(".entry .title").filter(has_text="Third")).to_have_count(0)


async def test_the_list_has_no_end(desk: Desk) -> None:
    """Pages come as one scrolls; all are under today, the newest first."""
    bot_id = await desk.bot(name("Many"))
    for number in range(95):
        await desk.conversation(bot_id, title=f"Number {number:03}")
    await desk.go()
    await desk.button("Filters").click()
    await desk.page.locator("#filters").get_by_role("combobox", name="Bot").select_option(bot_id)
    await expect(desk.page.get_by_role("heading", name="Today")).to_be_visible()
    titles = desk.page.locator(".entry .title")
    await expect(titles.first).to_have_text("Number 094")
    while await titles.count() < 95:
        count = await titles.count()
        await titles.last.scroll_into_view_if_needed()
        await expect(titles.nth(count)).to_be_attached()
    assert await titles.all_inner_texts() == [f"Number {number:03}" for number in reversed(range(95))]


async def test_by_day(desk: Desk) -> None:
    """Under the days of this week, and under months before it."""
    bot_id, today = await desk.bot(name("Days")), datetime.now(UTC).replace(hour=12)
    for ago in (0, 1, 3, 40):
        made = await desk.conversation(bot_id, "q", "a", title=f"{ago} ago")
        if ago:
            await moved(desk, made, today - timedelta(days=ago))
    await desk.go()
    await desk.button("Filters").click()
    await desk.page.locator("#filters").get_by_role("combobox", name="Bot").select_option(bot_id)
    days = desk.page.locator(".list h2")
    third, fortieth = (today - timedelta(days=ago) for ago in (3, 40))
    await expect(days).to_have_text(["Today", "Yesterday", f"{third:%A}", f"{fortieth:%B %Y}"])
    await expect(desk.page.locator(".entry .title")).to_have_text(["0 ago", "1 ago", "3 ago", "40 ago"])


async def test_theme(desk: Desk) -> None:
    """The theme is the system's until one chooses; the choice is remembered and set before anything is painted."""
    paper = "() => getComputedStyle(document.body).backgroundColor"
    await desk.page.emulate_media(color_scheme="dark")
    await desk.go()
    await desk.button("Light theme").wait_for()
    dark = await desk.page.evaluate(paper)
    await desk.button("Light theme").click()
    light = await desk.page.evaluate(paper)
    assert light != dark
    await desk.page.reload()
    await desk.button("Dark theme").wait_for()
    assert await desk.page.evaluate(paper) == light


async def test_on_a_telephone(desk: Desk) -> None:
    """The list is a drawer, which a choice, Escape and a tap beside it close; nothing is wider than the screen."""
    await desk.page.set_viewport_size({"width": 390, "height": 780})
    title = name("Phone")
    wide = (
        "```\n"
        + "x" * 500
        + "\n```\n\n| "
        + " | ".join("column" for _ in range(20))
        + " |\n|"
        + "---|" * 20
        + "\n\n"
        + "y" * 400
    )
    conversation_id = await desk.conversation(await desk.bot(name()), "z" * 400, wide, title=title)
    await desk.open(conversation_id)
    assert await desk.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert await desk.page.evaluate(
        "() => document.querySelector('.log').scrollWidth <= document.querySelector('.log').clientWidth"
    )
    sidebar = desk.page.locator(".sidebar")
    await expect(sidebar).not_to_be_visible()
    await desk.button("Show the list").click()
    await expect(sidebar).to_be_visible()
    await desk.page.keyboard.press("Escape")
    await expect(sidebar).not_to_be_visible()
    await desk.button("Show the list").click()
    await desk.page.mouse.click(380, 400)
    await expect(sidebar).not_to_be_visible()
    await desk.button("Show the list").click()
    await desk.page.get_by_role("link", name="New conversation").click()
    await expect(sidebar).not_to_be_visible()
    await expect(desk.page.locator(".suggestions")).to_be_visible()


async def test_shortcuts(desk: Desk) -> None:
    """Ctrl+Shift+O begins anew, Shift+Escape goes to the box, Ctrl+Shift+S folds the list, Ctrl+/ shows all of them."""
    await desk.open(await desk.conversation(await desk.bot(name()), "q", "a"))
    await desk.page.keyboard.press("Control+Shift+O")
    await expect(desk.page).to_have_url(desk.url + "/")
    await desk.page.get_by_role("searchbox").focus()
    await desk.page.keyboard.press("Shift+Escape")
    await expect(desk.box).to_be_focused()
    await desk.page.keyboard.press("Control+Shift+S")
    await expect(desk.page.locator(".sidebar")).not_to_be_visible()
    await desk.page.keyboard.press("Control+Shift+S")
    await expect(desk.page.locator(".sidebar")).to_be_visible()
    await desk.page.keyboard.press("Control+/")
    await expect(desk.page.get_by_role("dialog")).to_contain_text("Ctrl+Shift+O")
    await desk.page.keyboard.press("Escape")
    await expect(desk.box).to_be_focused()
