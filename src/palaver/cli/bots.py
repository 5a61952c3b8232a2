"""``palaver bots``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palaver.blocking import BlockingHub
from palaver.bot import Bot
from palaver.cli.find import get_bot
from palaver.cli.show import Card, Listing, Sentence, Shown, one_line
from palaver.cli.target import on_hub
from palaver.errors import InvalidInput
from palaver.surface import BotFields, PageQuery

app = typer.Typer(no_args_is_help=True, help="Create and edit bots: instructions, a model and its parameters.")

BotArgument = Annotated[str, typer.Argument(metavar="BOT", help="A bot's name or id.")]
InstructionsOption = Annotated[
    str | None, typer.Option("--instructions", "-i", help="What the bot is told. @FILE reads them from a file.")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", help="provider:name, such as groq:openai/gpt-oss-120b, or offline.")
]
TemperatureOption = Annotated[float | None, typer.Option(help="0 to 2.")]
MaxTokensOption = Annotated[int | None, typer.Option(help="The longest answer.")]
IdleOption = Annotated[
    int | None, typer.Option("--idle-minutes", help="End its conversations after so long without a word.")
]
AfterOption = Annotated[str | None, typer.Option("--after", help="Go on behind this cursor.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", help="How many, at most 200.")]


def _instructions(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{text[1:]} can't be read as text: {error}.") from error


def _fields(
    instructions: str | None, model: str | None, idle_minutes: int | None, params: dict[str, float | int | None]
) -> BotFields:
    fields: BotFields = {}
    if instructions is not None:
        fields["instructions"] = _instructions(instructions)
    if model is not None:
        fields["model"] = model
    if idle_minutes is not None:
        fields["idle_timeout_minutes"] = idle_minutes
    given = {name: value for name, value in params.items() if value is not None}
    if given:
        fields["params"] = given
    return fields


def card(bot: Bot) -> Card:
    """Return a bot, a field a line."""
    fields = {
        "id": bot.id,
        "name": bot.name,
        "model": bot.model,
        "instructions": bot.instructions,
        "params": bot.params,
        "retrieval": bot.retrieval,
        "idle timeout": f"{bot.idle_timeout_minutes} min" if bot.idle_timeout_minutes else None,
        "metadata": bot.metadata,
        "created": bot.created_at,
        "updated": bot.updated_at,
        "version": bot.version,
    }
    return Card(bot, fields)


@on_hub(app, "list", epilog="Example: palaver bots list --json")
def list_bots(
    hub: BlockingHub,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that can be restored.")] = False,
    limit: LimitOption = 50,
    after: AfterOption = None,
) -> Shown:
    """List bots, newest first."""
    query: PageQuery = {"limit": limit}
    if after is not None:
        query["after"] = after
    page = hub.bots.list(deleted=deleted, **query)
    rows = [(bot.id, bot.name, bot.model, one_line(bot.instructions)) for bot in page]
    return Listing(
        page, ("id", "name", "model", "instructions"), rows, "There are no bots yet: palaver bots create NAME"
    )


@on_hub(app, "create", epilog="Example: palaver bots create Helper -i 'Answer in one sentence.' -m offline")
def create(
    hub: BlockingHub,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Unique; people pick the bot by it.")],
    instructions: InstructionsOption = None,
    model: ModelOption = None,
    temperature: TemperatureOption = None,
    max_tokens: MaxTokensOption = None,
) -> Shown:
    """Create a bot. With no model it gets the default one: the provider whose key is set, else offline."""
    fields = _fields(instructions, model, None, {"temperature": temperature, "max_tokens": max_tokens})
    fields["name"] = name
    return card(hub.bots.create(**fields))


@on_hub(app, "show", epilog="Example: palaver bots show Helper")
def show(hub: BlockingHub, bot: BotArgument) -> Shown:
    """Show a bot."""
    return card(get_bot(hub, bot))


@on_hub(app, "edit", epilog="Example: palaver bots edit Helper --instructions @prompt.txt --idle-minutes 60")
def edit(
    hub: BlockingHub,
    bot: BotArgument,
    name: Annotated[str | None, typer.Option("--name", help="Its new name.")] = None,
    instructions: InstructionsOption = None,
    model: ModelOption = None,
    idle_minutes: IdleOption = None,
) -> Shown:
    """Edit a bot; what is not named stays as it is."""
    fields = _fields(instructions, model, idle_minutes, {})
    if name is not None:
        fields["name"] = name
    if not fields:
        raise InvalidInput("Nothing to change: name an option, see `palaver bots edit --help`.")
    return card(hub.bots.update(get_bot(hub, bot).id, **fields))


@on_hub(app, "delete", epilog="Example: palaver bots delete Helper")
def delete(hub: BlockingHub, bot: BotArgument) -> Shown:
    """Delete a bot with its conversations. Until it is purged it can be restored by its id."""
    found = get_bot(hub, bot)
    hub.bots.delete(found.id)
    return Sentence(f"Deleted {found.name}. Bring it back with: palaver bots restore {found.id}", found)


@on_hub(app, "restore", epilog="Deleted bots are listed by: palaver bots list --deleted")
def restore(hub: BlockingHub, bot_id: Annotated[str, typer.Argument(metavar="ID", help="A bot's id.")]) -> Shown:
    """Bring a deleted bot back, with its conversations."""
    return card(hub.bots.restore(bot_id))
