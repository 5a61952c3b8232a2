"""Talking: what one sees while asking, while an answer comes, and afterwards."""

from __future__ import annotations

import asyncio
import json
import random
import re

import pytest
from playwright.async_api import Browser, Route, expect

from web.desk import TOGETHER, Desk, a_desk, name

pytestmark = TOGETHER


async def new(desk: Desk, model: str = "scripted:echo") -> str:
    """Open an empty conversation with a bot of this model; return its id."""
    conversation_id = await desk.conversation(await desk.bot(name(), model))
    await desk.open(conversation_id)
    return conversation_id


async def test_a_question_is_answered(desk: Desk) -> None:
    """Enter sends; the question is shown at once, the box is empty and has the focus; the answer is Markdown; both are stored."""
    conversation_id = await new(desk)
    await desk.say("some **bold** words")
    await expect(desk.page.locator(".message.user .bubble")).to_have_text("some **bold** words")
    await expect(desk.box).to_have_value("")
    await expect(desk.box).to_be_focused()
    await expect(desk.answer.locator("strong")).to_have_text("bold")
    await expect(desk.button("Regenerate")).to_be_visible()
    assert [each["text"] for each in await desk.messages(conversation_id)] == [
        "some **bold** words",
        "You said: some **bold** words",
    ]


async def test_a_new_conversation_begins_with_its_first_question(desk: Desk) -> None:
    """From the empty page: its address, its title and its place in the list follow from the first question."""
    await desk.bot(name("Newest"))
    await desk.go()
    await desk.say("Where is the handbook?")
    await expect(desk.answer).to_contain_text("You said: Where is the handbook?")
    await expect(desk.page).to_have_url(re.compile(r"/c/conv_[0-9a-f]{32}$"))
    await expect(desk.page.get_by_role("heading", level=1)).to_have_text("Where is the handbook?")
    await expect(desk.page.locator(".entry[aria-current=page]")).to_contain_text("Where is the handbook?")


