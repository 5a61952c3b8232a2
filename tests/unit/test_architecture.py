"""Rules about the source that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "palaver"
STREAMS = {"client", "http", "models", "server", "cli", "events.py"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}
VENDORS = re.compile(r"knowrithm|abacus|longtrainer|chatgpt|open[ _-]?web[ _-]?ui", re.IGNORECASE)
"""Of the systems whose clients and exports are understood. OpenAI, Groq and Ollama are providers of models, and named as such."""


def modules() -> list[tuple[str, ast.Module]]:
    return [
        (str(path.relative_to(SOURCE)), ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCE.rglob("*.py")
    ]


def test_only_the_configuration_reads_the_environment() -> None:
    """No module but config.py names os.environ or os.getenv, or takes a value from the environment through typer."""
    found = []
    for name, tree in modules():
        for node in ast.walk(tree):
            names = isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT
            imports = isinstance(node, ast.ImportFrom) and any(alias.name in ENVIRONMENT for alias in node.names)
            through_typer = isinstance(node, ast.keyword) and node.arg == "envvar"
            if (names or imports or through_typer) and name != "config.py":
                found.append(f"{name}:{node.lineno}")
    assert found == []


def test_lines_are_never_split_where_data_may_hold_the_split() -> None:
    """What reads or writes streams never uses ``str.splitlines``: it splits at ten code points that are data there."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        if name.split("/")[0] in STREAMS
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "splitlines"
    ]
    assert found == []


def test_a_vendor_s_words_end_in_compat() -> None:
    """No file elsewhere, of any kind, has the name of another system in its code, its docstrings or its own name."""
    files = [path for path in SOURCE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    found = {
        name: words
        for name, path in ((str(path.relative_to(SOURCE)), path) for path in files)
        if (words := VENDORS.findall(name + "\n" + path.read_text(encoding="utf-8", errors="replace")))
    }
    outside = {name for name in found if not name.startswith("compat/")}
    assert outside == set()
    assert {name.split("/")[1] for name in found} >= {
        "abacusai",
        "chatgpt.py",
        "knowrithm",
        "longtrainer",
        "open_webui.py",
    }
