"""The faults that ``scripts/seeded_faults.py`` puts in must still have a place to go."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("seeded_faults", ROOT / "scripts" / "seeded_faults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["seeded_faults"] = module
    spec.loader.exec_module(module)
    return module


def test_every_fault_can_be_put_in(tmp_path: Path) -> None:
    """Each fault's text stands in the source exactly once, what it becomes is still Python, and its tests exist."""
    script = _script()
    for number, fault in enumerate(script.FAULTS):
        tree = tmp_path / str(number)
        shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
        script.put_in(fault, tree)
        for edit in fault.edits:
            if edit.file.endswith(".py"):
                compile((tree / edit.file).read_text(), edit.file, "exec")
        for test in fault.tests:
            path, _, name = test.partition("::")
            assert (ROOT / path).is_file(), test
            assert name in (ROOT / path).read_text(), test
