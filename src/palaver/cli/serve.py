"""``palaver serve``"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from palaver.cli.target import StoreOption
from palaver.config import Settings

EPILOG = """Examples:

palaver serve

palaver serve --store sqlite:////var/lib/palaver.db --port 9000

palaver serve --allow-origin https://www.example.com
"""


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Where to listen. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="0 takes a free one. Default: 8000.")] = None,
    store: StoreOption = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Let a server without keys leave loopback: you guard the door.")
    ] = False,
    allow_origin: Annotated[
        list[str] | None, typer.Option("--allow-origin", help="A web page's origin that may call. Repeat for more.")
    ] = None,
    unsafe_durability: Annotated[
        bool, typer.Option("--unsafe-durability", help="Take a store whose settings can lose what was acknowledged.")
    ] = False,
) -> None:
    """Run the HTTP API. Without keys it is open, and answers on this machine only; `palaver keys create` closes it.

    It does not start on a store whose settings can lose what was acknowledged: `palaver doctor` says which, and what to do.

    Ctrl-C (or SIGTERM) ends it within ten seconds; turns that still run keep their text.
    """
    given: dict[str, Any] = {"host": host, "port": port, "store": store}
    if allow_origin:
        given["allow_origin"] = tuple(allow_origin)
    if open_:
        given["open"] = True
    if unsafe_durability:
        given["unsafe_durability"] = True
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    from palaver.server.serve import serve as run_server  # the framework takes long to import

    run_server(settings)
