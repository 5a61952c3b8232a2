"""``palaver import-sessions``"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from palaver.blocking import BlockingHub
from palaver.cli.progress import bar
from palaver.cli.show import clean
from palaver.config import Settings
from palaver.jsonable import encode

if TYPE_CHECKING:
    from palaver.compat.sessions.imports import Import

EPILOG = """Examples:

palaver import-sessions redis://localhost:6379/0

palaver import-sessions redis://localhost:6379/0 --bot Helper --store palaver.db
"""

UrlArgument = Annotated[
    str, typer.Argument(metavar="REDIS_URL", help="The Redis database of the session API that you come from.")
]
BotOption = Annotated[
    str | None,
    typer.Option("--bot", metavar="BOT", help="With whom they talk on, by id or name. Default: PALAVER_SESSION_BOT."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of all sessions."""

    imports: Sequence[Import]

    @property
    def status(self) -> int:
        """The exit code."""
        return 0 if all(each.is_done for each in self.imports) else 1

    def plain(self) -> Any:
        """As JSON shapes."""
        return {"data": encode(self.imports)}

    def show(self, console: Console) -> None:
        """For a person: the sum, and a line for each that was left."""
        done = sum(each.is_done for each in self.imports)
        messages = sum(each.messages for each in self.imports)
        left_out = sum(each.left_out for each in self.imports)
        for each in self.imports:
            if not each.is_done:
                why = each.why or "it was imported before, and has changed since"
                console.print(Text(f"{clean(each.session_id)}: {clean(why)}", style="red"), soft_wrap=True)
        console.print(f"{done:,} sessions with {messages:,} messages are here.")
        if left_out:
            console.print(f"{left_out:,} messages without text were left out.")


def command(hub: BlockingHub, redis_url: UrlArgument, bot: BotOption = None) -> Outcome:
    """Bring the sessions of a FastAPI and Redis chatbot here, as conversations that are found by their old ids.

    The same command again stores nothing twice. What was said since on either side is left as it is.
    """
    from palaver.compat.sessions.imports import bot_for, import_sessions, sessions_in  # with the server's framework

    with bar("Importing", "sessions") as shown:
        imports: list[Import] = []
        for each in import_sessions(hub, bot_for(hub, bot or Settings().session_bot), sessions_in(redis_url)):
            imports.append(each)
            shown(len(imports), None)
    return Outcome(imports=imports)
