"""What an admin looks after: keys, tenants, live turns, and the word of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from crash.process import serving
from web.desk import TOGETHER, Desk, a_desk, name, unfit
from web.test_hostile import RUNS, WATCH

pytestmark = TOGETHER

SLOW = "scripted:words?count=4000&delay=0.05"


@asynccontextmanager
async def a_closed_server(browser: Browser, folder: Path, scope: str = "operator") -> AsyncIterator[tuple[Desk, Any]]:
    """A server with one key, and a person who is signed in with it; the key as it was made."""
    async with serving(folder / "chat.db", {"PALAVER_DEFAULT_MODEL": "scripted:echo"}) as server:
        async with a_desk(browser, server.url) as desk:
            operator = await desk.made("/v1/keys", {"scope": "operator", "name": "The operator's"})
            desk.http.headers["Authorization"] = f"Bearer {operator['secret']}"
            made = operator if scope == "operator" else await desk.made("/v1/keys", {"scope": scope, "name": "Mine"})
            await desk.bot("Helper")
            await desk.go("/admin")
            await desk.page.get_by_label("API key").fill(made["secret"])
            await desk.button("Sign in").click()
            await desk.page.get_by_role("heading", name="Admin").wait_for()
            yield desk, made


def region(desk: Desk, called: str) -> Any:
    """A part of the page."""
    return desk.page.get_by_role("region", name=called, exact=True)


async def begin(desk: Desk, bot: str, tenant: str = "default") -> str:
    """Have a slow bot of a tenant begin to answer; return the conversation."""
    made = await desk.made("/v1/keys", {"scope": "write", "tenant_id": tenant})
    headers = {"Authorization": f"Bearer {made['secret']}"}
    found = await desk.made("/v1/bots", {"name": bot, "model": SLOW}, headers=headers)
    chat = await desk.made("/v1/conversations", {"bot_id": found["id"], "title": "Private words"}, headers=headers)
    path = f"/v1/conversations/{chat['id']}/messages"
    begun = await desk.http.post(path, json={"text": "Go on."}, headers={**headers, "Prefer": "respond-async"})
    assert begun.status_code == 202
    return str(chat["id"])


async def test_the_first_key_closes_the_server_and_lets_its_maker_in(browser: Browser, tmp_path: Path) -> None:
    """An open server says that it is. The first key is asked about before it closes it; then its maker is signed in with it, sees
    the secret this once and has it in no place that a script can read later; a stranger finds the door."""
    async with serving(tmp_path / "chat.db", {}) as server, a_desk(browser, server.url) as desk:
        await desk.go("/admin")
        await expect(desk.page.get_by_role("note")).to_contain_text("This server is open")
        await desk.page.get_by_label("What for").fill("Me")
        await desk.button("Create a key").click()
        await expect(desk.page.get_by_role("dialog")).to_contain_text("closes this server for good")
        await desk.button("Cancel").click()
        assert (await desk.got("/v1/session"))["open"] is True
        await desk.button("Create a key").click()
        await desk.button("Create and close").click()
        secret = await desk.page.get_by_label("Secret").input_value()
        assert secret.startswith("pk_")
        assert (await desk.got("/v1/session"))["open"] is False
        own = region(desk, "Keys").get_by_role("listitem")
        await expect(own).to_contain_text("yours")
        await expect(own).to_contain_text("Me")
        await expect(desk.page.get_by_role("note")).to_have_count(0)
        await desk.button("Done").click()
        await expect(desk.page.get_by_label("Secret")).to_have_count(0)
        await desk.page.reload()
        await expect(own).to_contain_text("just now")
        held = await desk.page.evaluate(
            "() => document.documentElement.outerHTML + JSON.stringify([{...localStorage}])"
        )
        assert secret.rpartition("_")[2] not in held
        async with a_desk(browser, server.url) as stranger:
            await stranger.go("/admin")
            await expect(stranger.page.get_by_label("API key")).to_be_visible()


async def test_keys(browser: Browser, tmp_path: Path) -> None:
    """A key is made for a tenant with a scope and a life, copied, listed with its use, and revoked after a question; its secret
    opens until then. Revoking one's own signs out."""
    async with a_closed_server(browser, tmp_path) as (desk, _):
        desk.faults.expected.append("status of 401")
        await desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await desk.page.get_by_label("What for").fill("Website")
        await desk.page.get_by_role("combobox", name="Scope", exact=True).select_option("write")
        await desk.page.get_by_role("combobox", name="Tenant", exact=True).fill("acme")
        await desk.page.get_by_role("combobox", name="Good for", exact=True).select_option("A week")
        await desk.button("Create a key").click()
        secret = await desk.page.get_by_label("Secret").input_value()
        await desk.button("Copy").click()
        assert await desk.page.evaluate("() => navigator.clipboard.readText()") == secret
        key = region(desk, "Keys").get_by_role("listitem").filter(has_text="Website")
        for said in ("write of acme", "never used", "expires in 7 days", secret[:11]):
            await expect(key).to_contain_text(said)
        await expect(region(desk, "Tenants")).to_contain_text("acme")
        shown = {"Authorization": f"Bearer {secret}"}
        assert (await desk.http.get("/v1/bots", headers=shown)).status_code == 200
        await desk.button("Revoke Website").click()
        await desk.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(key).to_contain_text("revoked just now")
        await expect(key.get_by_role("button")).to_have_count(0)
        assert (await desk.http.get("/v1/bots", headers=shown)).status_code == 401
        await desk.button("Revoke The operator's").click()
        await expect(desk.page.get_by_role("dialog")).to_contain_text("will be signed out")
        await desk.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(desk.page.get_by_label("API key")).to_be_visible()


