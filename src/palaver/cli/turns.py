"""``palaver turns``"""

from __future__ import annotations

from typing import Annotated

import typer

from palaver.blocking import BlockingHub
from palaver.cli.options import PageOptions
from palaver.cli.show import Listing, Sentence, Shown
from palaver.cli.target import on_hub
from palaver.conversation import TurnStatus

app = typer.Typer(no_args_is_help=True, help="Look at turns, live ones above all, and stop them.")


@on_hub(app, "list", epilog="Example: palaver turns list --status running --url https://chat.example")
def list_turns(
    hub: BlockingHub,
    which: PageOptions,
    status: Annotated[TurnStatus | None, typer.Option("--status", help="Only those.")] = None,
) -> Shown:
    """List turns, newest first; with an operator's key those of all tenants of a server."""
    page = hub.turns.list(status=status, **which.query())
    rows = [
        (turn.id, turn.status, turn.tenant_id, turn.bot_name, turn.conversation_id, turn.started_at or turn.created_at)
        for turn in page
    ]
    return Listing(page, ("id", "status", "tenant", "bot", "conversation", "since"), rows, "There are no such turns.")


@on_hub(app, "stop")
def stop(hub: BlockingHub, turn_id: Annotated[str, typer.Argument(metavar="ID", help="A turn's id.")]) -> Shown:
    """Stop a turn; what was said so far stays. With an operator's key it may be any tenant's."""
    turn = hub.turns.stop(turn_id)
    how = turn.status if turn.reason is None else f"{turn.status} ({turn.reason})"
    return Sentence(f"{turn.id} is {how}.", turn)
