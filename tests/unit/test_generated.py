"""What is generated is what would be generated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_blocking_is_made_from_the_surface() -> None:
    """blocking.py is, byte for byte, what scripts/generate_blocking.py makes of surface.py."""
    script = [sys.executable, str(ROOT / "scripts" / "generate_blocking.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
