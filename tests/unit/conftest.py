"""Fixtures of the tests of single parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Command, Ran

from palaver.cli.main import run


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("PALAVER_STORE", "PALAVER_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            run(arguments)
        said = capsys.readouterr()
        return Ran(int(left.value.code or 0), said.out, said.err)

    return ran
