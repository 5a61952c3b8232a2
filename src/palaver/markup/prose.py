"""Markdown of people and models as HTML that can do nothing but be read.

Three walls, each enough by itself: raw HTML in the Markdown is shown as text; what the renderer writes is cleaned by an
allow-list of tags, attributes and addresses; and whoever shows it forbids scripts (``document.py``).

An image of the text would tell its server who reads, and when: it becomes a link.
"""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from palaver.document import MARK
from palaver.markup.code import highlighted

LINK_SCHEMES = ("http://", "https://", "mailto:", "#")
"""What a link may begin with; ``#`` leads to a footnote of the same page."""
_TAGS = {
    *(
        "p",
        "br",
        "hr",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "ul",
        "ol",
        "li",
        "strong",
        "em",
        "s",
        "a",
    ),
    *("code", "pre", "span", "table", "thead", "tbody", "tr", "th", "td"),
    *("div", "header"),
}
_ATTRIBUTES = {
    "a": {"aria-label", "href", "title", "class"},
    "div": {"class"},
    "span": {"class"},
    "code": {"class"},
    "ol": {"start"},
    "th": {"align"},
    "td": {"align"},
}
_ALIGN = "text-align:"


def prose_html(text: str, *, notes: Collection[int] = (), anchor: str = "") -> str:
    """Return a text in Markdown as HTML. Takes time in proportion to the text: call it in a thread.

    Args:
        text: What was said, of any content.
        notes: The numbers of footnotes: where the text says ``[1]``, it leads to ``#<anchor>-1``.
        anchor: What the ids of the footnotes begin with; letters, digits, ``_`` and ``-``.
    """
    written = _markdown.render(text, {"notes": frozenset(notes), "anchor": anchor})
    return nh3.clean(
        written,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_safe,
        link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto"},
    )


def _safe(tag: str, name: str, value: str) -> str | None:
    """Return what an attribute may say; None leaves it out."""
    is_link = (tag, name) == ("a", "href")
    return None if is_link and not value.lower().startswith(LINK_SCHEMES) else value


def _image(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Any) -> str:
    token = tokens[at]
    shown = renderer.renderInlineAsText(token.children or [], options, env)
    address = str(token.attrs.get("src", ""))
    if not address.lower().startswith(LINK_SCHEMES):
        return escape(shown)
    return f'<a class="image" href="{escape(address)}">{escape(shown or address)}</a>'


def _note(_: RendererHTML, tokens: Sequence[Token], at: int, __: OptionsDict, ___: Any) -> str:
    token = tokens[at]
    number = token.content
    return f'<a class="mark" href="#{escape(token.info)}-{number}" aria-label="Source {number}">{number}</a>'


def _code(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Any) -> str:
    """A block of code under the name of its language. One that is indented names none."""
    token = tokens[at]
    language = next(iter(token.info.split()), "text")
    written = getattr(renderer, token.type)(tokens, at, options, env)
    return f'<div class="code"><header><span>{escape(language)}</span></header>{written}</div>\n'


def _table(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Any) -> str:
    """A table in a box that scrolls."""
    written = renderer.renderToken(tokens, at, options, env)
    return f'<div class="wide">{written}' if tokens[at].nesting > 0 else f"{written}</div>"


def _aligned(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Any) -> str:
    """Say by an attribute how a column is aligned: there are no styles but the sheet's."""
    token = tokens[at]
    style = str(token.attrs.pop("style", ""))
    if style.startswith(_ALIGN):
        token.attrs["align"] = style.removeprefix(_ALIGN)
    return renderer.renderToken(tokens, at, options, env)


def _find_notes(state: StateCore) -> None:
    """Make links of the marks of footnotes that there are."""
    env: MutableMapping[str, Any] = state.env
    if env["notes"]:
        for block in state.tokens:
            if block.type == "inline":
                block.children = [part for token in block.children or () for part in _noted(token, env)]


def _noted(token: Token, env: MutableMapping[str, Any]) -> list[Token]:
    if token.type != "text":
        return [token]
    found, end = [], 0
    for mark in MARK.finditer(token.content):
        numbers = [int(each) for each in mark[1].replace(";", ",").split(",")]
        if env["notes"].issuperset(numbers):
            found.append(Token("text", "", 0, content=token.content[end : mark.start()]))
            found += [Token("note", "", 0, content=str(number), info=env["anchor"]) for number in numbers]
            end = mark.end()
    return [*found, Token("text", "", 0, content=token.content[end:])]


def _made() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "highlight": highlighted})
    made.enable(["table", "strikethrough"])
    made.core.ruler.push("notes", _find_notes)
    made.add_render_rule("image", _image)
    made.add_render_rule("note", _note)
    for block in ("fence", "code_block"):
        made.add_render_rule(block, _code)
    for end in ("table_open", "table_close"):
        made.add_render_rule(end, _table)
    made.add_render_rule("th_open", _aligned)
    made.add_render_rule("td_open", _aligned)
    return made


_markdown = _made()
