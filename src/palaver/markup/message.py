"""A message as HTML: who said it and when, its parts, its sources, and what went wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from palaver.clock import rfc3339
from palaver.conversation import (
    FilePart,
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    TurnError,
    TurnStatus,
)
from palaver.document import Citation
from palaver.markup.prose import prose_html

SPEAKERS: Mapping[Role, str] = {Role.USER: "User", Role.ASSISTANT: "Assistant"}
_GONE = "This document was deleted."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message and what its markup needs beyond it.

    Attributes:
        speaker: Who said it; the role when empty.
        images: Where the image of an attachment is, by its id: an address, or a ``data:`` URL.
        error: Why its turn failed.
        reason: Why its turn was interrupted.
    """

    message: Message
    speaker: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    error: TurnError | None = None
    reason: str | None = None


def message_html(shown: Shown) -> str:
    """Return an ``<article>`` that needs the rules of ``styles.message_styles``, no script and no style of its own.

    Takes time in proportion to the text: call it in a thread.
    """
    return "".join(_pieces(shown))


def time_html(at: datetime) -> str:
    """Return a time as a person reads it, to the minute, in UTC."""
    return f'<time datetime="{rfc3339(at)}">{at:%Y-%m-%d %H:%M} UTC</time>'


def _pieces(shown: Shown) -> Iterator[str]:
    message = shown.message
    speaker = shown.speaker or SPEAKERS[message.role]
    model = f' <span class="model">{escape(message.model)}</span>' if message.model else ""
    yield f'<article class="message {message.role.value}" id="{escape(message.id)}">'
    yield f'<header><b class="speaker">{escape(speaker)}</b>{model} {time_html(message.created_at)}{_stars(message)}</header>'
    for part in message.parts:
        yield _part(part, shown)
    yield _trouble(shown)
    if message.citations:
        yield '<div class="sources"><ol>'
        for citation in message.citations:
            yield _source(citation, message.id)
        yield "</ol></div>"
    if message.feedback:
        yield f'<p class="feedback">{escape(message.feedback)}</p>'
    yield "</article>\n"


def _stars(message: Message) -> str:
    return (
        f' <span class="rating" title="Rated {message.rating} of 5">{"★" * message.rating}</span>'
        if message.rating
        else ""
    )


def _part(part: Part, shown: Shown) -> str:
    match part:
        case TextPart(text=text):
            notes = {citation.rank for citation in shown.message.citations}
            kind = "bubble prose" if shown.message.role is Role.USER else "prose"
            return f'<div class="{kind}">{prose_html(text, notes=notes, anchor=shown.message.id)}</div>'
        case ReasoningPart(text=text):
            return _folded("Reasoning", text)
        case ToolCallPart(name=name, arguments=arguments):
            return _folded(f"Tool: {name}", arguments)
        case ToolResultPart(text=text):
            return _folded("Result", text)
        case ImagePart(attachment_id=attachment_id):
            address = shown.images.get(attachment_id)
            missing = f'<p class="file">Image {escape(attachment_id)}</p>'
            return missing if address is None else f'<p class="pictures"><img src="{escape(address)}" alt="Image"></p>'
        case FilePart(name=name):
            return f'<p class="file">File: {escape(name)}</p>'


def _folded(title: str, text: str) -> str:
    return f'<details class="reasoning"><summary>{escape(title)}</summary><div>{escape(text)}</div></details>'


def _trouble(shown: Shown) -> str:
    match shown.message.status:
        case TurnStatus.FAILED:
            why = f": {shown.error.message} ({shown.error.code})" if shown.error else ""
            return f'<p class="note bad">Failed{escape(why)}</p>'
        case TurnStatus.INTERRUPTED:
            why = f": {shown.reason.replace('_', ' ')}" if shown.reason else ""
            return f'<p class="note">Interrupted{escape(why)}</p>'
        case TurnStatus.QUEUED | TurnStatus.RUNNING:
            return '<p class="note">Not finished yet</p>'
        case TurnStatus.COMPLETED:
            return ""


def _source(citation: Citation, anchor: str) -> str:
    title = escape(citation.title or citation.document_id)
    quote = f"<p>{escape(citation.quote)}</p>" if citation.quote else ""
    gone = f"<p>{_GONE}</p>" if citation.gone else ""
    head = f'<b><span class="rank">{citation.rank}</span> {title} (version {citation.version})</b>'
    return f'<li id="{escape(anchor)}-{citation.rank}">{head}{quote}{gone}</li>'
