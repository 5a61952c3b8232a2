"""The widget on somebody else's page: another origin, a strict policy, a hostile stylesheet, and a person who looks for help."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Frame, Page

import pictures
from web.desk import TOGETHER, Desk, a_desk, name, unfit
from web.shop import Shop, a_shop, framed, press
from web.vectors import vectors

pytestmark = TOGETHER


@pytest_asyncio.fixture(loop_scope="session")
async def shop() -> AsyncIterator[Shop]:
    async with a_shop() as opened_shop:
        yield opened_shop


async def open_bot(desk: Desk, origin: str, **widget: Any) -> str:
    """Make a bot that talks on a page."""
    settings = {"allowed_origins": [origin], "title": "Ask the shop", "greeting": "What are you looking for?", **widget}
    return await desk.bot(name(), widget=settings)


async def opened(desk: Desk, address: str) -> Frame:
    """Go to a page of the shop and open the widget."""
    await desk.page.goto(address)
    await press(desk)
    frame = await framed(desk)
    await frame.locator(".composer, .lead, .empty").first.wait_for()
    return frame


async def say(frame: Frame, text: str) -> None:
    box = frame.get_by_role("textbox", name="Message", exact=True)
    await box.fill(text)
    await box.press("Enter")


async def answered(frame: Frame, text: str) -> None:
    await frame.locator(".message.assistant .prose").get_by_text(text).last.wait_for()
    await frame.get_by_role("button", name="Good answer").last.wait_for()


async def kept(desk: Desk, bot_id: str) -> str | None:
    """The token that the shop's page holds."""
    found: str | None = await desk.page.evaluate("(key) => localStorage.getItem(key)", f"palaver.{bot_id}")
    return found


async def nodes(page: Page) -> list[Mapping[str, Any]]:
    """What a screen reader is told of the page."""
    session = await page.context.new_cdp_session(page)
    found: list[Mapping[str, Any]] = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    return found


