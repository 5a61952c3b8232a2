"""Writes the tables of docs/ that the code knows best: calls, settings, routes, values, requests and commands.

    python scripts/generate_docs.py            write them
    python scripts/generate_docs.py --check    exit with 1 if a page is not what would be written

A page keeps its own words; what stands between <!-- begin NAME --> and <!-- end NAME --> is replaced.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic_core import PydanticUndefined

from palaver import attachment, bot, conversation, document, entity, figures, tenant
from palaver.cli.main import app
from palaver.config import Limits, Settings
from palaver.server.call import Endpoint
from palaver.server.routes import ALL
from palaver.stores import report

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
VALUES = (
    bot.Bot,
    entity.Entity,
    conversation.Conversation,
    conversation.Turn,
    conversation.ListedTurn,
    conversation.Usage,
    conversation.ContextUse,
    conversation.TurnError,
    conversation.Message,
    document.Document,
    document.DocumentError,
    document.Chunk,
    document.Provenance,
    document.Hit,
    document.Citation,
    document.TrainingReport,
    document.TrainedPair,
    conversation.Branch,
    figures.FiguresReport,
    figures.FiguresRow,
    figures.Figures,
    figures.Spread,
    figures.Ratings,
    figures.ConversationAnalytics,
    figures.MessageStatistics,
    figures.Flow,
    figures.Quality,
    figures.Topic,
    attachment.Attachment,
    tenant.Tenant,
    tenant.ApiKey,
    report.StoreReport,
    report.Lack,
)


def cell(text: str) -> str:
    """Text fit for a table's cell."""
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell(each) for each in line)} |" for line in lines)


def docstrings(kind: type) -> dict[str, str]:
    """The string below each field of a class."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for node, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(after, ast.Expr):
            found[node.target.id] = str(ast.literal_eval(after.value))
    return found


def settings_of(kind: type[Settings] | type[Limits]) -> str:
    """The variables of a group of settings."""
    notes = docstrings(kind)
    rows = []
    for name, field in kind.model_fields.items():
        if name == "limits":
            continue
        default = field.get_default(call_default_factory=True) if field.default is PydanticUndefined else field.default
        shown = "–" if default in (None, (), {}) else f"`{default}`"
        rows.append((f"`{field.alias or 'PALAVER_' + name.upper()}`", shown, notes[name]))
    return table(("variable", "default", "meaning"), rows)


def told(endpoint: Endpoint) -> str:
    """What a route takes and who may call it."""
    words = [
        "no key" if endpoint.scope is None else f"`{endpoint.scope}`" + (", `visitor`" if endpoint.visitor else "")
    ]
    words += ["`Idempotency-Key`"] if endpoint.keyed else []
    words += ["`If-Match`"] if endpoint.versioned else []
    words += ["`Last-Event-ID`"] if endpoint.resumed else []
    return " · ".join(words)


def taken(endpoint: Endpoint) -> str:
    """The requests that a route takes: its body or its query, and a form that may stand in the place of the body."""
    asked = endpoint.body or endpoint.query
    words = [f"`{asked.__name__}`"] if asked is not None and asked.model_fields else []
    words += [f"a form: `file` and `{endpoint.form.__name__}`"] if endpoint.form is not None else []
    return ", or ".join(words)


def routes() -> str:
    """All routes, by tag."""
    parts = []
    for tag in dict.fromkeys(endpoint.tag for endpoint in ALL):
        rows = [
            (
                f"`{each.method} {each.path}`",
                each.summary,
                taken(each),
                ", ".join(map(str, each.answers)),
                told(each),
            )
            for each in ALL
            if each.tag == tag
        ]
        parts.append(f"### {tag}\n\n" + table(("route", "what it does", "takes", "answers", "who · headers"), rows))
    return "\n\n".join(parts)


def requests() -> str:
    """The fields of every body and query."""
    asked = {kind for each in ALL for kind in (each.body, each.query, each.form) if kind is not None}
    kinds = [kind for kind in asked if kind.model_fields]
    rows = []
    for kind in sorted(kinds, key=lambda kind: kind.__name__):
        fields = [f"**{name}**" if field.is_required() else name for name, field in kind.model_fields.items()]
        rows.append((f"`{kind.__name__}`", ", ".join(fields), inspect.getdoc(kind) or ""))
    return table(("request", "fields (**needed**)", "meaning"), rows)


def values() -> str:
    """The fields of every value."""
    parts = []
    for kind in VALUES:
        rows = [(f"`{field.name}`", f"`{field.type}`") for field in dataclasses.fields(kind)]
        rows += [(f"`{name}`", "`str`") for name in getattr(kind, "JSON_PROPERTIES", ())]
        doc = (inspect.getdoc(kind) or "").replace("``", "`")
        parts.append(f"### {kind.__name__}\n\n{doc}\n\n" + table(("field", "type"), rows))
    return "\n\n".join(parts)


def commands(command: Any, path: str) -> Iterator[str]:
    """A command and all under it."""
    context = typer.Context(command, info_name=path)
    if hasattr(command, "commands"):
        if path != "palaver":
            yield f"## {path}\n\n{plain(command.help)}"
        for name, below in command.commands.items():
            yield from commands(below, f"{path} {name}")
        return
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    rows = [
        (", ".join(f"`{each}`" for each in (*option.opts, *option.secondary_opts)), plain(option.help or ""))
        for option in command.params
        if option.param_type_name == "option" and option.name != "help"
    ]
    level = "##" if path.count(" ") == 1 else "###"
    text = f"{level} {path}\n\n```\n{usage}\n```\n\n{plain(command.help)}"
    text += "\n\n" + table(("option", "meaning"), rows) if rows else ""
    examples = [line for line in (command.epilog or "").split("\n") if "palaver " in line]
    if examples:
        text += "\n\n```\n" + "\n".join(line.removeprefix("Example: ") for line in examples) + "\n```"
    yield text


def plain(text: str | None) -> str:
    """Help without its indentation."""
    return inspect.cleandoc(text or "")


def all_commands() -> str:
    """The whole command line."""
    return "\n\n".join(commands(typer.main.get_command(app), "palaver"))


def method_entry(noun: str, method: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A method of the surface: how it is called, and what it does."""
    arguments = ast.unparse(method.args).removeprefix("self").removeprefix(", ")
    returns = ast.unparse(method.returns) if method.returns else "None"
    awaited = "await " if isinstance(method, ast.AsyncFunctionDef) else ""
    doc = plain(ast.get_docstring(method)).replace("``", "`")
    summary, _, rest = doc.partition("\n\n")
    return f"- `{awaited}hub{noun}.{method.name}({arguments}) -> {returns}`  \n  {' '.join(summary.split())}" + (
        f" {' '.join(rest.split())}" if rest else ""
    )


