"""Conversations as one file for a browser, opened from disk: no script, nothing that is fetched, nothing that is told.

Its policy allows the one stylesheet by its hash, and images that are in the file. What was said is cleaned before
(``markup.prose``); this is the last wall behind that.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from html import escape
from importlib.resources import files

from palaver.conversation import ImagePart, Message, TurnStatus
from palaver.exports.chapter import Chapter
from palaver.exports.heads import facts_of, speaker_of, title_of
from palaver.markup.message import Shown, message_html
from palaver.markup.styles import message_styles

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
"""What is shown; an SVG can hold scripts."""


class HtmlWriter:
    """See ``base.Writer``."""

    def begin(self, title: str) -> bytes:
        """The head of the page, with all its styles."""
        styles = message_styles() + files("palaver.exports").joinpath("page.css").read_text(encoding="utf-8")
        digest = b64encode(hashlib.sha256(styles.encode()).digest()).decode()
        policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>{escape(title)}</title>\n<style>{styles}</style>\n</head>\n<body>\n<main>\n"
        ).encode()

    async def conversation(self, chapter: Chapter) -> AsyncGenerator[bytes]:
        """A section: what is known of the conversation, and its messages."""
        facts = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts_of(chapter))
        yield f'<section class="conversation">\n<h1>{escape(title_of(chapter))}</h1>\n<dl>{facts}</dl>\n'.encode()
        async with aclosing(chapter.messages()) as messages:
            async for message in messages:
                shown = await _shown(chapter, message)
                yield (await asyncio.to_thread(message_html, shown)).encode()
        yield b"</section>\n"

    def end(self) -> bytes:
        """The end of the page."""
        return b"</main>\n</body>\n</html>\n"


async def _shown(chapter: Chapter, message: Message) -> Shown:
    went_wrong = message.status in {TurnStatus.FAILED, TurnStatus.INTERRUPTED}
    turn = await chapter.find_turn(message.turn_id) if went_wrong else None
    return Shown(
        message=message,
        speaker=speaker_of(chapter, message),
        images=await _images(chapter, message),
        error=None if turn is None else turn.error,
        reason=None if turn is None or turn.reason is None else turn.reason.value,
    )


async def _images(chapter: Chapter, message: Message) -> dict[str, str]:
    """Return the images of a message as ``data:`` URLs."""
    found: dict[str, str] = {}
    for part in message.parts:
        if isinstance(part, ImagePart) and part.attachment_id not in found:
            kept = await chapter.find_attachment(part.attachment_id)
            if kept is not None and kept[0].media_type in IMAGE_TYPES:
                found[part.attachment_id] = f"data:{kept[0].media_type};base64,{b64encode(kept[1]).decode()}"
    return found
