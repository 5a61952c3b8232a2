"""What is written about Palaver is true: it runs, it is complete, and it leads somewhere."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from palaver import errors
from palaver.cli.main import app
from palaver.config import Limits, Settings
from palaver.events import EventType
from palaver.http.statuses import status_of
from palaver.server.routes import ALL

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "palaver"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([a-z]+(?:_[a-z]+)+|unauthenticated|forbidden|conflict|internal)`")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(path.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", ["README.md", "docs/library.md"])
def test_the_snippets_run(page: str, tmp_path: Path) -> None:
    """Every Python block of a page runs, in order, in one empty folder with nothing configured, and prints something."""
    snippets = blocks(ROOT / page, "python")
    assert len(snippets) >= 2
    for snippet in snippets:
        done = subprocess.run(
            [sys.executable, "-c", snippet], cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def shown_commands() -> Iterator[list[str]]:
    for path in PAGES:
        for body in blocks(path, ""):
            for line in body.split("\n"):
                command = line.rpartition("| ")[2]
                if command.startswith("palaver ") and "[OPTIONS]" not in command:
                    yield shlex.split(command, comments=True)[1:]


def test_every_command_that_is_shown_exists() -> None:
    """Every ``palaver …`` line in the pages names a command that exists and options that it has."""
    shown = list(shown_commands())
    assert len(shown) > 20
    for words in shown:
        command = typer.main.get_command(app)
        rest = list(words)
        while hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        options = {name for option in command.params for name in option.opts}
        assert {word for word in rest if word.startswith("-")} <= options, words


def test_the_generated_pages_are_what_the_code_says() -> None:
    """The tables of settings, routes, requests, values and commands are what scripts/generate_docs.py makes."""
    script = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_every_setting_route_and_command_is_documented() -> None:
    """The pages have every variable, every route and every command: the markers of the generated parts were not lost."""
    configuration, api, commands = (text(f"docs/{name}.md") for name in ("configuration", "api", "cli"))
    for kind in (Settings, Limits):
        for name, field in kind.model_fields.items():
            assert name == "limits" or f"`{field.alias or 'PALAVER_' + name.upper()}`" in configuration
    for endpoint in ALL:
        assert f"`{endpoint.method} {endpoint.path}`" in api
    root = typer.main.get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        for below in getattr(command, "commands", {"": None}):
            assert f"palaver {name} {below}".strip() in commands


def raised_codes() -> set[str]:
    """The codes that the source names: of the error classes, of ``code="…"``, and of ``refused("…")``."""
    codes = {
        kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.PalaverError)
    }
    for path in (path for path in SOURCE.rglob("*.py") if "testing" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                    codes.add(code)
                case ast.Call(func=ast.Name(id="refused"), args=[ast.Constant(value=str(code)), *_]):
                    codes.add(code)
    return codes | {"unknown_field", "invalid_type"}


NOT_SHOWN = {"fence_lost", "turn_failed", "document_failed"}
"""Never leaves the engine; stand for the code of their turn or document."""


def test_every_code_is_documented() -> None:
    """Every error code that the source can raise is in docs/api.md or, for a turn's end, in docs/promises.md."""
    written = set(CODE.findall(text("docs/api.md") + text("docs/promises.md")))
    assert sorted(raised_codes() - NOT_SHOWN - written) == []


def test_statuses_are_the_servers() -> None:
    """The table of statuses in docs/api.md says what the server answers."""
    table = re.findall(r"^\| (\d{3}) \| (.*) \|$", text("docs/api.md"), re.MULTILINE)
    assert len(table) > 10
    for status, codes in table:
        for code in CODE.findall(codes):
            classes = {
                "host_not_allowed": errors.Forbidden,
                "origin_not_allowed": errors.Forbidden,
                "lead_required": errors.Forbidden,
                "internal": errors.PalaverError,
                "training_in_progress": errors.Conflict,
            }
            error = classes[code]("", code=code) if code in classes else errors.error_from(code, "", {})
            assert status_of(error) == int(status), code


def test_every_event_is_documented() -> None:
    """docs/api.md has every type of event."""
    assert all(f"`{kind}`" in text("docs/api.md") for kind in EventType)


def test_every_promise_names_its_tests() -> None:
    """I1 to I22 are all there, and each names files that exist."""
    rows = re.findall(r"^\| I(\d+) \| .* \| (.*) \|$", text("docs/promises.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 23))
    for number, where in rows:
        assert "`" in where or "comes with" in where, number


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    """Links lead to files, and paths and make targets that are named are there."""
    written = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", written):
        assert (page.parent / target).exists(), target
    for path in re.findall(r"`((?:tests|scripts|bench|docs|src)/[\w./-]+)`", written):
        assert (ROOT / path).exists(), path
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", written)) <= targets


def test_every_picture_is_shown() -> None:
    """Each that was taken stands on the page about the page, in light, in the dark and on a telephone."""
    taken = {path.name for path in (ROOT / "docs" / "pictures").iterdir()}
    assert taken == set(re.findall(r"pictures/([\w-]+\.png)\)", text("docs/web.md")))
    pages = {name.removesuffix("-light.png") for name in taken if name.endswith("-light.png")}
    looks = {f"{page}-{theme}.png" for page in pages for theme in ("light", "dark")}
    assert taken == looks
