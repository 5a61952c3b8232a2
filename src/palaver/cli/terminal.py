"""The two ends of a chat: lines in, text out. A pipe gets the answers and nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import TextIO

from palaver.cli.show import clean

PROMPT = "> "
_DIM, _RED, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"


class Terminal:
    """What a person types and reads, or what a script pipes."""

    def __init__(self, source: TextIO | None = None, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._source = source or sys.stdin
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self.is_interactive = self._source.isatty() and self._out.isatty()
        if self.is_interactive:
            importlib.import_module("readline")  # gives input() line editing and a history

    def lines(self) -> Iterator[str]:
        """What is typed, line by line, up to Ctrl-D or the end of the pipe; blank lines are left out.

        Ctrl-C at the prompt drops the line.
        """
        while True:
            try:
                line = input(PROMPT) if self.is_interactive else self._source.readline()
            except EOFError:
                self.text("\n")
                return
            except KeyboardInterrupt:
                self.note("\nCtrl-D leaves.")
                continue
            if not self.is_interactive and not line:
                return
            if line.strip():
                yield line.strip()

    def text(self, text: str) -> None:
        """Print a piece of an answer at once."""
        self._out.write(clean(text))
        self._out.flush()

    def aside(self, text: str) -> None:
        """Print what the model thinks aloud; a pipe does not get it."""
        if self.is_interactive:
            self._out.write(f"{_DIM}{clean(text)}{_PLAIN}")
            self._out.flush()

    def note(self, sentence: str) -> None:
        """Print a remark of ours: dim; a pipe does not get it."""
        if self.is_interactive:
            self._out.write(f"{_DIM}{clean(sentence)}{_PLAIN}\n")
            self._out.flush()

    def trouble(self, sentence: str) -> None:
        """Print what went wrong, on stderr."""
        shown = f"{_RED}{clean(sentence)}{_PLAIN}" if self.is_interactive else clean(sentence)
        self._err.write(f"{shown}\n")
        self._err.flush()
