"""Importing Palaver is cheap."""

from __future__ import annotations

import json
import subprocess
import sys

PROBE = """
import json, sys, time
begin = time.perf_counter()
import palaver
took = time.perf_counter() - begin
heavy = {"fastapi", "starlette", "pydantic", "pydantic_settings", "httpx2", "uvicorn", "sqlite3", "rich", "typer"}
print(json.dumps({"took": took, "heavy": sorted(heavy & set(sys.modules)), "all": palaver.__all__}))
"""
IMPORT_SECONDS = 0.15


def probe() -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=30, check=True)
    parsed: dict[str, object] = json.loads(done.stdout)
    return parsed


def test_import_is_light() -> None:
    """``import palaver`` imports no framework, no HTTP client and no database, and takes under 150 ms at its best of 5."""
    found = [probe() for _ in range(5)]
    assert found[0]["heavy"] == []
    assert min(float(str(each["took"])) for each in found) < IMPORT_SECONDS


def test_what_is_exported_exists() -> None:
    """Every name in ``__all__`` can be imported, and the version is the distribution's."""
    import palaver

    assert all(hasattr(palaver, name) for name in palaver.__all__)
    assert palaver.__version__.count(".") == 2
