"""Markdown (CommonMark with tables): marks are taken off, structure is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from palaver.retrieval.loaders.base import BlockKind, Draft
from palaver.retrieval.loaders.encoding import decoded
from palaver.retrieval.loaders.html import add_html
from palaver.retrieval.loaders.rows import add_rows

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)


def load(content: bytes, draft: Draft) -> None:
    """Add headings, paragraphs, list items, rows and code. The title is the front matter's."""
    add_markdown(draft, decoded(content).replace("\r\n", "\n"))


def add_markdown(draft: Draft, text: str) -> None:
    """Add a text in Markdown."""
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        if title := _FRONT_TITLE.search(front[1] or ""):
            draft.title = title[1].strip().strip("\"'")
    tokens = iter(MarkdownIt("commonmark").enable("table").parse(text))
    items = 0
    for token in tokens:
        items += (token.type == "list_item_open") - (token.type == "list_item_close")
        _add(draft, token, tokens, within=BlockKind.LIST_ITEM if items else BlockKind.PARAGRAPH)


def _add(draft: Draft, token: Token, rest: Iterator[Token], *, within: BlockKind) -> None:
    match token.type:
        case "heading_open":
            draft.add(BlockKind.HEADING, _seen(next(rest)), level=int(token.tag[1:]))
        case "inline":
            draft.add(within, _seen(token))
        case "fence" | "code_block":
            draft.add(BlockKind.CODE, token.content)
        case "html_block":
            add_html(draft, token.content)
        case "table_open":
            add_rows(draft, _rows(rest))


def _rows(rest: Iterator[Token]) -> Iterator[list[str]]:
    row: list[str] = []
    for token in rest:
        match token.type:
            case "tr_open":
                row = []
            case "inline":
                row.append(_seen(token))
            case "tr_close":
                yield row
            case "table_close":
                return


def _seen(token: Token) -> str:
    """Return the text of an inline token without its marks."""
    return "".join(_seen_parts(token.children or ()))


def _seen_parts(children: Sequence[Token]) -> Iterator[str]:
    for child in children:
        match child.type:
            case "text" | "code_inline" | "image":  # an image's content is its description
                yield child.content
            case "softbreak" | "hardbreak":
                yield "\n"