def noun_of(protocol: str) -> str:
    """Where a protocol's calls are found: on the hub, or below one of its nouns."""
    return "" if protocol == "Hub" else f".{protocol.lower()}"


def classes_of(module: str) -> Iterator[ast.ClassDef]:
    """The classes of a module, in its order."""
    tree = ast.parse((ROOT / "src" / "palaver" / f"{module}.py").read_text(encoding="utf-8"))
    return (node for node in tree.body if isinstance(node, ast.ClassDef))


def surface() -> str:
    """What a hub can do, noun by noun, and the fields that its calls take."""
    parts = []
    for node in classes_of("surface"):
        methods = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        entries = "\n".join(method_entry(noun_of(node.name), each) for each in methods if not each.decorator_list)
        parts.append(f"### hub{noun_of(node.name)}\n\n{entries}")
    fields: dict[str, list[str]] = {}
    rows = []
    for node in classes_of("arguments"):
        inherited = [name for base in node.bases for name in fields.get(ast.unparse(base), [])]
        own = [
            each.target.id
            for each in node.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        ]
        fields[node.name] = [*inherited, *own]
        rows.append(
            (f"`{node.name}`", ", ".join(f"`{name}`" for name in fields[node.name]), ast.get_docstring(node) or "")
        )
    return "\n\n".join(parts) + "\n\n### Fields\n\n" + table(("arguments", "names", "meaning"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "surface": surface,
    "settings": lambda: settings_of(Settings),
    "limits": lambda: settings_of(Limits),
    "routes": routes,
    "requests": requests,
    "values": values,
    "commands": all_commands,
}


def filled(page: str) -> str:
    """The page with its generated parts as they have to be."""
    for name, make in PARTS.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        if begin in page:
            pattern = re.escape(begin) + r".*?" + re.escape(end)
            made = f"{begin}\n{make()}\n{end}"
            page = re.sub(pattern, made.replace("\\", r"\\"), page, flags=re.DOTALL)
    return page


def main() -> int:
    """Write the pages, or check them."""
    stale = []
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if filled(page) != page:
            stale.append(path.name)
            if "--check" not in sys.argv[1:]:
                path.write_text(filled(page), encoding="utf-8")
    if "--check" in sys.argv[1:] and stale:
        print(f"Not what the code says: {', '.join(stale)}. Run scripts/generate_docs.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
