"""``palaver tenants``"""

from __future__ import annotations

import typer

from palaver.blocking import BlockingHub
from palaver.cli.options import PageOptions
from palaver.cli.show import Listing, Shown
from palaver.cli.target import on_hub

app = typer.Typer(
    no_args_is_help=True, help="Look at the tenants. One comes to be with its first key or its first row."
)


@on_hub(
    app,
    "list",
    own=frozenset({"tenant"}),
    epilog="Example: palaver tenants list --store postgresql://localhost/palaver",
)
def list_tenants(hub: BlockingHub, which: PageOptions) -> Shown:
    """List all tenants by name."""
    page = hub.tenants.list(**which.query())
    return Listing(
        page, ("tenant", "since"), [(tenant.id, tenant.created_at) for tenant in page], "There are no tenants."
    )
