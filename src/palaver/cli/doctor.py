"""``palaver doctor``: what an acknowledgement means here, and whether anything is in the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from palaver.cli.show import clean, emit
from palaver.cli.target import JsonOption, StoreOption, UrlOption
from palaver.config import Settings
from palaver.errors import Forbidden, InvalidInput, ModelError, PalaverError, Unauthenticated
from palaver.page import Page
from palaver.stores.base import Feature
from palaver.stores.open import without_password
from palaver.stores.report import StoreReport
from palaver.surface import Hub

if TYPE_CHECKING:
    from palaver.client import HttpHub
    from palaver.hub import HubRoot, LocalHub

EPILOG = """Examples:

palaver doctor

palaver doctor --store sqlite:////var/lib/palaver.db --json

palaver doctor --url http://127.0.0.1:8000
"""
COUNTED_MAX = 200
OFFLINE = "offline"


@dataclass(slots=True)
class Findings:
    """Facts in the order in which they were found, what is worth knowing, and what is wrong."""

    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def plain(self) -> Any:
        """As JSON shapes."""
        return {"healthy": not self.troubles, "facts": self.facts, "notes": self.notes, "troubles": self.troubles}

    def show(self, console: Console) -> None:
        """For a person."""
        for name, value in self.facts.items():
            console.print(Text(f"{name:<16}  {_words(value)}"), soft_wrap=True)
        for note in self.notes:
            console.print(Text(f"{'note':<16}  {clean(note)}", style="yellow"), soft_wrap=True)
        for trouble in self.troubles:
            console.print(Text(f"{'trouble':<16}  {clean(trouble)}", style="red"), soft_wrap=True)
        if not self.troubles:
            console.print(Text("Nothing is in the way.", style="green"))


def _words(value: Any) -> str:
    match value:
        case dict():
            return clean(", ".join(f"{name} = {each or '–'}" for name, each in value.items()))
        case _:
            return clean(str(value))


def _durability(report: StoreReport, found: Findings) -> None:
    found.facts["engine"] = report.engine
    if report.engine_version:
        found.facts["version"] = report.engine_version
    found.facts["schema"] = report.schema_version
    if report.size_bytes is not None:
        found.facts["size"] = f"{report.size_bytes:,} bytes"
    if report.detail:
        found.facts["acknowledged"] = report.detail
    found.facts["process dies"] = report.process_dies
    found.facts["power fails"] = report.power_fails
    if report.settings:
        found.facts["settings"] = dict(report.settings)
    if report.lacks:
        found.facts["lacks"] = " ".join(each.meaning for each in report.lacks)
    found.notes += report.notes
    found.troubles += report.risks
    if not report.survives_kill and not report.risks:  # a server with keys does not tell strangers why
        found.troubles.append(
            "An acknowledged message can be lost when the process dies: palaver doctor --store says why."
        )


def _model(root: HubRoot, found: Findings) -> None:
    name = root.models.default_name()
    if name == OFFLINE:
        found.facts["default model"] = "offline: no provider is configured, set OPENAI_API_KEY or GROQ_API_KEY"
        return
    found.facts["default model"] = name
    try:
        root.models.find(name)
    except ModelError as error:
        found.troubles.append(error.message)


def _finding(root: HubRoot, found: Findings) -> None:
    """By what the documents of bots are found that name no embedding of their own."""
    name = root.embeddings.default_name()
    if name is None:
        found.facts["documents"] = "found by their words alone (lexical): PALAVER_DEFAULT_EMBEDDING names no embedding"
        return
    found.facts["documents"] = f"found by their words and by vectors of {name}"
    try:
        root.embeddings.find(name)
    except ModelError as error:
        found.troubles.append(error.message)
    if Feature.VECTOR_SEARCH not in root.store.features and find_spec("faiss") is None:
        found.troubles.append(
            "Vectors are searched in memory here, which needs an extra: pip install 'palaver[faiss]'."
        )


async def _counts(hub: Hub | LocalHub, found: Findings) -> None:
    pages: dict[str, Page[Any]] = {
        "bots": await hub.bots.list(limit=COUNTED_MAX),
        "conversations": await hub.conversations.list(limit=COUNTED_MAX),
        "running turns": await hub.turns.list(status="running", limit=COUNTED_MAX),
        "queued turns": await hub.turns.list(status="queued", limit=COUNTED_MAX),
    }
    for name, page in pages.items():
        found.facts[name] = f"{len(page)}+" if page.next else len(page)


async def _examine_store(settings: Settings, found: Findings) -> None:
    from palaver.hub import HubRoot  # the engine takes long to import, and a server needs none here

    found.facts["store"] = without_password(settings.store)
    found.facts["tenant"] = settings.tenant
    async with HubRoot.open(settings.model_copy(update={"unsafe_durability": True})) as root:
        _durability(await root.for_tenant().storage.report(), found)
        closed = await root.store.any_key_ever()
        found.facts["doors"] = (
            "closed: every call needs a key" if closed else "open: on this machine only, no key needed"
        )
        _model(root, found)
        _finding(root, found)
        await _counts(root.for_tenant(), found)


async def _told(hub: HttpHub) -> StoreReport:
    """Return what a server tells of its store: the admin of a tenant more than strangers."""
    try:
        return await hub.storage.report()
    except (Forbidden, Unauthenticated):
        return StoreReport.of(await hub.ready())


async def _examine_server(url: str, settings: Settings, found: Findings) -> None:
    from palaver.client import HttpHub

    found.facts["server"] = url
    api_key = None if settings.api_key is None else settings.api_key.get_secret_value()
    async with HttpHub(url, api_key=api_key) as hub:
        _durability(await _told(hub), found)
        await _counts(hub, found)


async def examine(settings: Settings, url: str | None) -> Findings:
    """Look at a store, or at a server from outside. What can't be opened or reached is a trouble."""
    found = Findings()
    try:
        await (_examine_store(settings, found) if url is None else _examine_server(url, settings, found))
    except PalaverError as error:
        found.troubles.append(f"{error.message} ({error.code})")
    return found


def doctor(store: StoreOption = None, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Say what an acknowledgement means here, which model answers, and what is stored.

    A trouble says what to do about it, and makes the exit code 1: with one that can lose what was acknowledged,
    `palaver serve` does not start. A note is worth knowing, and keeps nobody from starting.
    """
    if store is not None and url is not None:
        raise InvalidInput("Pass --store or --url, not both.")
    settings = Settings() if store is None else Settings(store=store)
    found = asyncio.run(examine(settings, url))
    emit(found, as_json=as_json)
    if found.troubles:
        raise typer.Exit(1)
