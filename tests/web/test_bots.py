"""Bots and what they answer from: made, changed, given documents, asked."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Route, expect

from web.desk import TOGETHER, Desk, name

pytestmark = TOGETHER

HANDBOOK = b"# Refunds\n\nA purchase can be returned within 30 days.\n\n# Shipping\n\nParcels leave before noon.\n"


async def test_a_bot_is_made_changed_talked_to_and_deleted(desk: Desk) -> None:
    """From the list to a form, from the form to a talk; what the form does not show stays; deleting asks and can be undone."""
    called = name("Made")
    await desk.go()
    await desk.page.get_by_role("link", name="Bots").click()
    await desk.page.get_by_role("link", name="New bot").click()
    await expect(desk.page).to_have_url(desk.url + "/bots/new")
    await desk.page.get_by_label("Name", exact=True).fill(called)
    await desk.page.get_by_label("Instructions").fill("Be brief.")
    await desk.page.get_by_label("Temperature").fill("0.3")
    await desk.button("Create").click()
    await expect(desk.page).to_have_url(re.compile("/bots/bot_[0-9a-f]{32}$"))
    bot_id = desk.page.url.rpartition("/")[2]
    bot = await desk.got(f"/v1/bots/{bot_id}")
    assert (bot["name"], bot["instructions"], bot["params"]) == (called, "Be brief.", {"temperature": 0.3})
    await desk.http.patch(
        f"/v1/bots/{bot_id}", json={"params": {"temperature": 0.3, "top_p": 0.5}, "model": "scripted:Hello."}
    )
    await desk.page.reload()
    await desk.page.get_by_label("Temperature").fill("")
    await desk.page.get_by_label("Tokens of an answer").fill("200")
    await desk.page.get_by_label("Ends when idle").fill("30")
    await desk.button("Save").click()
    await expect(desk.page.locator(".toast")).to_contain_text("Saved")
    bot = await desk.got(f"/v1/bots/{bot_id}")
    assert (bot["params"], bot["idle_timeout_minutes"]) == ({"top_p": 0.5, "max_tokens": 200}, 30)
    await desk.button("Talk").click()
    await desk.say("Hi")
    await expect(desk.answer.locator(".prose")).to_have_text("Hello.")
    await desk.go(f"/bots/{bot_id}")
    await desk.button("Delete").click()
    await desk.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(desk.page).to_have_url(desk.url + "/bots")
    await expect(desk.page.get_by_role("link", name=called)).to_have_count(0)
    await desk.button("Undo").click()
    await expect(desk.page.get_by_role("link", name=called)).to_be_visible()


async def test_what_is_refused_stays_in_the_form(desk: Desk) -> None:
    """A name that is taken, and a bot that somebody else changed meanwhile, are told where they were written."""
    desk.faults.expected += ["status of 409", "status of 412"]
    taken, bot_id = name("Taken"), await desk.bot(name())
    await desk.bot(taken)
    await desk.go(f"/bots/{bot_id}")
    await desk.page.get_by_label("Name", exact=True).fill(taken)
    await desk.button("Save").click()
    await expect(desk.page.locator("form .note.bad")).to_be_visible()
    await expect(desk.page.get_by_label("Name", exact=True)).to_have_value(taken)
    await desk.http.patch(f"/v1/bots/{bot_id}", json={"instructions": "By somebody else"})
    await desk.page.get_by_label("Name", exact=True).fill(name("Free"))
    await desk.button("Save").click()
    await expect(desk.page.locator("form .note.bad")).to_contain_text("Somebody else changed this bot")
    assert (await desk.got(f"/v1/bots/{bot_id}"))["instructions"] == "By somebody else"


async def test_documents(desk: Desk) -> None:
    """Files are uploaded, read and ready; what can't be read says why; passages are shown, a search finds them; deleting can be undone."""
    desk.faults.expected.append("status of 4")
    bot_id = await desk.bot(name())
    await desk.go(f"/bots/{bot_id}")
    documents = desk.page.get_by_role("region", name="Documents")
    await expect(documents).to_contain_text("None yet.")
    sent = asyncio.Event()

    async def held(route: Route) -> None:
        await sent.wait()
        await route.fallback()

    await desk.page.route(re.compile("/documents$"), held)
    await desk.page.locator("input[type=file]").set_input_files(
        [
            {"name": "handbook.md", "mimeType": "text/markdown", "buffer": HANDBOOK},
            {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\nnothing of the kind"},
        ]
    )
    await expect(documents.get_by_role("progressbar", name="Uploading handbook.md")).to_be_visible()
    sent.set()
    good = documents.get_by_role("listitem").filter(has_text="handbook")
    await expect(good).to_contain_text("passage")
    await expect(documents.get_by_role("progressbar")).to_have_count(0)
    bad = documents.get_by_role("listitem").filter(has_text="broken")
    await expect(bad.locator(".bad")).not_to_be_empty()
    (broken,) = [
        each for each in (await desk.got(f"/v1/bots/{bot_id}/documents"))["data"] if each["status"] == "failed"
    ]
    await expect(bad).to_contain_text("failed")
    await expect(bad.locator(".bad")).to_have_text(broken["error"]["message"])
    await desk.button("Actions for handbook.md").click()
    await desk.page.get_by_role("menuitem", name="Show the passages").click()
    await expect(good.locator(".passage").first).to_contain_text("within 30 days")
    query = desk.page.get_by_role("searchbox", name="A question to the documents")
    await query.fill("returned purchase days")
    await query.press("Enter")
    found = desk.page.get_by_role("region", name="What is found")
    await expect(found.locator(".passage").first).to_contain_text("within 30 days")
    await expect(found).to_contain_text("Found by their words alone")
    await desk.button("Actions for handbook.md").click()
    await desk.page.get_by_role("menuitem", name="Delete …").click()
    await desk.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(good).to_have_count(0)
    await desk.button("Undo").click()
    await expect(good).to_contain_text("passage")


async def test_training(desk: Desk) -> None:
    """A dry run shows the pairs that would be used and stores nothing; the run makes a document of them; the next has nothing new."""
    bot_id = await desk.bot(name())
    conversation_id = await desk.conversation(bot_id, "When do parcels leave?", "Before noon, on the day of the order.")
    answer = (await desk.messages(conversation_id))[1]
    await desk.http.post(f"/v1/messages/{answer['id']}/rating", json={"rating": 5})
    await desk.go(f"/bots/{bot_id}")
    training = desk.page.get_by_role("region", name="Training")
    await desk.button("See what would be used").click()
    await expect(training).to_contain_text("1 pair of 1 conversation.")
    await expect(training.get_by_role("listitem")).to_contain_text("When do parcels leave?")
    assert (await desk.got(f"/v1/bots/{bot_id}/documents"))["data"] == []
    await desk.button("Train").click()
    await expect(desk.page.get_by_role("region", name="Documents").get_by_role("listitem")).to_contain_text("passage")
    await desk.button("See what would be used").click()
    await expect(training).to_contain_text("Nothing new fits")


async def test_a_text_becomes_a_document(desk: Desk) -> None:
    """A text that is pasted is a document with its title; Cancel and Escape leave nothing; answers come from it."""
    bot_id = await desk.bot(name())
    await desk.go(f"/bots/{bot_id}")
    documents = desk.page.get_by_role("region", name="Documents")
    for leaving in ("Escape", "Cancel"):
        await desk.button("Add text").click()
        field = desk.page.get_by_label("Text", exact=True)
        await expect(field).to_be_focused()
        await field.fill("Never mind")
        if leaving == "Escape":
            await field.press("Escape")
        else:
            await desk.button("Cancel").click()
        await expect(field).to_have_count(0)
    await desk.button("Add text").click()
    await desk.page.get_by_label("Text", exact=True).fill(HANDBOOK.decode())
    await documents.get_by_label("Title", exact=True).fill("Pasted handbook")
    await desk.button("Add").click()
    added = documents.get_by_role("listitem").filter(has_text="Pasted handbook")
    await expect(added).to_contain_text("passage")
    (stored,) = (await desk.got(f"/v1/bots/{bot_id}/documents"))["data"]
    assert (stored["title"], stored["source"]) == ("Pasted handbook", "text")


async def test_a_page_that_is_not_fetched_says_why(desk: Desk) -> None:
    """A server that fetches no pages says so in the form, and what was written stays there."""
    desk.faults.expected.append("status of 422")
    bot_id = await desk.bot(name())
    await desk.go(f"/bots/{bot_id}")
    await desk.button("Add a web page").click()
    field = desk.page.get_by_label("Address", exact=True)
    await field.fill("https://docs.example.org/refunds")
    await desk.button("Add").click()
    trouble = desk.page.get_by_role("form", name="Add a web page").get_by_role("alert")
    await expect(trouble).to_contain_text("This server fetches no pages")
    await expect(field).to_have_value("https://docs.example.org/refunds")
    assert (await desk.got(f"/v1/bots/{bot_id}/documents"))["data"] == []


async def test_a_bot_is_tried_as_its_form_is(desk: Desk) -> None:
    """What the form has is asked, saved or not, from the bot's documents; the bot stays as it is and nothing is kept."""
    bot_id = await desk.bot(name(), "scripted:echo")
    await desk.document(bot_id, "Handbook", "Refunds are given within 30 days.")
    await desk.go(f"/bots/{bot_id}")
    trial = desk.page.get_by_role("region", name="Try")
    form, beside = (
        await desk.page.get_by_role("form", name="Bot", exact=True).bounding_box(),
        await trial.bounding_box(),
    )
    assert form is not None
    assert beside is not None
    assert (beside["x"] >= form["x"] + form["width"], beside["y"]) == (True, form["y"])
    question = trial.get_by_role("textbox", name="A question to try")
    await question.fill("Refunds are given when?")
    await question.press("Enter")
    await expect(trial).to_contain_text("You said: Refunds are given when?")
    await expect(trial).to_contain_text("Nothing of this is kept.")
    await desk.page.locator("input[name=model]").fill("scripted:See the handbook [1].")
    await desk.button("Ask").click()
    await expect(trial).to_contain_text("See the handbook")
    await trial.get_by_role("button", name="Source 1").click()
    await expect(trial.locator("[data-source='1']")).to_be_focused()
    await desk.page.locator("input[name=model]").fill("scripted:slow")
    await desk.button("Ask").click()
    await expect(trial).to_contain_text("word1")
    await desk.button("Stop").click()
    await expect(trial).to_contain_text("Stopped.")
    await desk.button("Clear").click()
    await expect(trial.get_by_role("article")).to_have_count(0)
    assert (await desk.got(f"/v1/bots/{bot_id}"))["model"] == "scripted:echo"
    assert (await desk.got(f"/v1/conversations?bot_id={bot_id}"))["data"] == []


async def test_a_trial_that_fails_says_why(desk: Desk) -> None:
    """A model that is not configured, and one that fails, are told where they were tried."""
    desk.faults.expected.append("status of 502")
    bot_id = await desk.bot(name(), "nobody:knows")
    await desk.go(f"/bots/{bot_id}")
    trial = desk.page.get_by_role("region", name="Try")
    await trial.get_by_role("textbox", name="A question to try").fill("Hello?")
    await desk.button("Ask").click()
    await expect(trial.get_by_role("alert")).to_contain_text("nobody")
    await desk.page.locator("input[name=model]").fill("scripted:fail?code=provider_error&count=2")
    await desk.button("Ask").click()
    await expect(trial).to_contain_text("word0 word1")
    await expect(trial.get_by_role("alert")).to_contain_text("The script says so.")
