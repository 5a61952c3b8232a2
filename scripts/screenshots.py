"""Makes the pictures of the web page in docs/pictures: each page, light and dark, and as on a telephone.

    make screenshots

What they show is made here: a server of its own on an empty store, with a model that says what it is told. Chromium is the
system's.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from playwright.async_api import Browser, Frame, async_playwright

from palaver.config import Settings
from palaver.errors import ModelError
from palaver.models.scripted import ScriptedModel
from palaver.server import create_app

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from servers.process import free_port  # noqa: E402  (the tests have a person at the page)
from web.desk import Desk, a_desk, chromium  # noqa: E402
from web.past import moved  # noqa: E402
from web.shop import a_shop, framed, press  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
PHONE = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1280, "height": 820}}
WIDGET = {
    "title": "Ask the shop",
    "greeting": "What are you looking for?",
    "color": "#0f766e",
    "consent": "You may write to me about my question.",
}
SHOES = ("Walking boots", "Running shoes", "Sandals", "Rubber boots", "Slippers", "Climbing shoes")
_SHELF = "".join(f"<article><i></i><h2>{each}</h2><p>In all sizes</p></article>" for each in SHOES)
SHOP = f"<header>Good Shoes</header><main>{_SHELF}</main>"
SHOP_CSS = """:root { color-scheme: light dark; } body { font: 16px Georgia, serif; margin: 0; }
header { border-bottom: 1px solid #8886; font-size: 26px; padding: 18px 32px; }
main { display: grid; gap: 24px; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); padding: 28px 32px; }
i { background: linear-gradient(135deg, #c9a27a, #7a5230); border-radius: 8px; display: block; height: 170px; }
article:nth-child(even) i { background: linear-gradient(135deg, #7fa39b, #2f5d56); }
h2 { font-size: 18px; margin: 10px 0 2px; } p { color: #888; margin: 0; }"""
HANDBOOK = (
    "Refunds. A purchase can be returned within 30 days of its delivery. The refund is paid to the card that was used.\n\n"
    "Business customers. Orders above 5,000 € are returned by agreement with the account manager, within 14 days.\n\n"
    "Shipping. Parcels leave on the day of the order if it comes before noon."
)
ANSWER = """**Yes.** A purchase can be returned within 30 days of its delivery, and the money goes back to the card that was used [1].

| Customer | Days | Who decides |
| --- | ---: | --- |
| Private | 30 | nobody has to |
| Business | 14 | the account manager |

In the API it is one call:

```python
hub = palaver.connect("palaver.db")
refund = hub.messages.send(chat.id, "I'd like to return order 4711.")
print(refund.text, refund.citations)  # what the answer rests on
```
"""
QUESTIONS = (
    "Can a purchase be returned?",
    "How is the refund paid?",
    "When do parcels leave?",
    "Do you repair what is broken?",
    "May I pay by invoice?",
    "Who is the account manager of business customers?",
)
PRICES = {"helper": [{"from": "2020-01-01", "input": 150_000, "output": 600_000}]}
TITLES = (
    "Change the delivery address",
    "Invoice for March",
    "Which sizes are left?",
    "Reset two-factor login",
    "Import a year of orders",
    "Compare the two plans",
    "A parcel that came twice",
    "Draft of the welcome mail",
    "Holiday opening hours",
    "Cancel before shipping",
)


async def fill_the_past(desk: Desk) -> None:
    """Have conversations on each of the 80 days before today, with two bots: fewer at weekends, some of them slow, broken off or rated."""
    dice = random.Random(7)
    bots = [
        await desk.bot(f"{name} desk", model, instructions="x" * 400)
        for name, model in (("Order", "helper"), ("Returns", "small"))
    ]
    await desk.document(bots[0], "Handbook, chapter 4", HANDBOOK)
    today = datetime.now(UTC).replace(hour=9, minute=0)
    for ago in range(80, 0, -1):
        day = today - timedelta(days=ago)
        for number in range(dice.randint(1, 3) if day.weekday() > 4 else dice.randint(4, 8)):
            await one_of_the_past(desk, dice, dice.choice(bots), day + timedelta(minutes=17 * number))


async def one_of_the_past(desk: Desk, dice: random.Random, bot_id: str, at: datetime) -> None:
    who = {"entity_type": dice.choice(("USER", "LEAD")), "external_id": f"customer-{dice.randint(1, 60)}"}
    asked = [dice.choice(QUESTIONS) for _ in range(dice.randint(1, 3))]
    chat = (await desk.made("/v1/conversations", {"bot_id": bot_id, "title": asked[0], **who}))["id"]
    for question in asked:
        sent = await desk.made(f"/v1/conversations/{chat}/messages", {"text": question})
        if dice.random() < 0.3:
            stars = dice.choice((1, 3, 4, 4, 5, 5, 5))
            await desk.http.post(f"/v1/messages/{sent['message']['id']}/rating", json={"rating": stars})
    if dice.random() < 0.4:
        await desk.http.post(f"/v1/conversations/{chat}/end", json={"rating": dice.choice((2, 4, 5, 5))})
    await moved(desk, chat, at, slower=dice.uniform(20, 90))


async def furnish(desk: Desk) -> str:
    """Make a bot that knows a handbook and some conversations; return the id of one to show."""
    await fill_the_past(desk)
    bot_id = await desk.bot("Helper", "helper", instructions="Answer from the handbook.")
    await desk.document(bot_id, "Handbook, chapter 4", HANDBOOK)
    for title in TITLES:
        await desk.conversation(bot_id, title, "Gladly.", title=title)
    ended = await desk.conversation(bot_id, "Thanks!", "You are welcome.", title="Where is my parcel?")
    await desk.http.post(f"/v1/conversations/{ended}/end", json={"rating": 5})
    shown = await desk.made("/v1/conversations", {"bot_id": bot_id, "title": "Can I return this after three weeks?"})
    question = {"text": "I bought this three weeks ago. Can I still return the purchase, and how is the refund paid?"}
    await desk.made(f"/v1/conversations/{shown['id']}/messages", question)
    return str(shown["id"])


async def show_chat(desk: Desk, conversation_id: str) -> None:
    await desk.open(conversation_id)
    await desk.page.locator(".hljs-string").first.wait_for()


async def show_new(desk: Desk, _: str) -> None:
    await desk.go()
    await desk.page.locator(".suggestions").wait_for()


async def show_search(desk: Desk, conversation_id: str) -> None:
    await show_chat(desk, conversation_id)
    await desk.page.locator("#search").fill("return purchase")
    await desk.page.locator(".hit mark").first.wait_for()


async def show_bots(desk: Desk, _: str) -> None:
    await desk.go("/bots")
    await desk.page.locator(".cards").wait_for()


async def show_bot(desk: Desk, conversation_id: str) -> None:
    bot_id = (await desk.got(f"/v1/conversations/{conversation_id}"))["bot_id"]
    await desk.go(f"/bots/{bot_id}")
    await desk.page.get_by_role("searchbox", name="A question to the documents").fill("How is a refund paid?")
    await desk.button("Find").click()
    await desk.page.locator(".passage").first.wait_for()
    await desk.page.get_by_role("heading", level=1).click()


async def show_stats(desk: Desk, _: str) -> None:
    await desk.go("/analytics?period=90d")
    await desk.page.locator(".drawing").nth(8).wait_for()
    await desk.page.locator(".item time").first.wait_for()


async def show_stats_below(desk: Desk, conversation_id: str) -> None:
    await show_stats(desk, conversation_id)
    await desk.page.get_by_role("region", name="Unanswered questions").scroll_into_view_if_needed()
    await desk.page.get_by_role("region", name="Models", exact=True).scroll_into_view_if_needed()


async def show_list(desk: Desk, conversation_id: str) -> None:
    await show_chat(desk, conversation_id)
    if await desk.button("Show the list").is_visible():
        await desk.button("Show the list").click()
    await desk.page.locator(".entry").nth(5).wait_for()


SHOWN = {
    "chat": show_chat,
    "new": show_new,
    "search": show_search,
    "list": show_list,
    "bots": show_bots,
    "bot": show_bot,
    "stats": show_stats,
    "stats-below": show_stats_below,
}


async def take(desk: Desk, name: str) -> None:
    await desk.page.evaluate("() => document.fonts.ready")
    await desk.page.screenshot(path=str(PICTURES / f"{name}.png"), animations="disabled", caret="hide")
    print(f"docs/pictures/{name}.png")


@asynccontextmanager
async def serving(store: Path) -> AsyncIterator[str]:
    """A server whose model says the answer; its address."""
    failing = [ModelError(code="provider_error", message="The provider is down.", retryable=False)]
    small = ScriptedModel(*(["It takes 14 days."] * 9), failing, *(["Before noon."] * 12), failing, "We open at nine.")
    models = {"helper": ScriptedModel(ANSWER), "small": small, "slow": ScriptedModel(*[ANSWER] * 9, delay_seconds=600)}
    app = create_app(Settings(store=str(store), default_model="helper", prices=PRICES), models=models)
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_level="warning", timeout_graceful_shutdown=1))
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  (uvicorn tells by nothing else)
            await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{server.config.port}"
        server.should_exit = True


@asynccontextmanager
async def sat_down(browser: Browser, url: str, theme: str, *, phone: bool) -> AsyncIterator[Desk]:
    async with a_desk(browser, url, color_scheme=theme, **(PHONE if phone else DESKTOP)) as desk:
        yield desk


async def take_a_card(browser: Browser, url: str, name: str) -> None:
    """What stands there before anything else: the first bot, or the door."""
    for theme in ("light", "dark"):
        for phone in (False, True):
            async with sat_down(browser, url, theme, phone=phone) as desk:
                await desk.go()
                await desk.page.locator(".card").wait_for()
                await take(desk, f"{name}-{'phone-' if phone else ''}{theme}")


async def take_the_open_server(browser: Browser, url: str) -> None:
    """Every page of a server that anyone may use."""
    await take_a_card(browser, url, "first-bot")
    conversation_id = ""
    for theme in ("light", "dark"):
        for phone in (False, True):
            async with sat_down(browser, url, theme, phone=phone) as desk:
                conversation_id = conversation_id or await furnish(desk)
                for name, show in SHOWN.items():
                    if (name, phone) not in {("list", False), ("search", True)}:
                        await show(desk, conversation_id)
                        await take(desk, f"{name}-{'phone-' if phone else ''}{theme}")


async def take_the_widget(browser: Browser, url: str) -> None:
    """A bot on somebody else's page: an answer, and the form that asks who the visitor is."""
    async with a_shop() as shop:
        for theme, phone in (("light", False), ("dark", False), ("light", True), ("dark", True)):
            for name, talk, lead in (("widget", ask_the_shop, "off"), ("lead", be_asked, "optional")):
                async with sat_down(browser, url, theme, phone=phone) as desk:
                    bot_id = (await desk.got("/v1/bots"))["data"][0]["id"]
                    widget = {**WIDGET, "allowed_origins": [shop.origin], "lead": lead}
                    await desk.http.patch(f"/v1/bots/{bot_id}", json={"widget": widget})
                    await shop.show(desk, bot_id, body=SHOP, css=SHOP_CSS, more='data-color="#0f766e"')
                    await desk.page.goto(shop.origin)
                    await press(desk)
                    await talk(await framed(desk))
                    await take(desk, f"{name}-{'phone-' if phone else ''}{theme}")


async def ask_the_shop(frame: Frame) -> None:
    await frame.get_by_role("textbox", name="Message").fill("Can I return these after three weeks?")
    await frame.get_by_role("textbox", name="Message").press("Enter")
    await frame.get_by_role("button", name="Good answer").wait_for()


async def be_asked(frame: Frame) -> None:
    await frame.get_by_label("Name").fill("Ada Lovelace")


async def take_the_door(browser: Browser, url: str) -> None:
    """What a server with keys shows first."""
    async with sat_down(browser, url, "light", phone=False) as desk:
        await desk.http.post("/v1/keys", json={"scope": "admin"})
    await take_a_card(browser, url, "sign-in")


async def furnish_the_admin(desk: Desk) -> str:
    """Make keys, a tenant beside the own, and answers that do not end; return the operator's key."""
    operator = str((await desk.made("/v1/keys", {"scope": "operator", "name": "Me"}))["secret"])
    desk.http.headers["Authorization"] = f"Bearer {operator}"
    for fields in (
        {"name": "Website", "scope": "write", "tenant_id": "acme"},
        {"name": "Nightly export", "scope": "read", "expires_in_seconds": 30 * 86_400},
        {"name": "Old laptop", "scope": "admin"},
    ):
        made = await desk.made("/v1/keys", fields)
        shown = {"Authorization": f"Bearer {made['secret']}"}
        if fields["name"] == "Old laptop":
            await desk.http.delete(f"/v1/keys/{made['key']['id']}")
        if fields["name"] == "Website":
            await begin(desk, "Shop assistant", shown)
    await begin(desk, "Helper", {})
    return operator


async def begin(desk: Desk, name: str, headers: dict[str, str]) -> None:
    """Have a bot begin an answer that does not end."""
    model = {"name": name, "model": "slow"}
    bot = await desk.made("/v1/bots", model, headers=headers)
    chat = await desk.made("/v1/conversations", {"bot_id": bot["id"]}, headers=headers)
    asked = {"headers": {**headers, "Prefer": "respond-async"}, "json": {"text": "Tell me all of it."}}
    await desk.http.post(f"/v1/conversations/{chat['id']}/messages", **asked)


async def take_the_admin(browser: Browser, url: str) -> None:
    """What an operator looks after: at first sight, and the store below."""
    operator = ""
    for theme in ("light", "dark"):
        for phone in (False, True):
            async with sat_down(browser, url, theme, phone=phone) as desk:
                operator = operator or await furnish_the_admin(desk)
                await desk.go("/admin")
                await desk.page.get_by_label("API key").fill(operator)
                await desk.button("Sign in").click()
                await desk.page.locator(".facts").wait_for()
                await take(desk, f"admin-{'phone-' if phone else ''}{theme}")
                await desk.page.locator(".facts").scroll_into_view_if_needed()
                if not phone:
                    await take(desk, f"store-{theme}")


async def main() -> None:
    """Make all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as playwright:
            browser = await chromium(playwright)
            for name, takings in (
                ("open.db", (take_the_open_server, take_the_widget)),
                ("closed.db", (take_the_door,)),
                ("admin.db", (take_the_admin,)),
            ):
                with chdir(folder):  # what shows where the store is shows no path of this machine
                    async with serving(Path(name)) as url:
                        for taking in takings:
                            await taking(browser, url)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
