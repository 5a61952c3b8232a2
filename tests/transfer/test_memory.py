"""A copy takes no more memory for more messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
MEGABYTES_MAX = 96


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path) -> None:
    """100,000 messages, half of them in one conversation, and 80 MB in a hundred more take at most 96 MB to copy and prove."""
    command = [sys.executable, "-m", "transfer.measured", str(tmp_path)]
    ran = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) <= MEGABYTES_MAX
