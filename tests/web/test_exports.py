"""Conversations as files, as the browser saves them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from crash.process import serving
from web.desk import TOGETHER, Desk, a_desk, name

pytestmark = TOGETHER


@pytest_asyncio.fixture(loop_scope="session")
async def empty(browser: Browser, tmp_path: Path) -> AsyncIterator[Desk]:
    """A page of a server of its own."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        async with a_desk(browser, server.url) as made:
            yield made


async def saved(desk: Desk, kind: str) -> tuple[str, str]:
    """Take a file from the dialog that offers them; return its name and its text."""
    async with desk.page.expect_download() as coming:
        await desk.page.get_by_role("dialog").get_by_role("link", name=kind, exact=True).click()
    file = await coming.value
    return unquote(file.suggested_filename), (await file.path()).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "suffix", "piece"),
    [
        ("HTML", ".html", "</html>"),
        ("Markdown", ".md", "# "),
        ("CSV, messages", ".csv", '"seq","role","text"'),
        ("CSV, turns", ".csv", '"question","answer"'),
        ("CSV, conversations", ".csv", "end_reason"),
        ("JSONL", ".jsonl", '"palaver'),
        ("JSONL for fine-tuning", ".jsonl", '"messages"'),
    ],
)
async def test_a_conversation_is_saved(desk: Desk, kind: str, suffix: str, piece: str) -> None:
    """Each kind of file is one click away from a conversation; it has what was said, and the name of the conversation."""
    title = name("Saved")
    conversation_id = await desk.conversation(await desk.bot(name()), "Why?", "Because.", title=title)
    await desk.open(conversation_id)
    await desk.button("Export").click()
    found, text = await saved(desk, kind)
    assert found.endswith(suffix)
    assert title in found
    assert piece in text
    assert kind == "CSV, conversations" or "Because." in text


async def test_what_is_listed_is_saved(desk: Desk) -> None:
    """What the list shows, by its filters, is what the file holds."""
    bot_id = await desk.bot(name("Exported"))
    for number in range(3):
        made = await desk.conversation(bot_id, "q", "a", title=f"Number {number}")
        if number:
            await desk.http.post(f"/v1/conversations/{made}/end", json={"rating": 3 + number})
    await desk.conversation(await desk.bot(name()), "q", "a", title="Elsewhere")
    await desk.go()
    await desk.button("Filters").click()
    await desk.page.locator("#filters").get_by_role("combobox", name="Bot").select_option(bot_id)
    await desk.button("Ended").click()
    await desk.page.get_by_role("combobox", name="Rating").select_option("4-5")
    await expect(desk.page.locator(".entry .title")).to_have_text(["Number 2", "Number 1"])
    await desk.button("Export what is listed").click()
    _, text = await saved(desk, "JSONL")
    lines = map(json.loads, text.splitlines())
    assert [each["title"] for each in lines if each["line"] == "conversation"] == ["Number 1", "Number 2"]


async def test_files_behind_a_door(empty: Desk) -> None:
    """Whoever signed in with a key that may only read saves files, too; without a key there are none."""
    desk = empty
    conversation_id = await desk.conversation(await desk.bot(name()), "Why?", "Because.", title="Private")
    admin = (await desk.made("/v1/keys", {"scope": "admin"}))["secret"]
    shown = {"Authorization": f"Bearer {admin}"}
    read = (await desk.made("/v1/keys", {"scope": "read"}, headers=shown))["secret"]
    desk.faults.expected += ["status of 401"]
    await desk.go(f"/c/{conversation_id}")
    await desk.page.get_by_label("API key").fill(read)
    await desk.button("Sign in").click()
    await desk.button("Actions for Private").click()
    await desk.page.get_by_role("menuitem", name="Export …").click()
    found, text = await saved(desk, "Markdown")
    assert ("Private" in found, "Because." in text) == (True, True)
    path = f"/v1/conversations/{conversation_id}/export"
    assert (await desk.http.get(path)).status_code == 401
    assert (await desk.http.get(path, headers={"Authorization": f"Bearer {read}"})).status_code == 200
