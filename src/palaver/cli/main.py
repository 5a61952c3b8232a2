"""The entry point. An error is one sentence on stderr: exit code 2 for what was asked wrongly, 1 for what failed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from palaver.cli import (
    bots,
    conversations,
    documents,
    exports,
    import_sessions,
    imports,
    keys,
    knowledge,
    tenants,
    turns,
)
from palaver.cli.backup import BACKUP_EPILOG, RESTORE_EPILOG, backup, restore
from palaver.cli.chat import EPILOG as CHAT_EPILOG
from palaver.cli.chat import chat
from palaver.cli.copy import EPILOG as COPY_EPILOG
from palaver.cli.copy import copy
from palaver.cli.doctor import EPILOG as DOCTOR_EPILOG
from palaver.cli.doctor import doctor
from palaver.cli.migrate import EPILOG as MIGRATE_EPILOG
from palaver.cli.migrate import migrate
from palaver.cli.serve import EPILOG as SERVE_EPILOG
from palaver.cli.serve import serve
from palaver.cli.show import clean
from palaver.cli.stats import EPILOG as STATS_EPILOG
from palaver.cli.stats import stats
from palaver.cli.target import on_hub
from palaver.errors import Forbidden, InvalidInput, PalaverError, ServerUnreachable, Unauthenticated

app = typer.Typer(
    name="palaver",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # the lines of a paragraph are joined: those of a docstring are not a terminal's
    help="The conversation backend that you own: durable, streamed, searchable.",
    epilog="Begin with: palaver chat — or: palaver serve",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve", epilog=SERVE_EPILOG)(serve)
app.command("chat", epilog=CHAT_EPILOG)(chat)
app.add_typer(bots.app, name="bots")
app.add_typer(conversations.app, name="conversations")
app.add_typer(documents.app, name="documents")
on_hub(app, "search", epilog=knowledge.SEARCH_EPILOG)(knowledge.search)
on_hub(app, "train", epilog=knowledge.TRAIN_EPILOG)(knowledge.train)
on_hub(app, "untrain", epilog=knowledge.UNTRAIN_EPILOG)(knowledge.untrain)
on_hub(app, "export", epilog=exports.EPILOG)(exports.export)
on_hub(app, "import", epilog=imports.EPILOG, help_text=imports.HELP)(imports.load)
on_hub(app, "stats", epilog=STATS_EPILOG)(stats)
app.add_typer(turns.app, name="turns")
app.add_typer(keys.app, name="keys")
app.add_typer(tenants.app, name="tenants")
app.command("doctor", epilog=DOCTOR_EPILOG)(doctor)
app.command("migrate", epilog=MIGRATE_EPILOG)(migrate)
app.command("backup", epilog=BACKUP_EPILOG)(backup)
app.command("restore", epilog=RESTORE_EPILOG)(restore)
app.command("copy", epilog=COPY_EPILOG)(copy)
on_hub(app, "import-sessions", epilog=import_sessions.EPILOG)(import_sessions.command)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"palaver {version('palaver')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Hold the options of the program itself."""


def advice(error: PalaverError) -> str:
    """Return what to do about an error, or ""."""
    match error:
        case ServerUnreachable():
            return " Is it running? `palaver serve` starts one."
        case Unauthenticated():
            return " Put a key of that server into PALAVER_API_KEY; `palaver keys create` makes one there."
        case Forbidden():
            return " Use a key with a wider scope."
        case _:
            return ""


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(f"palaver: {clean(sentence)}\n")
    return status


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    try:
        app(args=None if arguments is None else list(arguments))
    except PalaverError as error:
        raise SystemExit(_fail(error.message + advice(error), 2 if isinstance(error, InvalidInput) else 1)) from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise SystemExit(_fail(f"The configuration is wrong: {wrong}.", 2)) from None
    except SettingsError as error:
        raise SystemExit(_fail(f"The configuration is wrong: {error}.", 2)) from None
