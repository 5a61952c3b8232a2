"""What is said never runs, wherever it is shown and however it comes."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Browser, Page, Route, expect

import pictures
from crash.process import serving
from peers.faulty import DONE, STOP, Answer, faulty, head, says
from web.desk import TOGETHER, Desk, a_desk, name
from web.vectors import vectors

pytestmark = TOGETHER

ALL = tuple(vectors())
WATCH = "window.runs = 0; window.ran = () => { window.runs += 1; return ''; }; window.alert = window.ran;"
RUNS = """async () => {
  for (const element of document.querySelectorAll("a, .message, .message *")) {
    for (const kind of ["mouseover", "focus", "toggle", "animationstart"]) element.dispatchEvent(new Event(kind));
  }
  return window.runs;
}"""
HREFS = "() => [...document.querySelectorAll('a')].map((link) => link.getAttribute('href'))"
STRANGE = """() => [...document.querySelectorAll('.prose *')].filter((element) =>
  [...element.attributes].some(({name}) => /^on|^style$|^id$|^src/.test(name)) ||
  /^(script|iframe|img|svg|style|form|input|object|embed|link|meta|base)$/i.test(element.tagName)
).map((element) => element.outerHTML)"""


ALWAYS = f"""() => {{
  window.drawn = 0;
  window.strange = [];
  const look = () => {{
    window.drawn += 1;
    window.strange.push(...({STRANGE})());
  }};
  new MutationObserver(look).observe(document.querySelector("#main"), {{ subtree: true, childList: true, characterData: true }});
}}"""


async def nothing_ran(page: Page) -> None:
    """No vector ran, nothing strange stands in a text, and every link leads where links may lead."""
    assert await page.evaluate(RUNS) == 0
    assert await page.evaluate(STRANGE) == []
    allowed = ("http://", "https://", "mailto:", "/", "#main")
    assert [href for href in await page.evaluate(HREFS) if href is not None and not href.startswith(allowed)] == []


def file_names(suffix: str) -> list[str]:
    """All of them as names of files, as far as a name can hold them."""
    return [f"{vector[:60]}.{suffix}".replace("/", "_").replace("\n", " ").replace("\t", " ") for vector in ALL]


async def test_there_are_enough() -> None:
    """At least a hundred, all different."""
    assert len(set(ALL)) == len(ALL) >= 100


async def test_as_questions_and_answers(desk: Desk) -> None:
    """Stored texts, of people and of models: what is markup is shown as it was written."""
    await desk.page.add_init_script(WATCH)
    said = [text for vector in ALL for text in (vector, vector)]
    conversation_id = await desk.conversation(await desk.bot(name()), *said)
    await desk.open(conversation_id)
    while await desk.page.locator(".message").count() < len(said):
        count = await desk.page.locator(".message").count()
        await desk.page.locator(".message").first.scroll_into_view_if_needed()
        await expect(desk.page.locator(".message").nth(count)).to_be_attached()
    await nothing_ran(desk.page)
    assert await desk.page.locator(".message.user .bubble").all_text_contents() == list(ALL)
    prose = await desk.page.locator(".message.assistant .prose").all_text_contents()
    assert prose[0].strip() == ALL[0]


async def test_a_character_at_a_time(desk: Desk) -> None:
    """No prefix of any of them runs while it is written, and the end is what the whole text gives at once."""
    await desk.page.add_init_script(WATCH)
    await desk.go()
    await desk.page.locator("#app > *").first.wait_for()
    differing = await desk.page.evaluate(
        """async (all) => {
          const page = document.querySelector("script[type=module]").src.replace("app.js", "markdown.js");
          const { GrowingMarkdown, renderInto } = await import(page);
          const differing = [];
          for (const text of all) {
            const [grown, whole] = [document.createElement("div"), document.createElement("div")];
            grown.className = whole.className = "prose";
            document.body.append(grown, whole);
            const growing = new GrowingMarkdown(grown);
            for (let end = 1; end <= text.length; end++) growing.update(text.slice(0, end), [1], false);
            growing.update(text, [1], true);
            renderInto(whole, text, [1]);
            if (grown.textContent !== whole.textContent) differing.push(text);
          }
          return differing;
        }""",
        list(ALL),
    )
    assert differing == []
    await nothing_ran(desk.page)


async def test_while_it_is_streamed(desk: Desk) -> None:
    """An answer that holds them all comes through the stream, is shown, and runs nothing."""
    await desk.page.add_init_script(WATCH)
    conversation_id = await desk.conversation(await desk.bot(name()))
    await desk.open(conversation_id)
    await desk.box.fill("\n\n".join(ALL[:100]))
    await desk.button("Send").click()
    await expect(desk.button("Regenerate")).to_be_visible()
    await nothing_ran(desk.page)


def a_character_a_delta(text: str) -> Answer:
    """What a model says, with a moment behind each."""
    return [head(), *(step for each in text for step in (says(each), 0.0005)), STOP, DONE]


async def test_as_a_model_says_them_a_character_a_delta(browser: Browser, tmp_path: Path) -> None:
    """From a model's server over ours to the page, every one is read along as it is written: at no moment does one run, or become
    anything but text. It is stored and shown as it was said."""
    answers = ["\n\n".join(ALL[at : at + 16]) for at in range(0, len(ALL), 16)]
    async with faulty(*map(a_character_a_delta, answers)) as model:
        env = {
            "PALAVER_PROVIDERS": json.dumps({"letters": model.base_url}),
            "PALAVER_LEASE_SECONDS": "30",
            "PALAVER_TITLES": "off",
        }
        async with serving(tmp_path / "chat.db", env) as server, a_desk(browser, server.url) as desk:
            await desk.page.add_init_script(WATCH)
            conversation_id = await desk.conversation(await desk.bot(name(), "letters:any"))
            await desk.open(conversation_id)
            await desk.page.evaluate(ALWAYS)
            for at in range(len(answers)):
                await desk.say(f"Answer {at}")
                await expect(desk.button("Good answer")).to_have_count(at + 1)
            await nothing_ran(desk.page)
            assert await desk.page.evaluate("() => window.strange") == []
            assert await desk.page.evaluate("() => window.drawn") > 5 * len(answers)
            stored = [each["text"] for each in await desk.messages(conversation_id)]
            assert stored[1::2] == answers


async def test_as_titles_names_and_hits(desk: Desk) -> None:
    """Titles of conversations, names of bots, suggestions, and what a search shows of them."""
    await desk.page.add_init_script(WATCH)
    word = name("word").replace(" ", "")
    bot_id = ""
    for number, vector in enumerate(ALL):
        text = f"{word} {number} {vector}"[:190].replace("\n", " ").replace("\t", " ")
        if number % 10 == 0:
            bot_id = await desk.bot(text, metadata={"suggestions": [vector]})
        await desk.conversation(bot_id, text, title=text)
    await desk.go()
    await desk.page.locator(".suggestions button").first.wait_for()
    await desk.page.get_by_role("searchbox").fill(word)
    await desk.page.locator(".hit").first.wait_for()
    titles = desk.page.locator(".entry")
    while await titles.count() < len(ALL):
        count = await titles.count()
        await titles.last.scroll_into_view_if_needed()
        await expect(titles.nth(count)).to_be_attached()
    await nothing_ran(desk.page)


async def test_as_sources_errors_and_file_names(desk: Desk) -> None:
    """Titles and quotes of citations, sentences of errors, names of files: whatever a server or a person says."""
    await desk.page.add_init_script(WATCH)
    desk.faults.expected.append("status of 422")
    conversation_id = await desk.conversation(await desk.bot(name()), "q", "a [1]")
    answer = (await desk.messages(conversation_id))[1]
    sources = [
        {
            "document_id": "x",
            "version": 1,
            "title": each,
            "quote": each,
            "start": 0,
            "end": 1,
            "score": 1,
            "rank": rank,
            "gone": False,
        }
        for rank, each in enumerate(ALL, 1)
    ]

    async def with_sources(route) -> None:
        reply = await route.fetch()
        page = await reply.json()
        for message in page["data"]:
            if message["id"] == answer["id"]:
                message["citations"] = sources
        await route.fulfill(response=reply, body=json.dumps(page))

    said = iter(ALL)

    async def refuse(route) -> None:
        problem = {"code": "invalid_parameter", "detail": next(said)}
        await route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem))

    await desk.page.route("**/messages?*", with_sources)
    await desk.open(conversation_id)
    await expect(desk.page.locator(".sources li")).to_have_count(len(ALL))
    await desk.page.route("**/messages", refuse)
    for _ in range(4):
        await desk.say("x")
        await expect(desk.box).to_have_value("x")
    names = file_names("png")
    for chunk in (names[at : at + 10] for at in range(0, len(names), 10)):
        files = [{"name": each, "mimeType": "image/png", "buffer": pictures.plain()} for each in chunk]
        await desk.page.locator("input[type=file]").set_input_files(files)
        await expect(desk.page.locator(".waiting figure")).to_have_count(len(chunk))
        await nothing_ran(desk.page)
        while await desk.page.locator(".waiting button").count():
            await desk.page.locator(".waiting button").first.click()
    await nothing_ran(desk.page)


async def test_as_reasons_of_failed_answers(desk: Desk) -> None:
    """Whatever a model or its provider says went wrong stands below the answer, as it was written."""
    await desk.page.add_init_script(WATCH)
    conversation_id = await desk.conversation(await desk.bot(name()), "q", "a")

    async def failed(route: Route) -> None:
        reply = await route.fetch()
        page = await reply.json()
        answer = next(each for each in page["data"] if each["role"] == "assistant")
        page["data"] = [
            {**answer, "id": f"msg_{number}", "turn_id": str(number), "status": "failed"} for number in range(len(ALL))
        ]
        await route.fulfill(response=reply, body=json.dumps(page))

    async def told(route: Route) -> None:
        number = int(route.request.url.rpartition("/")[2])
        await route.fulfill(json={"error": {"code": "provider_error", "message": ALL[number]}, "reason": None})

    await desk.page.route("**/messages?*", failed)
    await desk.page.route("**/v1/turns/*", told)
    await desk.open(conversation_id)
    notes = desk.page.locator(".note.bad span")
    await expect(notes).to_have_text(list(reversed(ALL)), use_inner_text=False)
    await nothing_ran(desk.page)


async def test_as_bots_and_documents(desk: Desk) -> None:
    """Names of bots, names of files and why they were refused, titles of documents and why they failed, passages, what is found, pairs."""
    await desk.page.add_init_script(WATCH)
    desk.faults.expected.append("status of 422")
    bot_id = await desk.bot(name())
    await desk.document(bot_id, "Handbook", "Refunds are given within 30 days.")
    document = (await desk.got(f"/v1/bots/{bot_id}/documents"))["data"][0]
    chunk = {"heading": None, "page": None, "ordinal": 0, "text": ""}
    chunks = [{**chunk, "ordinal": number, "heading": each, "text": each} for number, each in enumerate(ALL)]
    errors = [{"code": "unreadable", "message": each} for each in ALL]
    listed = [{**document, "id": f"doc_{at}", "title": ALL[at], "error": errors[at]} for at in range(len(ALL))]
    hits = [{"rank": at, "title": ALL[at], "score": 1, "chunk": chunks[at]} for at in range(len(ALL))]
    pairs = [{"turn_id": each, "conversation_id": "x", "question": each, "answer": each} for each in ALL]
    said = iter(ALL)

    async def named(route: Route) -> None:
        reply = await route.fetch()
        page = await reply.json()
        page["data"] += [{**page["data"][0], "id": f"bot_{number}", "name": each} for number, each in enumerate(ALL)]
        await route.fulfill(response=reply, body=json.dumps(page))

    async def refuse(route: Route) -> None:
        problem = {"code": "invalid_parameter", "detail": next(said)}
        await route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem))

    async def answer(path: str, what: object) -> None:
        await desk.page.route(path, lambda route: route.fulfill(json=what))

    await desk.page.route("**/v1/bots?*", named)
    await desk.page.route("**/v1/bots/*/documents", refuse)
    await answer("**/v1/bots/*/documents?*", {"data": listed, "next": None})
    await answer("**/chunks?*", {"data": chunks, "next": None})
    await answer("**/v1/bots/*/search", {"mode": "hybrid", "hits": hits})
    await answer("**/v1/bots/*/train", {"used": 1, "duplicates": 0, "conversations": 1, "pairs": pairs})
    await desk.go("/bots")
    for each in ALL:
        await expect(desk.page.locator(".cards .title").get_by_text(each, exact=True).first).to_be_attached()
    await nothing_ran(desk.page)
    await desk.go(f"/bots/{bot_id}")
    await expect(desk.page.locator(".whole.bad")).to_have_count(len(ALL))
    await desk.page.get_by_role("region", name="Documents").locator("[aria-haspopup]").first.click()
    await desk.page.get_by_role("menuitem", name="Show the passages").click()
    await desk.page.get_by_role("searchbox", name="A question to the documents").fill("x")
    await desk.button("Find").click()
    await desk.button("See what would be used").click()
    await expect(desk.page.locator(".passage")).to_have_count(3 * len(ALL))
    await nothing_ran(desk.page)
    files = [{"name": each, "mimeType": "text/plain", "buffer": b"x"} for each in file_names("txt")]
    await desk.page.get_by_label("Files to add").set_input_files(files)
    await expect(desk.page.locator("progress")).to_have_count(0)
    assert next(said, None) is None
    await nothing_ran(desk.page)


async def test_in_the_analytics(desk: Desk) -> None:
    """Names of bots and models, questions, and what the server refuses, on the page of the analytics."""
    await desk.page.add_init_script(WATCH)
    desk.faults.expected.append("status of 422")
    bot_id = await desk.bot(name(), "scripted:Gladly.")
    chat = await desk.made("/v1/conversations", {"bot_id": bot_id})
    await desk.made(f"/v1/conversations/{chat['id']}/messages", {"text": "Hello?"})

    async def named(route: Route) -> None:
        """Let a report have a row for each, with its name."""
        reply = await route.fetch()
        report = await reply.json()
        if report["by"] in ("bot", "model"):
            report["rows"] = [{**report["rows"][0], "key": each, "name": each} for each in ALL]
        await route.fulfill(response=reply, body=json.dumps(report))

    async def asked(route: Route) -> None:
        reply = await route.fetch()
        page = await reply.json()
        page["data"] = [
            {**page["data"][0], "turn_id": each, "text": each, "title": each, "bot_id": each} for each in ALL
        ]
        await route.fulfill(response=reply, body=json.dumps(page))

    await desk.page.route("**/v1/analytics/figures?*", named)
    await desk.page.route("**/v1/analytics/unfound?*", asked)
    await desk.go(f"/analytics?bot={bot_id}")
    await expect(desk.page.locator(".unfound li")).to_have_count(len(ALL))
    for table in ("Bots", "Models"):
        rows = desk.page.get_by_role("region", name=table, exact=True).locator("tbody tr")
        await expect(rows).to_have_count(len(ALL))
    await nothing_ran(desk.page)
    said = iter(ALL)

    async def refuse(route: Route) -> None:
        problem = {"code": "invalid_filter", "detail": next(said)}
        await route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem))

    await desk.page.route("**/v1/analytics/figures?*", refuse)
    for query in (f"period={ALL[0]}", f"timezone={ALL[1]}", f"from={ALL[2]}&to={ALL[3]}", f"bot={ALL[4]}"):
        await desk.go(f"/analytics?{quote(query, safe='=&')}")
        await expect(desk.page.get_by_role("alert")).not_to_be_empty()
        await nothing_ran(desk.page)
