"""``palaver conversations``"""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.text import Text

from palaver.arguments import ConversationQuery
from palaver.blocking import BlockingHub
from palaver.cli.find import get_bot
from palaver.cli.options import AfterOption, BotOption, DeletedOption, LimitOption, PageOptions, page_of
from palaver.cli.show import Card, Listing, Sentence, Shown, clean, one_line
from palaver.cli.target import on_hub
from palaver.conversation import Conversation, Message
from palaver.jsonable import encode
from palaver.page import Page

app = typer.Typer(no_args_is_help=True, help="Read conversations, end, archive, delete and search them.")

ConversationArgument = Annotated[str, typer.Argument(metavar="ID", help="A conversation's id.")]


def card(conversation: Conversation) -> Card:
    """Return a conversation, a field a line."""
    entity = conversation.entity
    fields = {
        "id": conversation.id,
        "title": conversation.title,
        "status": conversation.status,
        "bot": conversation.bot_id,
        "with": None if entity is None else f"{entity.type} {entity.external_id or entity.name or entity.id}",
        "messages": conversation.message_count,
        "rating": conversation.rating,
        "feedback": conversation.feedback,
        "running turn": conversation.running_turn_id,
        "metadata": conversation.metadata,
        "started": conversation.started_at,
        "last activity": conversation.last_activity_at,
        "ended": conversation.ended_at,
    }
    return Card(conversation, {name: value for name, value in fields.items() if value not in (None, {})})


class Transcript:
    """A conversation and a page of its messages."""

    def __init__(self, conversation: Conversation, messages: Page[Message]) -> None:
        self._conversation = conversation
        self._messages = messages

    def plain(self) -> Any:
        """As JSON shapes."""
        return {"conversation": encode(self._conversation), "messages": encode(self._messages)}

    def show(self, console: Console) -> None:
        """For a person."""
        card(self._conversation).show(console)
        for message in self._messages:
            stars = f" · rated {message.rating}" if message.rating else ""
            console.print(Text(f"\n{message.role}{stars}", style="bold"))
            console.print(Text(clean(message.text)), soft_wrap=True)
        if self._messages.next is not None:
            console.print(Text(f"\nThere is more: --after {self._messages.next}"), soft_wrap=True)


@on_hub(app, "list", epilog="Example: palaver conversations list --bot Helper --status active -n 20")
def list_conversations(
    hub: BlockingHub,
    which: PageOptions,
    bot: BotOption = None,
    status: Annotated[str | None, typer.Option("--status", help="active, ended or archived.")] = None,
    deleted: DeletedOption = False,
) -> Shown:
    """List conversations, the most recently active first."""
    query = cast("ConversationQuery", which.query())  # which is one, as far as it goes
    query["deleted"] = deleted
    if bot is not None:
        query["bot_id"] = get_bot(hub, bot).id
    if status is not None:
        query["status"] = status
    page = hub.conversations.list(**query)
    rows = [(each.id, each.title, each.status, each.message_count, each.last_activity_at) for each in page]
    columns = ("id", "title", "status", "messages", "last activity")
    return Listing(page, columns, rows, "There are no conversations here.")


@on_hub(app, "show", epilog="Example: palaver conversations show conv_0198… --json")
def show(
    hub: BlockingHub, conversation: ConversationArgument, limit: LimitOption = 200, after: AfterOption = None
) -> Shown:
    """Show a conversation and its messages."""
    messages = hub.messages.list(conversation, **page_of(limit, after))
    return Transcript(hub.conversations.get(conversation), messages)


@on_hub(app, "end", epilog="Example: palaver conversations end conv_0198… --rating 4 --feedback 'quick'")
def end(
    hub: BlockingHub,
    conversation: ConversationArgument,
    rating: Annotated[int | None, typer.Option("--rating", help="1 to 5.")] = None,
    feedback: Annotated[str | None, typer.Option("--feedback", help="A comment.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="user, bot, admin or idle.")] = "admin",
) -> Shown:
    """End a conversation; a running turn is stopped first and keeps its text."""
    return card(hub.conversations.end(conversation, rating=rating, feedback=feedback, reason=reason))


@on_hub(app, "archive")
def archive(hub: BlockingHub, conversation: ConversationArgument) -> Shown:
    """Archive a conversation; a running turn is stopped first."""
    return card(hub.conversations.archive(conversation))


@on_hub(app, "reopen")
def reopen(hub: BlockingHub, conversation: ConversationArgument) -> Shown:
    """Make an ended or archived conversation active again."""
    return card(hub.conversations.reopen(conversation))


@on_hub(app, "delete")
def delete(hub: BlockingHub, conversation: ConversationArgument) -> Shown:
    """Delete a conversation. It can be restored until it is purged."""
    hub.conversations.delete(conversation)
    return Sentence(f"Deleted. Bring it back with: palaver conversations restore {conversation}", {"id": conversation})


@on_hub(app, "restore", epilog="Deleted ones are listed by: palaver conversations list --deleted")
def restore(hub: BlockingHub, conversation: ConversationArgument) -> Shown:
    """Bring a deleted conversation back."""
    return card(hub.conversations.restore(conversation))


@on_hub(app, "search", epilog="Example: palaver conversations search 'refund policy' --bot Helper")
def search(
    hub: BlockingHub,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="All of them must occur.")],
    bot: BotOption = None,
    limit: LimitOption = 20,
    after: AfterOption = None,
) -> Shown:
    """Find messages, newest first."""
    bot_id = None if bot is None else get_bot(hub, bot).id
    page = hub.messages.search(words, bot_id=bot_id, **page_of(limit, after))
    rows = [(each.conversation_id, each.role, one_line(each.text, 100), each.created_at) for each in page]
    return Listing(page, ("conversation", "role", "text", "at"), rows, "No message holds these words.")
