"""What stands above a conversation that is to be read."""

from __future__ import annotations

from collections.abc import Iterator

from palaver.conversation import Message, Role
from palaver.exports.chapter import Chapter

UNTITLED = "Conversation"


def title_of(chapter: Chapter) -> str:
    """Return what a conversation is called."""
    return chapter.conversation.title or UNTITLED


def person_of(chapter: Chapter) -> str | None:
    """Return who the bot talks with, if that is known."""
    entity = chapter.conversation.entity
    return None if entity is None else entity.name or entity.external_id or entity.email


def speaker_of(chapter: Chapter, message: Message) -> str:
    """Return who said something."""
    return chapter.bot.name if message.role is Role.ASSISTANT else person_of(chapter) or "User"


def facts_of(chapter: Chapter) -> Iterator[tuple[str, str]]:
    """Yield what is known of a conversation: a name and a text each."""
    found = chapter.conversation
    yield "Bot", chapter.bot.name
    if (person := person_of(chapter)) is not None:
        yield "With", person
    ended = f" ({found.end_reason.value})" if found.end_reason else ""
    yield "Status", f"{found.status.value}{ended}"
    yield "Started", f"{found.started_at:%Y-%m-%d %H:%M} UTC"
    if found.ended_at is not None:
        yield "Ended", f"{found.ended_at:%Y-%m-%d %H:%M} UTC"
    if found.rating is not None:
        yield "Rating", f"{found.rating} of 5"
    if found.feedback:
        yield "Feedback", found.feedback
    yield "Id", found.id
