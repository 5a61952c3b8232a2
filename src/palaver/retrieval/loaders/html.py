"""HTML: what a reader would see, without scripts, styles, navigation and hidden parts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from palaver.retrieval.loaders.base import BlockKind, Draft
from palaver.retrieval.loaders.encoding import byte_order_mark, decoded
from palaver.retrieval.loaders.rows import add_rows

# fmt: off
_UNSEEN = frozenset(
    {
        "audio", "button", "canvas", "dialog", "embed", "iframe", "input", "math", "nav", "noscript", "object",
        "option", "script", "select", "style", "svg", "template", "textarea", "title", "video"
    }
)
_INLINE = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
        "img", "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike",
        "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"
    }
)
# fmt: on
_KINDS = {"li": (BlockKind.LIST_ITEM, None), "dt": (BlockKind.LIST_ITEM, None), "dd": (BlockKind.LIST_ITEM, None)} | {
    f"h{level}": (BlockKind.HEADING, level) for level in range(1, 7)
}
_LAYOUT = "table, h1, h2, h3, h4, h5, h6"
"""A table that holds one of these arranges a page; it has no rows of data."""
_HIDING = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_LINE_BREAK = "\x00"


def load(content: bytes, draft: Draft) -> None:
    """Add headings, paragraphs, list items, rows of tables and code. The title is the page's."""
    parser = LexborHTMLParser(_marked(content), encoding=True)
    if title := parser.css_first("head > title"):
        draft.title = title.text()
    _add(draft, parser.root)


def add_html(draft: Draft, fragment: str) -> None:
    """Add a piece of HTML."""
    _add(draft, LexborHTMLParser(fragment.encode("utf-8-sig", "replace"), encoding=True).root)


def _marked(content: bytes) -> bytes:
    """Return UTF-8 with its mark if that is what it is, or what another mark says; else the page's own word is taken."""
    try:
        content.decode()
    except UnicodeDecodeError:
        if not byte_order_mark(content):
            return content
    return decoded(content).encode("utf-8-sig")


def _add(draft: Draft, root: LexborNode | None) -> None:
    """Add what is seen below ``root``: text is gathered until a block begins or ends."""
    gathered: list[str] = []
    kinds: list[tuple[BlockKind, int | None]] = [(BlockKind.PARAGRAPH, None)]

    def end_block() -> None:
        kind, level = kinds[-1]
        draft.add(kind, _collapsed(gathered), level=level)
        gathered.clear()

    for node, enters in _walk(root):
        tag = node.tag or ""
        if node.is_text_node or tag == "br":
            gathered.append(_text(node))
        elif tag not in _INLINE:
            end_block()
            if not enters:
                kinds.pop()
            elif tag == "pre":
                draft.add(BlockKind.CODE, node.text())
            elif _is_whole(node):
                add_rows(draft, _rows(node))
            else:
                kinds.append(_KINDS.get(tag, kinds[-1]))
    end_block()


def _walk(root: LexborNode | None) -> Iterator[tuple[LexborNode, bool]]:
    """Yield what is seen, in order: an element as it begins (True) and as it ends (False), text once.

    Without recursion, as pages nest as deeply as they like. Of what is read as a whole, the inner nodes are not yielded.
    """
    below = [iter(() if root is None else (root,))]
    entered: list[LexborNode] = []
    while below:
        node = next(below[-1], None)
        if node is None:
            below.pop()
            if entered:
                yield entered.pop(), False
        elif _is_seen(node):
            yield node, True
            if node.is_element_node and not _is_whole(node):
                below.append(node.iter(include_text=True))
                entered.append(node)


def _is_seen(node: LexborNode) -> bool:
    if node.is_text_node:
        return True
    if not node.is_element_node or node.tag in _UNSEEN:
        return False
    attributes = node.attributes
    is_hidden = "hidden" in attributes or attributes.get("aria-hidden") == "true"
    return not is_hidden and not _HIDING.search(attributes.get("style") or "")


def _is_whole(node: LexborNode) -> bool:
    if node.tag == "table":
        return all(inner.mem_id == node.mem_id for inner in node.css(_LAYOUT))
    return node.tag in ("br", "pre")


def _rows(table: LexborNode) -> Iterator[list[str]]:
    for row in table.css("tr"):
        yield [_cell(cell) for cell in row.iter() if cell.tag in ("td", "th")]


def _cell(cell: LexborNode) -> str:
    return _collapsed([_text(node) if node.tag not in _INLINE else "" for node, _ in _walk(cell)]).replace("\n", " ")


def _text(node: LexborNode) -> str:
    """Return what a node adds to the text around it: a line break, or a blank where a block begins or ends."""
    match node.tag:
        case "br":
            return _LINE_BREAK
        case "pre":
            return node.text()
    return (node.text_content or "") if node.is_text_node else " "


def _collapsed(parts: list[str]) -> str:
    return "\n".join(" ".join(line.split()) for line in "".join(parts).split(_LINE_BREAK))
