"""llama.cpp as a peer: a real model server, in a process of its own, with model files that are written for the test."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Llama:
    """A running server. ``base_url`` is what OPENAI_BASE_URL would be."""

    address: str

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    def busy_slots(self) -> int:
        """How many answers it is making now."""
        with urllib.request.urlopen(f"{self.address}/slots", timeout=5) as response:
            slots: list[dict[str, Any]] = json.load(response)
        return sum(slot["is_processing"] for slot in slots)


@contextmanager
def llama(model: Path, *, context: int, eye: Path | None = None, embeds: bool = False) -> Iterator[Llama]:
    """Start a server on a free port with room for ``context`` tokens, and stop it at the end. One that ``embeds`` only does that."""
    script = Path(__file__).with_name("llama_server.py")
    command = [
        sys.executable,
        str(script),
        str(model),
        str(context),
        *([str(eye)] if eye else ["--embeds"] if embeds else []),
    ]
    with (
        model.with_suffix(".log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address, f"the model server did not start: see {log.name}"
            yield Llama(address)
        finally:
            process.kill()
