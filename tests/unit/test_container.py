"""The image and the compose file: linted, confined, without a secret, and what they run exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import Command

import palaver
from crash.process import serving
from palaver.config import Settings

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
OURS = ["migrate", "palaver"]


def _instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} +(.*)$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize(
    "linter",
    [
        ["hadolint", "--failure-threshold", "style", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
    ],
    ids=lambda linter: linter[0],
)
def test_they_are_linted(linter: list[str]) -> None:
    """hadolint finds nothing in the Dockerfile, and the compose file is one by the Compose Specification's schema."""
    done = subprocess.run(
        [BIN / linter[0], *linter[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_without_root() -> None:
    """It ends as a numbered user, its base has a tag that is not latest, and only the first stage installs."""
    assert re.fullmatch(r"\d+:\d+", _instructions("USER")[-1])
    bases = [base.split(" ")[0] for base in _instructions("FROM")]
    assert len(set(bases)) == 1, "the environment that is copied runs on the Python it was made with"
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases[0])
    first, _, last = DOCKERFILE.rpartition("\nFROM ")
    assert "pip" in first
    assert "pip" not in last
    assert "apt-get" not in DOCKERFILE


def test_what_the_image_is_made_of_is_there() -> None:
    """Everything that is copied exists, and is let in by .dockerignore, which lets in nothing else."""
    copied = [path for line in _instructions("COPY") if "--from" not in line for path in line.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line.removeprefix("!") for line in ignored if line.startswith("!")] == copied
    assert "*" in ignored
    assert all((ROOT / path).exists() for path in copied)


def test_the_image_starts_a_server(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entry point and command are ours, its store is a file under /data, and without a key it stays closed and says why."""
    assert json.loads(_instructions("ENTRYPOINT")[0]) == ["palaver"]
    (settings,) = _instructions("ENV")
    store = re.search(r"PALAVER_STORE=(\S+)", settings)
    assert store is not None
    monkeypatch.setenv("PALAVER_STORE", store[1])
    assert Settings().store == "sqlite:////data/palaver.db"
    monkeypatch.setenv("PALAVER_STORE", "here.db")
    refused = command(*json.loads(_instructions("CMD")[-1]))
    assert (refused.status, "palaver keys create" in refused.err) == (2, True)


async def test_the_health_check_tells_a_server_from_none(tmp_path: Path) -> None:
    """The image's health check passes while a server answers, with keys or without, and fails when it is gone."""
    (check,) = (json.loads(line.partition("CMD ")[2]) for line in _instructions("HEALTHCHECK"))
    check[0] = sys.executable
    async with serving(tmp_path / "chat.db", {}) as server:
        env = {**os.environ, "PALAVER_PORT": str(server.port)}
        subprocess.run(check, env=env, timeout=30, check=True)
    gone = subprocess.run(check, env=env, timeout=30, check=False, capture_output=True)
    assert gone.returncode != 0


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_service_is_confined(name: str) -> None:
    """Its root is read-only, it has no capabilities but named ones and gets no new privileges, its image has a tag."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "/tmp" in service["tmpfs"]
    assert re.fullmatch(r"[\w/-]+:(?!latest)[\w.-]+", service["image"])
    assert "restart" in service
    assert not service.get("privileged")
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


def test_no_secret_is_written_down() -> None:
    """The password is asked for, and refused when it is missing; keys come from outside; .env stays out of git and of the image."""
    given = [pair for service in SERVICES.values() for pair in service["environment"].items()]
    for name, value in given:
        match name:
            case "POSTGRES_PASSWORD":
                assert re.fullmatch(r"\$\{POSTGRES_PASSWORD:\?[^}]+\}", value)
            case "PALAVER_STORE":
                assert re.fullmatch(
                    r"postgresql://palaver:\$\{POSTGRES_PASSWORD:\?[^}]+\}@postgres:5432/palaver", value
                )
            case _:
                assert "KEY" not in name or re.fullmatch(r"\$\{\w+:-\}", value), name
    assert "PALAVER_STORE" in dict(given)
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_ours_run_as_the_images_user_on_the_database() -> None:
    """Servers wait for the schema and the schema for a healthy database; two servers listen on loopback, behind your door."""
    servers = SERVICES["palaver"]
    for name in OURS:
        assert SERVICES[name]["user"] == _instructions("USER")[-1]
        assert SERVICES[name]["image"] == f"palaver:{palaver.__version__}"
        assert "volumes" not in SERVICES[name]
        assert "cap_add" not in SERVICES[name]
    assert SERVICES["migrate"]["command"] == ["migrate"]
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert servers["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert servers["deploy"]["replicas"] == 2
    assert [port.partition(":")[0] for port in servers["ports"]] == ["127.0.0.1"]
    assert "healthcheck" in SERVICES["postgres"]
    assert SERVICES["postgres"]["volumes"] == ["database:/var/lib/postgresql/data"]
