"""Which hub a command works on, and the options that say so."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer

import palaver
from palaver.blocking import BlockingHub
from palaver.cli.show import Shown, emit
from palaver.config import Settings
from palaver.errors import InvalidInput

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="STORE",
        help="A file, sqlite:///file.db, postgresql://… or redis://…. Default: PALAVER_STORE, else palaver.db.",
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="A server instead of a store; its key comes from PALAVER_API_KEY."),
]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whose data in the store. Default: PALAVER_TENANT.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, as the HTTP API gives it.")]

_SHARED: Mapping[str, tuple[Any, object]] = {
    "store": (StoreOption, None),
    "url": (UrlOption, None),
    "tenant": (TenantOption, None),
    "as_json": (JsonOption, False),
}


def pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """Return the KEY=VALUE that an option was given.

    Raises:
        InvalidInput: One of them is none.
    """
    found = {}
    for pair in given or ():
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InvalidInput(f"{option} {pair}: say KEY=VALUE.")
        found[key] = value
    return found


def opened(store: str | None, url: str | None, tenant: str | None = None, *, maintenance: bool = False) -> BlockingHub:
    """Return the hub of these options. A command that only looks or edits leaves ``maintenance`` to the servers.

    Raises:
        InvalidInput: Both a store and a server, or a URL that is none.
    """
    if store is not None and url is not None:
        raise InvalidInput("Pass --store or --url, not both.")
    if url is not None and not url.startswith(("http://", "https://")):
        raise InvalidInput("A URL begins with http:// or https://.")
    settings = Settings(maintenance=maintenance)
    return palaver.connect(url or store or settings.store, tenant=tenant, settings=settings)


def on_hub(
    app: typer.Typer, name: str, *, epilog: str = "", help_text: str = "", own: frozenset[str] = frozenset()
) -> Callable[[Callable[..., Shown]], Callable[..., Shown]]:
    """Make a command of a function whose first argument is a hub: it gets --store, --url, --tenant and --json.

    An argument that is a dataclass stands for its fields, each an option. ``own`` names shared options that the function takes
    itself. Its docstring is its help, unless there is a ``help_text``.
    """

    def register(function: Callable[..., Shown]) -> Callable[..., Shown]:
        hints = get_type_hints(function, include_extras=True)
        signature = inspect.signature(function)
        shared = {option: kind for option, kind in _SHARED.items() if option not in own}

        groups: dict[str, type[Any]] = {name: hints[name] for name in signature.parameters if is_dataclass(hints[name])}

        def command(**given: Any) -> None:
            outer = {option: given.pop(option) for option in shared}
            for name, kind in groups.items():
                given[name] = kind(**{each.name: given.pop(each.name) for each in fields(kind)})
            with opened(outer["store"], outer["url"], outer.get("tenant")) as hub:
                shown = function(hub, **given)
            emit(shown, as_json=outer["as_json"])
            raise typer.Exit(getattr(shown, "status", 0))

        parameters: list[inspect.Parameter] = []
        for parameter in list(signature.parameters.values())[1:]:
            if parameter.name in groups:
                parameters += _options_of(groups[parameter.name])
            else:
                kind = inspect.Parameter.KEYWORD_ONLY
                parameters.append(parameter.replace(annotation=hints[parameter.name], kind=kind))
        parameters += [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for option, (annotation, default) in shared.items()
        ]
        command.__doc__ = help_text or function.__doc__
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, epilog=epilog or None)(command)
        return function

    return register


def _options_of(group: Any) -> list[inspect.Parameter]:
    kinds = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=kinds[each.name])
        for each in fields(group)
    ]
