"""Importing Palaver is cheap."""

from __future__ import annotations

import json
import subprocess
import sys

PROBE = """
import json, sys
before = set(sys.modules)
import palaver
count = len(set(sys.modules) - before)
heavy = {"fastapi", "starlette", "pydantic", "pydantic_settings", "httpx2", "uvicorn", "sqlite3", "rich", "typer"}
heavy |= {"numpy", "faiss", "PIL", "pypdf", "selectolax", "markdown_it", "langchain_core"}
print(json.dumps({"count": count, "heavy": sorted(heavy & set(sys.modules)), "all": palaver.__all__}))
"""
MODULES_MAX = 100


def probe() -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=30, check=True)
    parsed: dict[str, object] = json.loads(done.stdout)
    return parsed


def test_import_is_light() -> None:
    """``import palaver`` imports no framework, no HTTP client, no database and nothing that reads files or finds vectors; a few
    dozen modules in all, those of Python among them."""
    found = probe()
    assert found["heavy"] == []
    assert int(str(found["count"])) < MODULES_MAX


def test_what_is_exported_exists() -> None:
    """Every name in ``__all__`` can be imported, and the version is the distribution's."""
    import palaver

    assert all(hasattr(palaver, name) for name in palaver.__all__)
    assert palaver.__version__.count(".") == 2
