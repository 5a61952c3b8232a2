"""Writes src/palaver/blocking.py: the surface without await, made from src/palaver/surface.py.

python scripts/generate_blocking.py            write it
python scripts/generate_blocking.py --check    exit with 1 if it is not what would be written
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SURFACE = ROOT / "src" / "palaver" / "surface.py"
BLOCKING = ROOT / "src" / "palaver" / "blocking.py"

HEADER = '''\
# Generated from surface.py by scripts/generate_blocking.py. Don't edit.
"""The hub without await: every call runs on an event loop in a background thread.

The names, arguments, values and errors are those of ``palaver.surface``. Calls may come from any thread. A stream is a
generator: leave it early and its connection or reader is closed; the turn goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

{imports}
from palaver.looper import Looper
from palaver.surface import {surface_names}
'''

HUB = '''
T = TypeVar("T")


class BlockingHub:
    """Everything, for one tenant. A context manager; without it call ``close()`` when done.

    Args:
        opening: Makes the async hub that is opened on the loop of this one, such as ``lambda: palaver.open("a.db")``.
    """

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Hub]]) -> None:
        self._looper: Looper[Hub] = Looper(opening)
        self._inner = self._looper.held
{namespaces}

{methods}

    def run(self, work: Callable[[Hub], Coroutine[Any, Any, T]]) -> T:
        """Do something that awaits, with the hub that this one stands on, on its loop; return what comes of it."""
        return self._looper.wait(work(self._inner))

    def close(self) -> None:
        """Let go of everything: running turns of this process end ``interrupted(shutdown)``. May be called again."""
        self._looper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
'''


def protocols(tree: ast.Module) -> Iterator[ast.ClassDef]:
    """The namespaces of the surface, in its order."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases):
            yield node


def is_stream(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method returns things as they come."""
    return isinstance(method, ast.FunctionDef)


def passed(arguments: ast.arguments) -> str:
    """The arguments of a call that hands on all that a method was given."""
    given = [arg.arg for arg in arguments.args[1:]]
    given += [f"{arg.arg}={arg.arg}" for arg in arguments.kwonlyargs]
    if arguments.kwarg is not None:
        given.append(f"**{arguments.kwarg.arg}")
    return ", ".join(given)


def method_source(method: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """One method without await: same name, same arguments, same docstring."""
    returns = ast.unparse(method.returns) if method.returns else "None"
    call = f"self._inner.{method.name}({passed(method.args)})"
    if is_stream(method):
        returns = re.sub(r"AsyncIterator\[(\w+)\]", r"Generator[\1, None, None]", returns)
        body = f"return self._looper.each({call})"
    else:
        body = ("" if returns == "None" else "return ") + f"self._looper.wait({call})"
    doc = ast.get_docstring(method, clean=False)
    return f'    def {method.name}({ast.unparse(method.args)}) -> {returns}:\n        """{doc}"""\n        {body}\n'


def methods_of(protocol: ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The calls of a namespace, or of the hub itself: no properties, and not what ``close`` stands for."""
    return [
        node
        for node in protocol.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.decorator_list
        and node.name != "aclose"
    ]


def class_source(protocol: ast.ClassDef) -> str:
    """One namespace without await."""
    return (
        f"\n\nclass Blocking{protocol.name}:\n"
        f'    """{ast.get_docstring(protocol, clean=False)}"""\n\n'
        f"    def __init__(self, looper: Looper[Hub], inner: {protocol.name}) -> None:\n"
        "        self._looper = looper\n"
        "        self._inner = inner\n\n" + "\n".join(map(method_source, methods_of(protocol)))
    )


def used(names: list[str], source: str) -> list[str]:
    """Those names that the generated source speaks of."""
    words = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    return [name for name in names if name in words]


def imports(tree: ast.Module, source: str) -> str:
    """The imports of the surface that the generated classes need."""
    lines = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("palaver."):
            names = used([alias.name for alias in node.names], source)
            if names:
                lines.append(f"from {node.module} import {', '.join(names)}")
    return "\n".join(lines)


def generated() -> str:
    """The whole file, formatted."""
    tree = ast.parse(SURFACE.read_text(encoding="utf-8"))
    found = list(protocols(tree))
    nouns = [node for node in found if node.name != "Hub"]
    (whole,) = (node for node in found if node.name == "Hub")
    classes = "".join(class_source(node) for node in nouns)
    namespaces = "\n".join(
        f"        self.{node.name.lower()} = Blocking{node.name}(self._looper, self._inner.{node.name.lower()})"
        for node in nouns
    )
    hub = HUB.format(namespaces=namespaces, methods="\n".join(map(method_source, methods_of(whole))))
    defined = sorted(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    wanted = [name for name in used(defined, classes + hub) if name != "Hub"]
    header = HEADER.format(
        imports=imports(tree, classes + hub),
        surface_names=", ".join(sorted([*wanted, "Hub"])),
    )
    return formatted(header + classes + hub)


def formatted(source: str) -> str:
    """The source as ruff writes it."""
    ruff = [sys.executable, "-m", "ruff"]
    name = ["--stdin-filename", str(BLOCKING), "-"]
    sorted_imports = subprocess.run(
        [*ruff, "check", "--quiet", "--select", "I", "--fix", *name],
        input=source,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    return subprocess.run(
        [*ruff, "format", "--quiet", *name], input=sorted_imports, capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def main() -> int:
    """Write the file, or check it."""
    source = generated()
    if "--check" not in sys.argv[1:]:
        BLOCKING.write_text(source, encoding="utf-8")
        return 0
    same = BLOCKING.read_text(encoding="utf-8") == source
    if not same:
        print("blocking.py is not what surface.py says: run scripts/generate_blocking.py", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
