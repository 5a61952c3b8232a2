"""A conversation of ten thousand messages."""

from __future__ import annotations

import time

from playwright.async_api import expect

from web.desk import TOGETHER, Desk, name

pytestmark = TOGETHER

COUNT = 10_000
TOP = "(log) => { log.scrollTop = 0; }"


async def test_ten_thousand_messages_open_at_their_end_and_scroll_back(desk: Desk) -> None:
    """The newest are shown at once, whatever lies before them; scrolling up brings earlier ones, and what one reads stays where
    it is; a new question is answered at the end."""
    conversation_id = await desk.conversation(await desk.bot(name()))
    for begin in range(0, COUNT, 1000):
        messages = [
            {"role": ("user", "assistant")[number % 2], "text": f"message {number}: " + "some words " * (number % 40)}
            for number in range(begin, begin + 1000)
        ]
        await desk.made(f"/v1/conversations/{conversation_id}/messages:append", {"messages": messages})
    short = await desk.conversation(await desk.bot(name()), "q", "a")

    async def seconds_to_open(opened: str) -> float:
        began = time.perf_counter()
        await desk.go(f"/c/{opened}")
        await desk.page.locator(".message").last.wait_for()
        return time.perf_counter() - began

    await seconds_to_open(short)
    quick = await seconds_to_open(short)
    assert await seconds_to_open(conversation_id) < 3 * quick + 1
    await expect(desk.answer).to_contain_text(f"message {COUNT - 1}:")
    await expect(desk.answer).to_be_in_viewport()
    log = desk.page.get_by_role("region", name="Messages")
    shown = desk.page.locator(".message")
    assert await shown.count() == 50
    first = desk.page.locator(".message").filter(has_text="message 9950:")
    await log.evaluate(TOP)
    await expect(shown.nth(60)).to_be_attached()
    await expect(first).to_be_in_viewport()
    for _ in range(3):
        count = await shown.count()
        await log.evaluate(TOP)
        await expect(shown.nth(count)).to_be_attached()
    numbers = await shown.evaluate_all(
        "(all) => all.map((each) => Number(/message (\\d+):/.exec(each.textContent)[1]))"
    )
    assert numbers == list(range(COUNT - len(numbers), COUNT))
    await desk.say("and now")
    await expect(desk.answer).to_contain_text("You said: and now")
    await expect(desk.answer).to_be_in_viewport()