async def test_a_visitor_asks_on_a_page_of_another_origin(desk: Desk, shop: Shop) -> None:
    """The loader works under the host's strict policy and its worst stylesheet; nothing is made before somebody asks."""
    bot_id = await open_bot(desk, shop.origin, suggestions=["Where is my parcel?"])
    await shop.show(desk, bot_id)
    before = len((await desk.got("/v1/entities?limit=200"))["data"])
    frame = await opened(desk, f"{shop.origin}/shoes?session=secret#top")
    assert await frame.get_by_role("heading", level=1).inner_text() == "Ask the shop"
    assert await frame.get_by_role("heading", level=2).inner_text() == "What are you looking for?"
    assert len((await desk.got("/v1/entities?limit=200"))["data"]) == before
    assert await kept(desk, bot_id) is None
    await frame.get_by_role("button", name="Where is my parcel?").click()
    await answered(frame, "Where is my parcel?")
    talks = (await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"]
    assert [each["metadata"] for each in talks] == [{"source": "localhost", "page": f"{shop.origin}/shoes"}]
    assert (await kept(desk, bot_id) or "").startswith("pv_")
    assert frame.url.startswith(f"{desk.url}/embed/{bot_id}")
    box = await (await frame.frame_element()).bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (400, 640)


async def test_a_conversation_goes_on_from_page_to_page(desk: Desk, shop: Shop) -> None:
    """On the next page, and after a reload, the visitor has its conversation; in another profile nobody has."""
    bot_id = await open_bot(desk, shop.origin)
    await shop.show(desk, bot_id)
    await say(await opened(desk, shop.origin), "My shoes are blue.")
    await answered(await framed(desk), "My shoes are blue.")
    frame = await opened(desk, f"{shop.origin}/socks")
    await answered(frame, "My shoes are blue.")
    await say(frame, "And my socks are red.")
    await answered(frame, "And my socks are red.")
    await desk.page.reload()
    await press(desk)
    frame = await framed(desk)
    await answered(frame, "And my socks are red.")
    assert len((await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"]) == 1
    await frame.get_by_role("button", name="New conversation").click()
    await frame.get_by_text("What are you looking for?").wait_for()
    await say(frame, "Something else.")
    await answered(frame, "Something else.")
    talks = (await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"]
    assert len({each["entity"]["id"] for each in talks}) == 1
    assert len(talks) == 2


REFUSING = (
    "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
)


async def test_a_page_whose_browser_refuses_storage_has_the_widget(desk: Desk, shop: Shop) -> None:
    """It opens and answers, again and again, also after it was shut; on the next page the conversation begins anew."""
    bot_id = await open_bot(desk, shop.origin)
    await shop.show(desk, bot_id)
    await desk.page.add_init_script(REFUSING)
    frame = await opened(desk, shop.origin)
    why = await desk.page.evaluate("() => { try { return localStorage; } catch ({ name }) { return name; } }")
    assert why == "SecurityError"
    await say(frame, "My shoes are blue.")
    await answered(frame, "My shoes are blue.")
    await press(desk)
    await press(desk)
    await say(frame, "And my socks are red.")
    await answered(frame, "And my socks are red.")
    frame = await opened(desk, f"{shop.origin}/socks")
    await frame.get_by_text("What are you looking for?").wait_for()
    await say(frame, "Who am I?")
    await answered(frame, "Who am I?")
    counts = [each["message_count"] for each in (await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"]]
    assert sorted(counts) == [2, 4]


@pytest.mark.parametrize("origin", ["neighbour", "other_port"])
async def test_a_page_that_is_not_allowed_is_refused_by_the_browser(desk: Desk, shop: Shop, origin: str) -> None:
    """The bot's policy names its pages; another port is another page. The visitor sees a closed frame and can shut it."""
    bot_id = await open_bot(desk, shop.origin)
    await shop.show(desk, bot_id)
    desk.faults.expected.append("frame-ancestors")
    desk.faults.expected.append("Framing")
    await desk.page.goto(getattr(shop, origin))
    await press(desk)
    async with asyncio.timeout(30):
        while not any("rame" in each for each in desk.faults.seen):
            await asyncio.sleep(0.05)
    assert all("/embed/" not in each.url for each in desk.page.frames)
    assert await kept(desk, bot_id) is None


async def test_every_page_is_allowed_where_that_was_said(desk: Desk, shop: Shop) -> None:
    """``*`` is every origin."""
    bot_id = await open_bot(desk, "*")
    await shop.show(desk, bot_id)
    frame = await opened(desk, shop.neighbour)
    await say(frame, "Hello?")
    await answered(frame, "Hello?")


async def test_a_bot_that_is_closed_says_so(desk: Desk, shop: Shop) -> None:
    """Before it was opened, a page without a script; while somebody talks, a sentence in the place of the conversation."""
    closed = await desk.bot(name())
    await shop.show(desk, closed)
    desk.faults.expected.append("404")
    await desk.page.goto(shop.origin)
    await press(desk)
    await (await framed(desk)).get_by_text("This chat is closed").wait_for()
    bot_id = await open_bot(desk, shop.neighbour)
    await shop.show(desk, bot_id)
    frame = await opened(desk, shop.neighbour)
    await say(frame, "Hello?")
    await answered(frame, "Hello?")
    desk.faults.expected.append("401")
    await desk.http.delete(f"/v1/bots/{bot_id}")
    await frame.get_by_text("This chat is closed").wait_for()
    assert await kept(desk, bot_id) == ""


async def test_a_visitor_who_was_forgotten_begins_anew(desk: Desk, shop: Shop) -> None:
    """Its entity was deleted: the old conversation is gone for it, and a new one can begin."""
    bot_id = await open_bot(desk, shop.origin)
    await shop.show(desk, bot_id)
    await say(await opened(desk, shop.origin), "Hello?")
    await answered(await framed(desk), "Hello?")
    talk = (await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"][0]
    await desk.page.goto("about:blank")  # the page that is open would hear of it, and tell it first
    await desk.http.delete(f"/v1/entities/{talk['entity']['id']}")
    desk.faults.expected.append("401")
    frame = await opened(desk, f"{shop.origin}/again")
    await frame.get_by_text("That conversation is over").wait_for()
    await say(frame, "Who am I?")
    await answered(frame, "Who am I?")
    assert len((await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"]) == 2


async def test_a_form_asks_who_the_visitor_is(desk: Desk, shop: Shop) -> None:
    """Required: nothing is said before; the consent has to be given. Afterwards the conversation is a lead's, here and on the next page."""
    bot_id = await open_bot(desk, shop.origin, lead="required", consent="You may write to me.")
    await shop.show(desk, bot_id)
    frame = await opened(desk, shop.origin)
    assert await frame.get_by_role("textbox", name="Message").count() == 0
    assert await frame.get_by_role("button", name="Skip").count() == 0
    await frame.get_by_label("Name").fill("Ada <b>Lovelace</b>")
    await frame.get_by_label("E-mail").fill("ada@example.org")
    await frame.get_by_label("You may write to me.").check()
    await frame.get_by_role("button", name="Begin").click()
    await say(frame, "Hello?")
    await answered(frame, "Hello?")
    entity = (await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"][0]["entity"]
    assert (entity["type"], entity["name"], entity["email"]) == ("LEAD", "Ada <b>Lovelace</b>", "ada@example.org")
    await answered(await opened(desk, f"{shop.origin}/next"), "Hello?")


async def test_a_form_that_is_optional_can_be_skipped(desk: Desk, shop: Shop) -> None:
    """Who skips it talks as nobody in particular."""
    bot_id = await open_bot(desk, shop.origin, lead="optional")
    await shop.show(desk, bot_id)
    frame = await opened(desk, shop.origin)
    await frame.get_by_role("button", name="Skip").click()
    await say(frame, "Hello?")
    await answered(frame, "Hello?")
    entity = (await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"][0]["entity"]
    assert (entity["type"], entity["email"]) == ("USER", None)


async def test_who_says_too_much_is_told_and_loses_no_word(desk: Desk, shop: Shop) -> None:
    """Over the limit the text stays in the box, with a sentence."""
    bot_id = await open_bot(desk, shop.origin, messages_per_minute=1)
    await shop.show(desk, bot_id)
    frame = await opened(desk, shop.origin)
    await say(frame, "One")
    await answered(frame, "One")
    desk.faults.expected.append("429")
    await say(frame, "Two")
    await frame.get_by_text("Wait a little").wait_for()
    assert await frame.get_by_role("textbox", name="Message").input_value() == "Two"


async def test_a_visitor_shows_an_image(desk: Desk, shop: Shop) -> None:
    """What it uploads is seen in the conversation, though an image can show no token."""
    bot_id = await open_bot(desk, shop.origin)
    await shop.show(desk, bot_id)
    frame = await opened(desk, shop.origin)
    picture = {"name": "shoe.png", "mimeType": "image/png", "buffer": pictures.plain()}
    await frame.locator("input[type=file]").set_input_files([picture])
    await frame.get_by_role("button", name="Remove shoe.png").wait_for()
    await frame.locator(".waiting progress").wait_for(state="detached")
    await say(frame, "What is this?")
    shown = frame.locator(".pictures img")
    await shown.wait_for()
    assert (await shown.get_attribute("src") or "").startswith("blob:")
    await frame.wait_for_function("() => document.querySelector('.pictures img').naturalWidth > 0")


async def test_nothing_that_is_said_runs(desk: Desk, shop: Shop) -> None:
    """What a visitor says, and a bot answers, is text, in the frame as on the page; what the host says of itself, too."""
    bot_id = await open_bot(
        desk, shop.origin, messages_per_minute=50, title="<img src=x onerror=ran()>", greeting="<script>ran()</script>"
    )
    await shop.show(desk, bot_id, more="data-source='<img src=x onerror=ran()>' data-page='javascript:ran()'")
    frame = await opened(desk, shop.origin)
    await frame.evaluate("() => { window.ran = () => { window.broken = true; }; }")
    everything = list(vectors())
    for at in range(0, len(everything), 60):
        await say(frame, "\n\n".join(everything[at : at + 60]))
        await frame.get_by_role("button", name="Good answer").nth(at // 60).wait_for()
    assert await frame.evaluate("() => window.broken") is None
    assert await frame.locator("script:not([src]), .message [onerror], .message iframe").count() == 0


async def test_a_message_of_another_window_is_not_heard(desk: Desk, shop: Shop) -> None:
    """What comes from another window or another origin neither sets the token, nor shuts the frame, nor is the host's word."""
    bot_id = await open_bot(desk, shop.origin)
    await shop.show(desk, bot_id)
    frame = await opened(desk, shop.origin)
    await desk.page.evaluate("() => postMessage({palaver: 'token', token: 'stolen'}, '*')")
    await desk.page.evaluate("() => postMessage({palaver: 'close'}, '*')")
    await frame.evaluate("() => postMessage({palaver: 'hello', token: 'pv_forged', source: 'evil'}, '*')")
    await say(frame, "Hello?")
    await answered(frame, "Hello?")
    assert (await kept(desk, bot_id) or "").startswith("pv_")
    assert (await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"][0]["metadata"]["source"] == "localhost"


async def test_the_frame_shows_no_cookie_of_its_own_origin(desk: Desk, shop: Shop) -> None:
    """Whoever is signed in to this server is a visitor in the widget all the same."""
    bot_id = await open_bot(desk, shop.neighbour)
    await shop.show(desk, bot_id)
    await desk.context.add_cookies([{"name": "palaver_session", "value": "ps_of_somebody", "url": desk.url}])
    asked: list[str] = []
    desk.page.on(
        "request", lambda request: asked.append(f"{request.method} {request.url} {'cookie' in request.headers}")
    )
    frame = await opened(desk, shop.neighbour)
    await say(frame, "Hello?")
    await answered(frame, "Hello?")
    calls = [each for each in asked if "/v1/" in each]
    assert len(calls) > 3
    assert all(each.endswith("False") for each in calls)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_widget_is_fit_for_everyone(browser: Browser, server_url: str, shop: Shop, theme: str) -> None:
    """axe-core finds nothing in the frame, empty, in its form and in a conversation; the button has a name and a state."""
    async with a_desk(browser, server_url, color_scheme=theme) as desk:
        bot_id = await open_bot(
            desk, shop.origin, lead="optional", consent="You may.", color="#ffcc00", suggestions=["Where?"]
        )
        await shop.show(desk, bot_id, more='data-title="Ask the shop"')
        frame = await opened(desk, shop.origin)
        await frame.locator(".lead").wait_for()
        assert await unfit(frame) == []
        await frame.get_by_role("button", name="Skip").click()
        await frame.locator(".suggestions").wait_for()
        assert await unfit(frame) == []
        await say(frame, "**Hello?**")
        await answered(frame, "Hello?")
        assert await unfit(frame) == []
        button = next(each for each in await nodes(desk.page) if each.get("role", {}).get("value") == "button")
        assert button["name"]["value"] == "Ask the shop"
        assert {"name": "expanded", "value": {"type": "booleanOrUndefined", "value": True}} in button["properties"]


async def test_it_is_used_with_the_keyboard_alone(desk: Desk, shop: Shop) -> None:
    """Tab and Enter open it, one writes at once, Escape shuts it and the button has the focus again."""
    bot_id = await open_bot(desk, shop.origin)
    await shop.show(desk, bot_id)
    await desk.page.goto(shop.origin)
    await desk.page.locator("palaver-widget").wait_for(state="attached")
    await desk.page.keyboard.press("Tab")
    await desk.page.keyboard.press("Enter")
    frame = await framed(desk)
    await frame.locator("#composer:focus").wait_for()
    await desk.page.keyboard.type("Hello?")
    await desk.page.keyboard.press("Enter")
    await answered(frame, "Hello?")
    await desk.page.keyboard.press("Escape")
    element = await frame.frame_element()
    await element.wait_for_element_state("hidden")
    assert await desk.page.evaluate("() => document.activeElement.localName") == "palaver-widget"
    await desk.page.keyboard.press("Enter")
    await element.wait_for_element_state("visible")


async def test_on_a_telephone_it_fills_the_screen(browser: Browser, server_url: str, shop: Shop) -> None:
    """The frame is the screen, and its own button shuts it."""
    size = {"width": 390, "height": 780}
    async with a_desk(browser, server_url, viewport=size, has_touch=True, is_mobile=True) as desk:
        bot_id = await open_bot(desk, shop.origin)
        await shop.show(desk, bot_id)
        frame = await opened(desk, shop.origin)
        element = await frame.frame_element()
        box = await element.bounding_box()
        assert box == {"x": 0, "y": 0, **size}
        await frame.get_by_role("button", name="Close").click()
        await element.wait_for_element_state("hidden")


async def test_a_bot_is_opened_to_pages_on_its_page(desk: Desk, shop: Shop) -> None:
    """The form takes a page by its address, and shows the line that works there; what it does not show stays; closing forgets all."""
    called = name("<Shop> &")
    bot_id = await desk.bot(called)
    await desk.go(f"/bots/{bot_id}")
    section = desk.page.get_by_role("region", name="Widget")
    await section.get_by_label("Pages, one a line").fill("nonsense")
    desk.faults.expected.append("422")
    await section.get_by_role("button", name="Open").click()
    await section.get_by_role("alert").get_by_text("A page is named like").wait_for()
    await section.get_by_label("Pages, one a line").fill(f"{shop.origin}/shoes?x=1\n{shop.origin}")
    await section.get_by_label("Title").fill('Ask "us" <b>')
    await section.get_by_label("Color").fill("#FFCC00")
    await section.get_by_role("button", name="Open").click()
    line = await section.get_by_label("Put this into your pages").input_value()
    kept_widget = {"allowed_origins": [shop.origin], "title": 'Ask "us" <b>', "color": "#ffcc00", "lead": "off"}
    assert (await desk.got(f"/v1/bots/{bot_id}"))["widget"] == kept_widget
    more = {**kept_widget, "messages_per_day": 7}
    await desk.http.patch(f"/v1/bots/{bot_id}", json={"widget": more})
    await desk.page.reload()
    await section.get_by_label("Greeting").fill("Hello!")
    await section.get_by_role("button", name="Save").click()
    await desk.page.locator(".toast", has_text="Saved").wait_for()
    assert (await desk.got(f"/v1/bots/{bot_id}"))["widget"] == {**more, "greeting": "Hello!"}
    said = re.search(r' data-bot="[^"]+"(.*) async></script>', line)
    assert said is not None
    await shop.show(desk, bot_id, more=said[1])
    frame = await opened(desk, shop.origin)
    assert await frame.get_by_role("heading", level=1).inner_text() == 'Ask "us" <b>'
    assert await (await frame.frame_element()).get_attribute("title") == 'Ask "us" <b>'
    await desk.go(f"/bots/{bot_id}")
    await section.get_by_role("button", name="Close").click()
    await section.get_by_role("button", name="Open").wait_for()
    assert (await desk.got(f"/v1/bots/{bot_id}"))["widget"] is None
