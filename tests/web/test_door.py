"""What one meets first: the door of a server with keys, and the first bot."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, expect

from crash.process import serving
from web.desk import TOGETHER, Desk, a_desk

pytestmark = TOGETHER


async def sign_in(desk: Desk, secret: str) -> None:
    """Show a key at the door."""
    await desk.page.get_by_label("API key").fill(secret)
    await desk.button("Sign in").click()


async def test_the_first_bot_and_the_first_key(browser: Browser, tmp_path: Path) -> None:
    """An empty server asks for a first bot and talks to it. Once a key exists it asks for one, tells a bad one in the form, opens
    with a good one, keeps it over a reload in no place that a script can read, and closes on signing out or when it is revoked."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        async with a_desk(browser, server.url) as desk:
            desk.faults.expected += ["status of 401", "status of 403"]
            await desk.go()
            await desk.page.get_by_label("Name", exact=True).fill("First")
            await desk.button("Create").click()
            await expect(desk.page.get_by_role("heading", name="Talk to First")).to_be_visible()
            await desk.say("private words")
            await expect(desk.answer).to_contain_text("You said: private words")
            address = desk.page.url

            admin = (await desk.made("/v1/keys", {"scope": "admin"}))["secret"]
            shown = {"Authorization": f"Bearer {admin}"}
            write = await desk.made("/v1/keys", {"scope": "write"}, headers=shown)
            await desk.page.reload()
            key = desk.page.get_by_label("API key")
            await key.fill("pk_nonsense")
            await desk.button("Sign in").click()
            await expect(desk.page.get_by_role("alert")).to_have_text("This API key is not valid.")
            await expect(desk.page.get_by_text("private words")).to_have_count(0)
            await key.fill(write["secret"])
            await desk.button("Sign in").click()
            await expect(desk.answer).to_contain_text("You said: private words")
            await desk.say("still here")
            await expect(desk.answer).to_contain_text("You said: still here")
            await desk.page.reload()
            await expect(desk.answer).to_contain_text("You said: still here")

            await desk.box.fill("a draft")
            held = await desk.page.evaluate(
                "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
            )
            assert "pk_" not in held
            assert "ps_" not in held
            (cookie,) = await desk.context.cookies()
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

            await desk.button("Sign out").click()
            await expect(key).to_be_visible()
            assert (
                await desk.page.evaluate("() => Object.keys(localStorage).filter((name) => name.includes('draft'))")
                == []
            )
            assert await desk.context.cookies() == []

            read = await desk.made("/v1/keys", {"scope": "read"}, headers=shown)
            await key.fill(read["secret"])
            await desk.button("Sign in").click()
            await expect(desk.page.get_by_text("may only read")).to_be_visible()
            assert desk.page.url == address
            await expect(desk.box).to_have_count(0)
            await expect(desk.button("Regenerate")).to_have_count(0)
            await desk.http.delete(f"/v1/keys/{read['key']['id']}", headers=shown)
            await desk.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
            await expect(key).to_be_visible()


async def test_the_next_person_finds_nothing_of_the_last(browser: Browser, tmp_path: Path) -> None:
    """Whose key is revoked while the page is open is at the door; who signs in with it again goes on; who signs in with another finds
    no draft. Signing out in one tab shuts the others."""
    async with serving(tmp_path / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        async with a_desk(browser, server.url) as desk:
            desk.faults.expected.append("status of 401")
            first = await desk.made("/v1/keys", {"scope": "operator"})
            desk.http.headers["Authorization"] = f"Bearer {first['secret']}"
            second = await desk.made("/v1/keys", {"scope": "write"})
            await desk.bot("Helper")
            await desk.go()
            await sign_in(desk, second["secret"])
            await desk.box.fill("a draft of the second")
            await desk.context.clear_cookies()
            await desk.page.reload()
            await sign_in(desk, second["secret"])
            await expect(desk.box).to_have_value("a draft of the second")
            await desk.context.clear_cookies()
            await desk.page.reload()
            await sign_in(desk, first["secret"])
            await expect(desk.box).to_have_value("")
            assert "a draft" not in await desk.page.evaluate("() => JSON.stringify({...localStorage})")
            other = await desk.context.new_page()
            await other.goto(desk.url)
            await expect(other.get_by_role("textbox", name="Message")).to_be_visible()
            await desk.button("Sign out").click()
            await expect(other.get_by_label("API key")).to_be_visible()