async def test_older_keys_are_a_click_away(browser: Browser, tmp_path: Path) -> None:
    """The newest keys come first, and the others when they are asked for; none is shown twice."""
    async with a_closed_server(browser, tmp_path) as (desk, _):
        for number in range(51):
            await desk.made("/v1/keys", {"scope": "read", "name": f"Number {number}"})
        await desk.page.reload()
        listed = region(desk, "Keys").get_by_role("listitem")
        await expect(listed).to_have_count(50)
        await expect(listed.first).to_contain_text("Number 50")
        await desk.button("Older keys").click()
        await expect(listed).to_have_count(52)
        await expect(listed.last).to_contain_text("The operator's")
        await expect(desk.button("Older keys")).to_have_count(0)


async def test_what_cannot_be_made_is_said_in_the_form(browser: Browser, tmp_path: Path) -> None:
    """What the server refuses is told where it was asked; an admin makes keys of its own tenant only and sees no tenants."""
    async with a_closed_server(browser, tmp_path, "admin") as (desk, made):
        desk.faults.expected.append("status of 401")
        await expect(desk.page.get_by_role("combobox", name="Tenant", exact=True)).to_have_count(0)
        await expect(region(desk, "Tenants")).to_have_count(0)
        scopes = await desk.page.get_by_role("combobox", name="Scope", exact=True).locator("option").all_text_contents()
        assert scopes == ["read", "write", "admin"]
        await desk.http.delete(f"/v1/keys/{made['key']['id']}")
        await desk.button("Create a key").click()
        await expect(desk.page.get_by_label("API key")).to_be_visible()


async def test_live_turns_are_seen_and_stopped(browser: Browser, tmp_path: Path) -> None:
    """An operator sees what is being answered in all tenants, without what is said; stops it, and is told how it ended. A conversation
    of the own tenant is one click away, another's is not."""
    async with a_closed_server(browser, tmp_path) as (desk, _):
        live = region(desk, "Live turns")
        await expect(live).to_contain_text("Nothing is being answered now.")
        own = await begin(desk, "Ours")
        await begin(desk, "Theirs", "acme")
        ours, theirs = (live.get_by_role("listitem").filter(has_text=bot) for bot in ("Ours", "Theirs"))
        await expect(theirs).to_contain_text("tenant acme")
        await expect(ours).to_contain_text("tenant default")
        await expect(theirs.get_by_role("link")).to_have_count(0)
        assert "Private words" not in await live.inner_text()
        await desk.button("Stop Theirs").click()
        await expect(theirs).to_contain_text("stopped; what was said stays")
        await expect(theirs.get_by_role("button")).to_have_count(0)
        await ours.get_by_role("link").click()
        await expect(desk.page).to_have_url(f"{desk.url}/c/{own}")
        await desk.button("Stop").click()
        await expect(desk.answer).to_contain_text("word1")


