"""The command line, in this process or on a terminal: what it printed and how it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ran]


def on_a_terminal(*arguments: str) -> tuple[str, str]:
    """Return what a command shows on a terminal that is its stderr, and what it prints."""
    ours, theirs = os.openpty()
    program = [str(Path(sys.executable).with_name("palaver")), *arguments]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "NO_COLOR": "1"}
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(program, env=env, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True)
        os.close(theirs)
        return terminal.read(65_536).decode(), done.stdout.decode()
