"""``palaver documents``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from palaver.arguments import DocumentFields, DocumentQuery
from palaver.blocking import BlockingHub
from palaver.cli.adding import Adding
from palaver.cli.find import get_bot
from palaver.cli.options import BotArgument, DeletedOption, PageOptions
from palaver.cli.paths import entries
from palaver.cli.progress import bar
from palaver.cli.show import Card, Listing, Sentence, Shown, one_line
from palaver.cli.target import on_hub, pairs
from palaver.document import Document
from palaver.sources import is_url

app = typer.Typer(no_args_is_help=True, help="Give bots documents to answer from; list, replace and delete them.")

DocumentArgument = Annotated[str, typer.Argument(metavar="ID", help="A document's id.")]
MetadataOption = Annotated[
    list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="To filter by. May be given again.")
]


def card(document: Document) -> Card:
    """Return a document, a field a line."""
    error = document.error
    fields = {
        "id": document.id,
        "title": document.title,
        "status": document.status,
        "error": None if error is None else f"{error.code}: {error.message}",
        "source": document.url or document.source,
        "type": document.media_type,
        "size": f"{document.size_bytes:,} bytes",
        "version": document.version,
        "answers come from": None if document.ready_version is None else f"version {document.ready_version}",
        "chunks": document.chunk_count,
        "metadata": document.metadata,
        "bot": document.bot_id,
        "created": document.created_at,
        "ready": document.ready_at,
    }
    return Card(document, {name: value for name, value in fields.items() if value not in (None, {})})


@on_hub(
    app,
    "add",
    epilog="""Examples:

palaver documents add Helper handbook.pdf prices.csv

palaver documents add Helper docs/ --metadata product=billing

palaver documents add Helper 'reports/**/*.md' https://example.com/terms
""",
)
def add(
    hub: BlockingHub,
    bot: BotArgument,
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders, patterns, or URLs of pages.")],
    metadata: MetadataOption = None,
) -> Shown:
    """Give a bot documents, and wait until it answers from them. What it has already, by content and title, is skipped.

    Of a folder all files are taken that can be read, and those in the folders below. Whatever fails is listed at the end, with its
    reason; the others are there.
    """
    adding = Adding(hub, get_bot(hub, bot).id, pairs("--metadata", metadata))
    found = list(entries(paths))
    with bar("Adding", "documents") as progress:
        for count, entry in enumerate(found, 1):
            adding.take(entry)
            progress(count - adding.under_way, len(found))
        for left in adding.finish():
            progress(len(found) - left, len(found))
    return adding.outcome()


@on_hub(app, "list", epilog="Example: palaver documents list Helper --status failed")
def list_documents(
    hub: BlockingHub,
    bot: BotArgument,
    which: PageOptions,
    status: Annotated[str | None, typer.Option("--status", help="pending, processing, ready or failed.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="file, text, url or training.")] = None,
    deleted: DeletedOption = False,
) -> Shown:
    """List the documents of a bot, newest first."""
    query = cast("DocumentQuery", which.query())  # which is one, as far as it goes
    query["deleted"] = deleted
    if status is not None:
        query["status"] = status
    if source is not None:
        query["source"] = source
    page = hub.documents.list(get_bot(hub, bot).id, **query)
    rows = [(each.id, one_line(each.title), each.status, each.chunk_count, each.created_at) for each in page]
    columns = ("id", "title", "status", "chunks", "created")
    return Listing(page, columns, rows, "There are no documents here: palaver documents add BOT PATH…")


@on_hub(app, "show", epilog="Example: palaver documents show doc_0198…")
def show(hub: BlockingHub, document: DocumentArgument) -> Shown:
    """Show a document: how far it is, and why it failed."""
    return card(hub.documents.get(document))


@on_hub(app, "replace", epilog="Example: palaver documents replace doc_0198… handbook-2027.pdf")
def replace(
    hub: BlockingHub,
    document: DocumentArgument,
    source: Annotated[
        str | None,
        typer.Argument(metavar="[PATH]", help="A file or the URL of a page; without it the content is read anew."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="A new title.")] = None,
    metadata: MetadataOption = None,
) -> Shown:
    """Give a document a next version. The one before answers until the new one is ready."""
    fields: DocumentFields = {}
    if title is not None:
        fields["title"] = title
    if metadata is not None:
        fields["metadata"] = pairs("--metadata", metadata)
    return card(hub.documents.replace(document, None if source is None else _source(source), **fields))


def _source(name: str) -> str | Path:
    return name if is_url(name) else Path(name)


@on_hub(app, "delete", epilog="Example: palaver documents delete doc_0198…")
def delete(hub: BlockingHub, document: DocumentArgument) -> Shown:
    """Delete a document: it is out of every answer at once. Until it is purged it can be restored."""
    hub.documents.delete(document)
    return Sentence(f"Deleted. Bring it back with: palaver documents restore {document}", {"id": document})


@on_hub(app, "restore", epilog="Deleted ones are listed by: palaver documents list BOT --deleted")
def restore(hub: BlockingHub, document: DocumentArgument) -> Shown:
    """Bring a deleted document back."""
    return card(hub.documents.restore(document))


@on_hub(app, "chunks", epilog="Example: palaver documents chunks doc_0198… -n 5")
def chunks(hub: BlockingHub, document: DocumentArgument, which: PageOptions) -> Shown:
    """Show the pieces that a document was cut into: what is found and quoted."""
    page = hub.documents.chunks(document, **which.query())
    rows = [(each.ordinal, each.page, each.heading, each.tokens, one_line(each.text, 100)) for each in page]
    return Listing(page, ("#", "page", "below", "tokens", "text"), rows, "It has no chunks that answers come from.")