async def test_the_store_is_put_into_words(browser: Browser, tmp_path: Path) -> None:
    """The page says what the server's own words are, and where the store is, to an operator; to an admin not where; when the store
    does not answer, that."""
    async with a_closed_server(browser, tmp_path) as (desk, _):
        store = region(desk, "Store")
        for said in (
            "Safe.",
            "SQLite 3",
            "a power cut",
            "nothing acknowledged is lost",
            str(tmp_path),
            "journal_mode = wal",
        ):
            await expect(store).to_contain_text(said)
        desk.faults.expected.append("status of 503")
        answer = {"status": 503, "json": {"code": "store_unavailable", "detail": "The store does not answer."}}
        await desk.page.route("**/v1/store", lambda route: route.fulfill(**answer))
        await desk.button("Look again").click()
        await expect(store.get_by_role("status")).to_contain_text("Does not answer.")
    async with a_closed_server(browser, tmp_path / "admin", "admin") as (desk, _):
        await expect(region(desk, "Store")).to_contain_text("Safe.")
        assert str(tmp_path) not in await desk.page.content()


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_who_may_not_is_told_so(browser: Browser, tmp_path: Path, scope: str) -> None:
    """A key without the scope gets a sentence, no error and no link to the page; nothing was asked that is refused."""
    async with a_closed_server(browser, tmp_path, scope) as (desk, _):
        await expect(region(desk, "Admin")).to_contain_text(f"has the scope {scope}")
        await expect(desk.page.get_by_role("link", name="Admin")).to_have_count(0)
        await expect(desk.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_it_is_fit(browser: Browser, tmp_path: Path, theme: str) -> None:
    """axe-core finds nothing: with a secret that is shown, keys of all states, a live and a stopped turn, also on a telephone."""
    async with a_closed_server(browser, tmp_path) as (desk, _):
        await desk.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        old = await desk.made("/v1/keys", {"scope": "read", "name": "Old"})
        await desk.http.delete(f"/v1/keys/{old['key']['id']}")
        await begin(desk, "Ours")
        await begin(desk, "Theirs")
        await desk.page.reload()
        await desk.button("Stop Theirs").click()
        await expect(region(desk, "Live turns")).to_contain_text("what was said stays")
        await desk.button("Create a key").click()
        await desk.page.get_by_label("Secret").wait_for()
        await region(desk, "Store").get_by_text("Safe.").wait_for()
        assert await unfit(desk.page) == []
        await desk.page.set_viewport_size({"width": 390, "height": 780})
        assert await unfit(desk.page) == []
        wide = "() => document.querySelector('.sheet').scrollWidth - document.querySelector('.sheet').clientWidth"
        assert await desk.page.evaluate(wide) == 0


async def test_the_open_server_is_fit(desk: Desk) -> None:
    """The note that it is open, and the question before the first key."""
    for theme in ("light", "dark"):
        await desk.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        await desk.go("/admin")
        await region(desk, "Store").get_by_text("Safe.").wait_for()
        assert await unfit(desk.page) == []
        await desk.button("Create a key").click()
        await desk.page.get_by_role("dialog").wait_for()
        assert await unfit(desk.page) == []
        await desk.button("Cancel").click()


async def test_names_never_run(browser: Browser, tmp_path: Path) -> None:
    """Markup in the names of keys and bots is shown as it was written, and in the questions about them."""
    bad = "<img src=x onerror=ran()>"
    async with a_closed_server(browser, tmp_path) as (desk, _):
        await desk.page.add_init_script(WATCH)
        await desk.made("/v1/keys", {"scope": "read", "name": bad})
        await begin(desk, f"{bad} {name()}")
        await desk.page.reload()
        await expect(region(desk, "Live turns")).to_contain_text(bad)
        await expect(region(desk, "Keys")).to_contain_text(bad)
        await desk.button(f"Revoke {bad}").click()
        await expect(desk.page.get_by_role("dialog")).to_contain_text(bad)
        assert await desk.page.evaluate(RUNS) == 0
        assert await desk.page.locator("main img, dialog img").count() == 0
