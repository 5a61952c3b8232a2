"""``palaver bots``"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from palaver.arguments import BotFields
from palaver.blocking import BlockingHub
from palaver.bot import Bot
from palaver.cli.find import get_bot
from palaver.cli.options import AnswerOptions, BotArgument, DeletedOption, PageOptions, RetrievalOptions
from palaver.cli.show import Card, Listing, Sentence, Shown, one_line
from palaver.cli.target import on_hub
from palaver.errors import InvalidInput
from palaver.wire.widget import LeadForm

app = typer.Typer(no_args_is_help=True, help="Create and edit bots: instructions, a model and its parameters.")

CREATE_EPILOG = """Examples:

palaver bots create Helper -i 'Answer in one sentence.' -m offline

palaver bots create Clerk --embedding openai:text-embedding-3-small --where product=billing
"""
EDIT_EPILOG = """Examples:

palaver bots edit Helper --instructions @prompt.txt --idle-minutes 60

palaver bots edit Helper -k 10 --vector-weight 0.8
"""
WIDGET_EPILOG = """Examples:

palaver bots widget Helper --origin https://shop.example --lead optional

palaver bots widget Helper --close
"""
IdleOption = Annotated[
    int | None, typer.Option("--idle-minutes", help="End its conversations after so long without a word.")
]


def card(bot: Bot) -> Card:
    """Return a bot, a field a line."""
    fields = {
        "id": bot.id,
        "name": bot.name,
        "model": bot.model,
        "instructions": bot.instructions,
        "params": bot.params,
        "retrieval": bot.retrieval,
        "widget": bot.widget,
        "idle timeout": f"{bot.idle_timeout_minutes} min" if bot.idle_timeout_minutes else None,
        "metadata": bot.metadata,
        "created": bot.created_at,
        "updated": bot.updated_at,
        "version": bot.version,
    }
    return Card(bot, fields)


@on_hub(app, "list", epilog="Example: palaver bots list --json")
def list_bots(hub: BlockingHub, which: PageOptions, deleted: DeletedOption = False) -> Shown:
    """List bots, newest first."""
    page = hub.bots.list(deleted=deleted, **which.query())
    rows = [(bot.id, bot.name, bot.model, one_line(bot.instructions)) for bot in page]
    return Listing(
        page, ("id", "name", "model", "instructions"), rows, "There are no bots yet: palaver bots create NAME"
    )


@on_hub(app, "create", epilog=CREATE_EPILOG)
def create(
    hub: BlockingHub,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Unique; people pick the bot by it.")],
    answers: AnswerOptions,
    finds: RetrievalOptions,
) -> Shown:
    """Create a bot. With no model it gets the default one: the provider whose key is set, else offline."""
    fields = answers.fields()
    if settings := finds.settings():
        fields["retrieval"] = settings
    fields["name"] = name
    return card(hub.bots.create(**fields))


@on_hub(app, "show", epilog="Example: palaver bots show Helper")
def show(hub: BlockingHub, bot: BotArgument) -> Shown:
    """Show a bot."""
    return card(get_bot(hub, bot))


@on_hub(app, "edit", epilog=EDIT_EPILOG)
def edit(
    hub: BlockingHub,
    bot: BotArgument,
    answers: AnswerOptions,
    finds: RetrievalOptions,
    name: Annotated[str | None, typer.Option("--name", help="Its new name.")] = None,
    idle_minutes: IdleOption = None,
) -> Shown:
    """Edit a bot; what is not named stays as it is."""
    fields, settings = answers.fields(), finds.settings()
    if name is not None:
        fields["name"] = name
    if idle_minutes is not None:
        fields["idle_timeout_minutes"] = idle_minutes
    if not fields and not settings:
        raise InvalidInput("Nothing to change: name an option, see `palaver bots edit --help`.")
    found = get_bot(hub, bot)
    return card(hub.bots.update(found.id, **_merged(found, fields, settings), if_version=found.version))


def _merged(bot: Bot, fields: BotFields, settings: Mapping[str, Any]) -> BotFields:
    """Lay what was named over what a bot has: an edit takes parameters and settings as a whole."""
    if params := fields.get("params"):
        fields["params"] = {**bot.params, **params}
    if settings:
        fields["retrieval"] = {**bot.retrieval, **settings}
    return fields


@on_hub(app, "widget", epilog=WIDGET_EPILOG)
def widget(
    hub: BlockingHub,
    bot: BotArgument,
    origins: Annotated[
        list[str] | None,
        typer.Option("--origin", metavar="ORIGIN", help="A page that shows it: https://shop.example; * is every page."),
    ] = None,
    lead: Annotated[LeadForm | None, typer.Option("--lead", help="Whether to ask for name and e-mail first.")] = None,
    close: Annotated[bool, typer.Option("--close", help="Talk to visitors of pages no more.")] = False,
) -> Shown:
    """Open a bot to visitors of your pages, or close it; what is not named stays as it is."""
    found = get_bot(hub, bot)
    named = {"allowed_origins": origins, "lead": lead and lead.value}
    given = {name: value for name, value in named.items() if value}
    if close == bool(given):
        raise InvalidInput("Name pages with --origin https://shop.example, or --close.")
    settings = None if close else {**(found.widget or {}), **given}
    return card(hub.bots.update(found.id, widget=settings, if_version=found.version))


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