async def test_keys_in_the_box(desk: Desk) -> None:
    """Shift+Enter breaks the line; Enter while an input method composes does not send; an empty box sends nothing."""
    await new(desk)
    await expect(desk.button("Send")).to_be_disabled()
    await desk.box.press("Enter")
    await desk.box.fill("one")
    await desk.box.press("Shift+Enter")
    await desk.box.press_sequentially("two")
    await expect(desk.box).to_have_value("one\ntwo")
    composing = (
        "(box) => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    await desk.box.evaluate(composing)
    await expect(desk.page.locator(".message")).to_have_count(0)
    await desk.button("Send").click()
    await expect(desk.answer).to_contain_text("two")


async def test_what_is_seen_before_anything_came(desk: Desk) -> None:
    """A conversation that is on its way is a skeleton; the empty page has four suggestions, and one press asks; a question stands
    there before the server has it, and dots until the first word."""
    conversation_id = await desk.conversation(await desk.bot(name()))
    come = asyncio.Event()

    async def held(route: Route) -> None:
        await come.wait()
        await route.fallback()

    await desk.page.route("**/messages?*", held)
    await desk.go(f"/c/{conversation_id}")
    await expect(desk.page.locator(".skeleton")).to_be_visible()
    come.set()
    suggestions = desk.page.locator(".suggestions button")
    await expect(suggestions).to_have_count(4)
    await expect(desk.page.locator(".skeleton")).to_have_count(0)
    come.clear()
    await desk.page.route(re.compile("/messages$"), held)
    asked = await suggestions.first.inner_text()
    await suggestions.first.click()
    await expect(desk.page.locator(".message.user .bubble")).to_have_text(asked)
    await expect(desk.answer.locator(".dots")).to_be_visible()
    assert await desk.messages(conversation_id) == []
    come.set()
    await expect(desk.answer).to_contain_text(f"You said: {asked}")
    await expect(desk.answer.locator(".dots")).to_have_count(0)


async def test_stop_keeps_what_was_said(desk: Desk) -> None:
    """Stop stands where Send was, Escape does the same; the text so far is kept and stored, and one may go on."""
    conversation_id = await new(desk, "scripted:words?count=3000&delay=0.02")
    await desk.say("Count")
    await expect(desk.answer).to_contain_text("word5")
    await desk.box.fill("not lost")
    await desk.box.press("Enter")
    await expect(desk.box).to_have_value("not lost")
    await desk.button("Stop").click()
    await expect(desk.answer.locator(".note span")).to_have_text("Stopped. What was said is kept.")
    stored = (await desk.messages(conversation_id))[1]
    assert stored["status"] == "interrupted"
    await expect(desk.answer.locator(".prose")).to_have_text(stored["text"].strip())
    await desk.button("Go on").click()
    await expect(desk.page.locator(".message.user")).to_have_count(2)
    await expect(desk.answer).to_contain_text("word5")
    await desk.page.keyboard.press("Escape")
    await expect(desk.answer.locator(".note")).to_contain_text("Stopped.")
    await expect(desk.box).to_have_value("not lost")


async def test_a_reload_in_mid_answer_goes_on(desk: Desk) -> None:
    """The answer belongs to the server: after a reload, and in a second tab, it goes on to the same end."""
    conversation_id = await new(desk, "scripted:words?count=150&delay=0.02")
    await desk.say("Count")
    await expect(desk.answer).to_contain_text("word5")
    await desk.page.reload()
    second = await desk.context.new_page()
    desk.faults.watch(second)
    await second.goto(desk.page.url)
    for page in (desk.page, second):
        await expect(page.locator(".message.assistant .prose")).to_contain_text("word149")
        await expect(page.get_by_role("button", name="Regenerate")).to_be_visible()
    stored = (await desk.messages(conversation_id))[1]
    for page in (desk.page, second):
        assert (await page.locator(".message.assistant .prose").inner_text()).strip() == stored["text"]


async def test_another_tab_and_another_device_see_what_is_asked_here(desk: Desk, browser: Browser) -> None:
    """A question that is asked in one tab is read along in another, and on another device, that have the conversation open."""
    conversation_id = await new(desk, "scripted:words?count=80&delay=0.05")
    async with a_desk(browser, desk.url) as device:
        tab = await desk.context.new_page()
        desk.faults.watch(tab)
        for page in (tab, device.page):
            await page.goto(f"{desk.url}/c/{conversation_id}")
            await page.locator(".empty").wait_for()
        await desk.say("for all")
        await expect(tab.locator(".message.assistant")).to_contain_text("word1")
        await device.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")  # it is taken up
        for page in (desk.page, tab, device.page):
            await expect(page.locator(".message.user .bubble")).to_have_text("for all")
            await expect(page.locator(".message.assistant .prose")).to_contain_text("word79")


@pytest.mark.slow
async def test_any_moment_is_good_for_a_reload(desk: Desk) -> None:
    """Reloaded at 20 moments of streams, the page shows the stored texts in the end."""
    conversation_id = await new(desk, "scripted:words?count=1000&delay=0.02")
    moments, reloads, answers = random.Random(20260601), 0, 0
    while reloads < 20:
        if not await desk.button("Stop").count():
            await desk.say("Count")
            answers += 1
        await expect(desk.answer).to_contain_text("word1")
        await desk.page.wait_for_timeout(moments.uniform(0, 150))
        reloads += (await desk.messages(conversation_id))[-1]["status"] == "running"
        await desk.page.reload()
        await desk.answer.wait_for()
    await expect(desk.button("Stop")).to_have_count(0)
    await expect(desk.button("Regenerate")).to_have_count(answers)
    stored = [each for each in await desk.messages(conversation_id) if each["role"] == "assistant"]
    assert {each["status"] for each in stored} == {"completed"}
    shown = await desk.page.locator(".message.assistant .prose").all_inner_texts()
    assert [text.strip() for text in shown] == [each["text"] for each in stored]


async def test_regenerate_edit_and_versions(desk: Desk) -> None:
    """Regenerating and editing make versions beside what there was; one switches between them, and they stay so after a reload."""
    conversation_id = await new(desk)
    await desk.say("first")
    await expect(desk.answer).to_contain_text("You said: first")
    await desk.button("Regenerate").click()
    versions = desk.page.get_by_role("group", name="Versions")
    await expect(versions).to_contain_text("2 of 2")
    await desk.page.locator(".message.user").hover()
    await desk.button("Edit and resend").click()
    field = desk.page.get_by_role("textbox", name="Edit the question")
    await expect(field).to_be_focused()
    await field.press("Escape")
    await expect(field).to_have_count(0)
    await desk.box.press("ArrowUp")
    await field.fill("second")
    await field.press("Enter")
    await expect(desk.answer).to_contain_text("You said: second")
    await expect(versions).to_contain_text("3 of 3")
    await desk.button("Previous version").click()
    await expect(desk.page.locator(".message.user .bubble")).to_have_text("first")
    await expect(versions).to_contain_text("2 of 3")
    await desk.page.reload()
    await expect(desk.page.locator(".message.user .bubble")).to_have_text("first")
    assert [each["text"] for each in await desk.messages(conversation_id)] == ["first", "You said: first"]


async def test_a_failed_answer_can_be_tried_again(desk: Desk) -> None:
    """What was said before the failure is kept, the reason stands below in words, also after a reload, and Try again answers anew."""
    await new(desk, "scripted:fail?code=provider_error&count=5")
    await desk.say("Try")
    await expect(desk.answer.locator(".note.bad")).to_be_visible()
    await expect(desk.answer.locator(".prose")).to_have_text("word0 word1 word2 word3 word4")
    said = await desk.answer.locator(".note.bad span").inner_text()
    await desk.page.reload()
    await expect(desk.answer.locator(".note.bad span")).to_have_text(said)
    await desk.button("Try again").click()
    await expect(desk.page.get_by_role("group", name="Versions")).to_contain_text("2 of 2")


async def test_a_stop_that_fails_can_be_tried_again(desk: Desk) -> None:
    """Where the server refuses it, that is told, the answer goes on, and the next press stops."""
    desk.faults.expected.append("status of 503")
    problem = {"code": "store_unavailable", "detail": "The store rests."}
    await new(desk, "scripted:slow")
    await desk.say("Count")
    await expect(desk.answer).to_contain_text("word1")
    await desk.page.route("**/stop", lambda route: route.fulfill(status=503, json=problem))
    await desk.button("Stop").click()
    await expect(desk.page.locator(".toast")).to_have_text("The store rests.")
    await desk.page.unroute("**/stop")
    await desk.button("Stop").click()
    await expect(desk.answer.locator(".note")).to_contain_text("Stopped.")


async def test_a_server_that_is_busy_is_asked_again(desk: Desk) -> None:
    """What it refuses before the first word stands below the question in its own words, and is sent again, once, when one tries."""
    conversation_id = await new(desk)
    desk.faults.expected.append("status of 503")
    problem = {"code": "store_unavailable", "detail": "The store rests."}
    sends = re.compile("/messages$")
    await desk.page.route(sends, lambda route: route.fulfill(status=503, json=problem))
    await desk.say("hello")
    await expect(desk.answer.get_by_role("alert")).to_contain_text("Not sent. The store rests.")
    await desk.page.unroute(sends)
    await desk.button("Try again").click()
    await expect(desk.answer).to_contain_text("You said: hello")
    assert len(await desk.messages(conversation_id)) == 2


async def test_what_can_not_be_sent_is_not_lost(desk: Desk) -> None:
    """Without a connection the question stands there, and is sent again, once, when one tries."""
    conversation_id = await new(desk)
    desk.faults.expected.append("net::ERR_")
    broken = re.compile("/messages$")
    await desk.page.route(broken, lambda route: route.abort())
    await desk.say("hello")
    await expect(desk.answer.locator(".note.bad")).to_contain_text("Not sent. Palaver can't be reached.")
    await desk.page.unroute(broken)
    await desk.button("Try again").click()
    await expect(desk.answer).to_contain_text("You said: hello")
    assert len(await desk.messages(conversation_id)) == 2


async def test_what_is_refused_is_taken_back(desk: Desk) -> None:
    """Where another device ended the conversation meanwhile, nothing that stood there is gone, and nothing that was written."""
    desk.faults.expected.append("status of 409")
    conversation_id = await desk.conversation(await desk.bot(name()), "question", "answer")
    await desk.open(conversation_id)
    await desk.http.post(f"/v1/conversations/{conversation_id}/end", json={})
    await desk.button("Regenerate").click()
    await expect(desk.page.locator(".toast")).to_have_count(1)
    await expect(desk.answer.locator(".prose")).to_have_text("answer")
    await desk.page.reload()
    await expect(desk.page.get_by_text("This conversation has ended.")).to_be_visible()
    await expect(desk.button("Regenerate")).to_have_count(0)
    await desk.button("Reopen").click()
    await desk.box.fill("")
    await desk.box.press("ArrowUp")
    await desk.http.post(f"/v1/conversations/{conversation_id}/end", json={})
    field = desk.page.get_by_role("textbox", name="Edit the question")
    await field.fill("changed question")
    await field.press("Enter")
    await expect(field).to_have_value("changed question")
    await desk.http.post(f"/v1/conversations/{conversation_id}/reopen", json={})
    await field.press("Enter")
    await expect(desk.answer).to_contain_text("You said: changed question")


async def test_a_cut_stream_is_joined_again(desk: Desk) -> None:
    """A stream that breaks off is read on from where it was; the text is the stored one."""
    conversation_id = await new(desk, "scripted:words?count=40")
    accepted = {"user_message": None, "turn": {"status": "running", "conversation_id": conversation_id}}

    async def cut(route, request) -> None:
        sent = await desk.http.post(
            f"/v1/conversations/{conversation_id}/messages",
            json=request.post_data_json,
            headers={"Prefer": "respond-async"},
        )
        turn = sent.json()["turn"]
        said = {**accepted, "message_id": turn["message_id"], "turn": {**accepted["turn"], "id": turn["id"]}}
        body = f"id: {turn['id']}:1\nevent: turn.accepted\ndata: {json.dumps(said)}\n\n"
        await route.fulfill(status=200, content_type="text/event-stream", body=body)

    await desk.page.route(re.compile("/messages$"), cut)
    await desk.say("Count")
    await expect(desk.answer.locator(".prose")).to_contain_text("word39")
    await expect(desk.button("Regenerate")).to_be_visible()
    await expect(desk.page.locator(".message.user")).to_have_count(1)
    stored = (await desk.messages(conversation_id))[1]["text"]
    assert (await desk.answer.locator(".prose").inner_text()).strip() == stored


async def test_rating(desk: Desk) -> None:
    """Thumbs are 5 and 1, stars say more, a comment goes along; it is stored, shown after a reload, and taken back on failure."""
    conversation_id = await new(desk)
    await desk.say("Rate me")
    await desk.button("Good answer").click()
    await desk.page.get_by_role("radio", name="4 of 5").check()
    comment = desk.page.get_by_role("textbox", name="Comment on the answer")
    await comment.fill("clear")
    await comment.press("Enter")
    await expect(desk.page.get_by_text("Thanks")).to_be_visible()
    stored = (await desk.messages(conversation_id))[1]
    assert (stored["rating"], stored["feedback"]) == (4, "clear")
    await desk.page.reload()
    await expect(desk.answer.locator(".rating")).to_contain_text("4 of 5")
    desk.faults.expected.append("net::ERR_")
    await desk.page.route(re.compile("/rating$"), lambda route: route.abort())
    await desk.button("Bad answer").click()
    await expect(desk.page.get_by_text("The rating was not saved")).to_be_visible()
    await expect(desk.answer.locator(".rating")).to_contain_text("4 of 5")


async def test_copy(desk: Desk) -> None:
    """An answer is copied as it was written, a block of code without its fence."""
    await desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    conversation_id = await desk.conversation(
        await desk.bot(name()), "How?", "Like **this**:\n\n```python\nprint(1)\n```\n"
    )
    await desk.open(conversation_id)
    await expect(desk.answer.locator(".hljs-built_in")).to_have_text("print")
    clipboard = "() => navigator.clipboard.readText()"
    await desk.button("Copy").click()
    await expect(desk.button("Copied")).to_be_visible()
    assert await desk.page.evaluate(clipboard) == "print(1)\n"
    await desk.button("Copy the answer").click()
    await expect(desk.page.locator(".toast")).to_contain_text("Copied")
    assert await desk.page.evaluate(clipboard) == "Like **this**:\n\n```python\nprint(1)\n```\n"


async def test_drafts(desk: Desk) -> None:
    """What was not sent stays with its conversation: over a switch, over a reload, and while another message is edited."""
    bot_id = await desk.bot(name())
    first = await desk.conversation(bot_id, "q", "a", title=name("First"))
    second = await desk.conversation(bot_id, title=name("Second"))
    await desk.open(first)
    await desk.box.fill("for the first")
    await desk.page.locator(f".entry[href$='{second}']").click()
    await expect(desk.box).to_have_value("")
    await desk.box.fill("for the second")
    await desk.page.go_back()
    await expect(desk.box).to_have_value("for the first")
    await desk.page.reload()
    await expect(desk.box).to_have_value("for the first")
    await desk.page.locator(".message.user").hover()
    await desk.button("Edit and resend").click()
    await desk.page.keyboard.press("Escape")
    await expect(desk.box).to_have_value("for the first")
    stored = await desk.page.evaluate("() => Object.keys(localStorage).sort()")
    assert stored == sorted(f"palaver.draft.{each}" for each in (first, second))


async def test_actions_are_where_one_looks(desk: Desk, browser: Browser) -> None:
    """Below the newest message always; below others with the pointer or the focus on them, and always where nothing hovers."""
    opacity = "(actions) => getComputedStyle(actions).opacity"
    conversation_id = await desk.conversation(await desk.bot(name()), "q", "a", "r", "b")
    await desk.open(conversation_id)
    actions = desk.page.locator(".message .actions")

    async def shown(at: int, how: str) -> None:
        await expect(actions.nth(at)).to_have_css("opacity", how)

    await desk.page.mouse.move(0, 0)
    await shown(3, "1")
    await shown(1, "0")
    await desk.page.locator(".message").nth(1).hover()
    await shown(1, "1")
    await desk.page.mouse.move(0, 0)
    await actions.nth(0).get_by_role("button").first.focus()
    await shown(1, "0")
    await shown(0, "1")
    async with a_desk(browser, desk.url, has_touch=True, is_mobile=True) as touched:
        await touched.open(conversation_id)
        assert await touched.page.locator(".message .actions").evaluate_all(f"(all) => all.map({opacity})") == ["1"] * 4


async def test_scrolling_follows_and_lets_go(desk: Desk) -> None:
    """At the end it follows; scrolled up, nothing pulls one back; a button jumps to the newest message and it follows again."""
    long = "\n\n".join(f"paragraph {number}" for number in range(60))
    conversation_id = await desk.conversation(await desk.bot(name(), "scripted:words?count=3000&delay=0.01"), "q", long)
    await desk.open(conversation_id)
    log = desk.page.get_by_role("region", name="Messages")
    at_end = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40"
    await desk.say("Count")
    await expect(desk.answer).to_contain_text("word50")
    assert await log.evaluate(at_end)
    await log.hover()
    await desk.page.mouse.wheel(0, -900)
    jump = desk.button("Jump to the newest message")
    await expect(jump).to_be_visible()
    before = await log.evaluate("(log) => log.scrollTop")
    await expect(desk.answer).to_contain_text("word150")
    assert await log.evaluate("(log) => log.scrollTop") <= before
    await jump.click()
    await expect(jump).to_have_count(0)
    assert await log.evaluate(at_end)
    await expect(desk.answer).to_contain_text("word300")
    assert await log.evaluate(at_end)
    await desk.button("Stop").click()
    await expect(desk.answer.locator(".note")).to_be_visible()


async def test_citations(desk: Desk) -> None:
    """The marks of an answer lead to its sources; a number in brackets that is no source stays text."""
    bot_id = await desk.bot(name(), "scripted:Within 30 days [1]. See a[2] and [7].")
    await desk.document(bot_id, "Handbook", "Refunds are given within 30 days of the purchase.")
    await desk.open(await desk.conversation(bot_id))
    await desk.say("refunds within days")
    mark = desk.button("Source 1")
    await expect(mark).to_have_text("1")
    await expect(desk.answer.locator(".prose")).to_contain_text("and [7].")
    source = desk.answer.locator("[data-source='1']")
    await source.wait_for()
    await mark.click()
    await expect(source).to_be_focused()
    await expect(source).to_contain_text("Handbook")
    await expect(source).to_contain_text("within 30 days")
