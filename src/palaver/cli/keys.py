"""``palaver keys``"""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from palaver.arguments import KeyFields
from palaver.blocking import BlockingHub
from palaver.cli.options import PageOptions
from palaver.cli.show import Listing, Sentence, Shown
from palaver.cli.target import on_hub
from palaver.errors import InvalidInput
from palaver.jsonable import encode
from palaver.results import NewKey
from palaver.tenant import Scope

app = typer.Typer(
    no_args_is_help=True,
    help="Create and revoke API keys. The first key closes an open server for good: from then on every call needs one.",
)

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(r"([1-9][0-9]{0,8})([smhd])")


def seconds_of(span: str) -> int:
    """Return the seconds of ``90s``, ``15m``, ``12h`` or ``30d``.

    Raises:
        InvalidInput: It is none of these.
    """
    found = _SPAN.fullmatch(span)
    if found is None:
        raise InvalidInput(f"{span!r} is no time span: 90s, 15m, 12h or 30d.")
    return int(found[1]) * _UNITS[found[2]]


class Secret:
    """A new key, with its secret, shown once."""

    def __init__(self, made: NewKey) -> None:
        self._made = made

    def plain(self) -> Any:
        """As JSON shapes."""
        return encode(self._made)

    def show(self, console: Console) -> None:
        """For a person: the secret alone on the last line."""
        key = self._made.key
        until = f", until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
        console.print(Text(f"{key.id}: {key.scope} of tenant {key.tenant_id}{until}."))
        console.print(Text("Keep the key; it is shown this once:"))
        console.print(Text(self._made.secret), soft_wrap=True)


@on_hub(
    app,
    "create",
    own=frozenset({"tenant"}),
    epilog="Example: palaver keys create --tenant acme --scope write --name website --expires 90d",
)
def create(
    hub: BlockingHub,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Whose key. Default: default.")] = None,
    scope: Annotated[Scope, typer.Option("--scope", help="What it may do.")] = Scope.WRITE,
    name: Annotated[str | None, typer.Option("--name", help="What it is for.")] = None,
    expires: Annotated[str | None, typer.Option("--expires", metavar="SPAN", help="90s, 15m, 12h, 30d.")] = None,
    visit: Annotated[
        tuple[str, str] | None,
        typer.Option("--visit", metavar="BOT_ID ENTITY_ID", help="The bot and the entity of a visitor's key."),
    ] = None,
) -> Shown:
    """Create a key and print it once. Scopes: operator, admin, write, read, visitor."""
    fields: KeyFields = {"scope": scope.value}
    if tenant is not None:
        fields["tenant_id"] = tenant
    if name is not None:
        fields["name"] = name
    if expires is not None:
        fields["expires_in_seconds"] = seconds_of(expires)
    if visit is not None:
        fields["bot_id"], fields["entity_id"] = visit
    return Secret(hub.keys.create(**fields))


@on_hub(app, "list", epilog="Example: palaver keys list --tenant acme")
def list_keys(hub: BlockingHub, which: PageOptions) -> Shown:
    """List the keys of a tenant, newest first, revoked ones included."""
    page = hub.keys.list(**which.query())
    rows = [(key.id, key.prefix, key.scope, key.name, key.expires_at, key.last_used_at, key.revoked_at) for key in page]
    columns = ("id", "begins with", "scope", "name", "expires", "last used", "revoked")
    return Listing(page, columns, rows, "There are no keys: a server on this store is open.")


@on_hub(app, "revoke")
def revoke(hub: BlockingHub, key_id: Annotated[str, typer.Argument(metavar="ID", help="A key's id.")]) -> Shown:
    """Revoke a key from now on. Revoking the last one does not open the server again."""
    key = hub.keys.revoke(key_id)
    return Sentence(f"Revoked {key.id}.", key)
