"""Images with a question: chosen, pasted, dropped; and what is refused."""

from __future__ import annotations

import base64

from playwright.async_api import expect

import pictures
from web.desk import TOGETHER, Desk, name

pytestmark = TOGETHER

TRANSFER = """async (target, [name, type, base64, event]) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, {type}));
  const init = {bubbles: true, cancelable: true};
  if (event === "paste") target.dispatchEvent(new ClipboardEvent("paste", {...init, clipboardData: data}));
  else for (const kind of ["dragover", "drop"]) target.dispatchEvent(new DragEvent(kind, {...init, dataTransfer: data}));
}"""


async def test_images_by_button_paste_and_drop(desk: Desk) -> None:
    """All three ways show the image before it is sent and with the question afterwards; one can be taken out again."""
    conversation_id = await desk.conversation(await desk.bot(name()))
    await desk.open(conversation_id)
    png = pictures.plain()
    encoded = base64.b64encode(png).decode()
    waiting = desk.page.locator(".waiting figure")
    async with desk.page.expect_file_chooser() as chooser:
        await desk.button("Add images").click()
    await (await chooser.value).set_files({"name": "chosen.png", "mimeType": "image/png", "buffer": png})
    await expect(waiting).to_have_count(1)
    await desk.box.evaluate(TRANSFER, ["pasted.png", "image/png", encoded, "paste"])
    await expect(waiting).to_have_count(2)
    await desk.page.locator("main").evaluate(TRANSFER, ["dropped.png", "image/png", encoded, "drop"])
    await expect(waiting).to_have_count(3)
    await desk.button("Remove pasted.png").click()
    await expect(waiting).to_have_count(2)
    await expect(desk.page.locator("progress")).to_have_count(0)
    await expect(desk.button("Send")).to_be_disabled()
    await desk.say("Look")
    await expect(desk.answer).to_contain_text("You said: Look")
    shown = desk.page.locator(".pictures img")
    await expect(shown).to_have_count(2)
    assert await shown.first.evaluate("(image) => image.decode().then(() => image.naturalWidth > 0)")
    parts = (await desk.messages(conversation_id))[0]["parts"]
    assert [part["type"] for part in parts].count("image") == 2
    await desk.page.reload()
    await expect(shown).to_have_count(2)


async def test_what_is_no_image_is_refused_by_name(desk: Desk) -> None:
    """A file of another type is not taken; one that only says that it is an image is refused by the server, and told."""
    desk.faults.expected.append("status of 4")
    await desk.open(await desk.conversation(await desk.bot(name())))
    svg = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>").decode()
    await desk.box.evaluate(TRANSFER, ["drawing.svg", "image/svg+xml", svg, "paste"])
    await expect(desk.page.locator(".toast")).to_contain_text("PNG, JPEG, WebP and GIF")
    await desk.box.evaluate(TRANSFER, ["lie.png", "image/png", svg, "paste"])
    await expect(desk.page.locator(".toast").last).to_contain_text("lie.png:")
    await expect(desk.page.locator(".waiting figure")).to_have_count(0)
