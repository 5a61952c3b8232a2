"""Options that several groups of commands have, and options that go together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from palaver.arguments import BotFields, PageQuery
from palaver.cli.target import pairs
from palaver.errors import InvalidInput

BotArgument = Annotated[str, typer.Argument(metavar="BOT", help="A bot's name or id.")]
BotOption = Annotated[str | None, typer.Option("--bot", help="Only with this bot (name or id).")]
DeletedOption = Annotated[bool, typer.Option("--deleted", help="Those that can be restored.")]
AfterOption = Annotated[str | None, typer.Option("--after", help="Go on behind this cursor.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", help="How many, at most 200.")]


def page_of(limit: int, after: str | None) -> PageQuery:
    """Return which page of a listing is asked for."""
    query: PageQuery = {"limit": limit}
    if after is not None:
        query["after"] = after
    return query


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """Which page of a list of things."""

    limit: LimitOption = 50
    after: AfterOption = None

    def query(self) -> PageQuery:
        """Return what a list is asked for."""
        return page_of(self.limit, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """How a bot answers: the options of ``bots create`` and ``bots edit``."""

    instructions: Annotated[
        str | None, typer.Option("--instructions", "-i", help="What the bot is told. @FILE reads them from a file.")
    ] = None
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="provider:name, such as groq:openai/gpt-oss-120b, or offline.")
    ] = None
    temperature: Annotated[float | None, typer.Option("--temperature", help="0 to 2.")] = None
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="The longest answer.")] = None

    def fields(self) -> BotFields:
        """Return what was given. Raises ``InvalidInput`` for a file that can't be read."""
        fields: BotFields = {}
        if self.instructions is not None:
            fields["instructions"] = _instructions(self.instructions)
        if self.model is not None:
            fields["model"] = self.model
        params = _given(temperature=self.temperature, max_tokens=self.max_tokens)
        return {**fields, "params": params} if params else fields


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalOptions:
    """How a bot finds what its documents say: the options of ``bots create`` and ``bots edit``."""

    documents: Annotated[
        bool | None, typer.Option("--documents/--no-documents", help="Whether it answers from its documents.")
    ] = None
    k: Annotated[int | None, typer.Option("-k", help="How many chunks an answer gets, 1 to 50.")] = None
    embedding: Annotated[
        str | None,
        typer.Option("--embedding", metavar="NAME", help="provider:name; none: words alone; '': the default one."),
    ] = None
    vector_weight: Annotated[
        float | None, typer.Option("--vector-weight", help="What vectors weigh against words, 0.7 to 1.")
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="KEY=VALUE", help="Only documents with this metadata; '': all. May be repeated."
        ),
    ] = None
    reranker: Annotated[
        str | None,
        typer.Option("--reranker", metavar="NAME", help="One given in process orders what was found; '': none."),
    ] = None

    def settings(self) -> dict[str, Any]:
        """Return the settings that were given, as ``retrieval`` has them."""
        settings = _given(enabled=self.documents, k=self.k, vector_weight=self.vector_weight)
        for name, value in _given(embedding=self.embedding, reranker=self.reranker).items():
            settings[name] = value or None
        if self.where:
            settings["where"] = pairs("--where", [each for each in self.where if each])
        return settings


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _instructions(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{text[1:]} can't be read as text: {error}.") from error
