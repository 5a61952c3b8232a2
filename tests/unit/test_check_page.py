"""The check of the page's modules: it has the types of all that they import, and no build fails where there is no TypeScript."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src" / "palaver" / "server" / "web" / "static"


def _ran(script: str, at: Path) -> subprocess.CompletedProcess[str]:
    """How a script ends in a folder without ``.venv``, on a machine without Node."""
    command = [shutil.which("bash") or "bash", str(ROOT / "scripts" / script)]
    return subprocess.run(command, cwd=at, env={"PATH": ""}, capture_output=True, text=True, timeout=60, check=False)


def test_without_typescript_the_check_is_passed_over(tmp_path: Path) -> None:
    """One line says so."""
    done = _ran("check_page.sh", tmp_path)
    assert (done.returncode, done.stdout) == (0, "No TypeScript: the page's modules are not checked.\n")


def test_without_npm_nothing_is_installed(tmp_path: Path) -> None:
    """One line says what will not be checked, and the rest of the setup goes on."""
    done = _ran("typescript.sh", tmp_path)
    assert (done.returncode, done.stderr.count("\n"), list(tmp_path.iterdir())) == (0, 1, [])


def test_what_the_page_imports_of_others_is_declared() -> None:
    """Each vendored module that one of ours imports has its declaration, and no other has."""
    texts = [path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")]
    imported = {name for text in texts for name in re.findall(r'"\./vendor/([\w-]+)\.js"', text)}
    declared = {path.name.removesuffix(".d.ts") for path in (ROOT / "scripts" / "page" / "vendor").iterdir()}
    assert declared == imported
