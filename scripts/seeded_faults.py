"""Are the tests any good? Puts known faults into a copy of the tree, one at a time, and runs the tests that must see them.

    python scripts/seeded_faults.py            every fault
    python scripts/seeded_faults.py fence      those whose name holds this word
    python scripts/seeded_faults.py --list     what there is

A fault is a piece of text and what it becomes. Text that is no longer there, or is there twice, is an error: a fault
that was not put in proves nothing. Exits 1 if a fault survives its tests, or if the tests fail without any.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 600
SOUND_TIMEOUT_SECONDS = 3_600
_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", ".hypothesis", "*.db*", ".bench-*", "htmlcov"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """``old`` in ``file`` becomes ``new``."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault, the promise that it breaks, and the tests that must fail with it."""

    name: str
    breaks: str
    edits: Sequence[Edit]
    tests: Sequence[str]


_SCHEMA = "src/palaver/stores/sqlite/migrations/0001_foundation.sql"

FAULTS: Sequence[Fault] = (
    Fault(
        name="words are shown before they are written",
        breaks="persist, then emit",
        edits=[
            Edit(
                file="src/palaver/ticker.py",
                old="            watch = await self._store.append_deltas([delta for _, delta in ticks])\n",
                new="            self._announce(ticks, Watch())\n"
                "            watch = await self._store.append_deltas([delta for _, delta in ticks])\n",
            )
        ],
        tests=["tests/engine/test_resume.py::test_what_is_emitted_was_persisted_first"],
    ),
    Fault(
        name="a live stream resumes one event too late",
        breaks="I8",
        edits=[
            Edit(
                file="src/palaver/feed.py",
                old="return [event for event in events if event.seq > seq]",
                new="return [event for event in events if event.seq > seq + 1]",
            )
        ],
        tests=["tests/engine/test_resume.py"],
    ),
    Fault(
        name="the stored stream resumes one event too early",
        breaks="I8",
        edits=[
            Edit(
                file="src/palaver/reader.py",
                old="return await self._store.read_log(tenant_id, turn_id, after=after, limit=PAGE_EVENTS, deleted=True)",
                new="return await self._store.read_log(tenant_id, turn_id, after=max(0, after - 1), limit=PAGE_EVENTS)",
            )
        ],
        tests=["tests/engine/test_resume.py"],
    ),
    Fault(
        name="a stop throws the text away",
        breaks="I11",
        edits=[
            Edit(
                file="src/palaver/worker.py",
                old="        parts = self._draft.parts()\n",
                new="        parts = () if outcome.reason else self._draft.parts()\n",
            )
        ],
        tests=["tests/unit/test_turns.py", "tests/engine/test_machine.py"],
    ),
    Fault(
        name="a send is acknowledged before its commit",
        breaks="I1",
        edits=[
            Edit(
                file="src/palaver/stores/sqlite/writer.py",
                old="            if connection.in_transaction:\n"
                '                connection.execute("COMMIT")\n'
                "        except BaseException:\n",
                new="            deliver(answers)\n"
                "            threading.Event().wait(0.02)\n"
                "            if connection.in_transaction:\n"
                '                connection.execute("COMMIT")\n'
                "        except BaseException:\n",
            )
        ],
        tests=["tests/engine/test_resume.py", "tests/crash/test_kills.py"],
    ),
    Fault(
        name="strict writes are committed like cheap ones",
        breaks="I1 when the power fails",
        edits=[
            Edit(
                file="src/palaver/stores/sqlite/writer.py",
                old='"FULL" if any(job.strict for job in group) else "NORMAL"',
                new='"NORMAL"',
            )
        ],
        tests=["tests/unit/test_sqlite_failures.py", "tests/unit/test_sqlite_schema.py"],
    ),
    Fault(
        name="a server starts on a store that can lose what was acknowledged",
        breaks="what an acknowledgement means",
        edits=[Edit(file="src/palaver/hub/root.py", old="if health.risks and not allowed:", new="if False:")],
        tests=["tests/unit/test_guarantee.py"],
    ),
    Fault(
        name="a backup is of no one moment",
        breaks="a backup is a store",
        edits=[Edit(file="src/palaver/stores/sqlite/backup.py", old='            reading.execute("BEGIN")\n', new="")],
        tests=["tests/unit/test_backup.py"],
    ),
    Fault(
        name="a backup is not looked at",
        breaks="a backup is a store",
        edits=[
            Edit(file="src/palaver/stores/sqlite/backup.py", old="                _check(writing, source)\n", new="")
        ],
        tests=["tests/unit/test_backup.py"],
    ),
    Fault(
        name="a store is replaced while it is open",
        breaks="a restore loses nothing",
        edits=[Edit(file="src/palaver/stores/sqlite/backup.py", old="        _fold(target)\n", new="        pass\n")],
        tests=["tests/unit/test_backup.py"],
    ),
    Fault(
        name="there is no unique key",
        breaks="I2",
        edits=[
            Edit(
                file="src/palaver/stores/sqlite/queries/turns.sql",
                old="AND k.key = :key",
                new="AND k.key = :key || '?'",
            ),
            Edit(file=_SCHEMA, old="CREATE UNIQUE INDEX turns_by_key", new="CREATE INDEX turns_by_key"),
        ],
        tests=["tests/conformance/test_sqlite.py"],
    ),
    Fault(
        name="the same key takes another body",
        breaks="I3",
        edits=[
            Edit(
                file="src/palaver/stores/openings.py",
                old="if once is None or fingerprint != once.fingerprint:",
                new="if once is None:",
            )
        ],
        tests=["tests/engine/test_machine.py"],
    ),
    Fault(
        name="seq leaves a gap",
        breaks="I4",
        edits=[Edit(file="src/palaver/stores/sqlite/begin.py", old="last_seq=seq,", new="last_seq=seq + 1,")],
        tests=["tests/engine/test_machine.py"],
    ),
    Fault(
        name="two turns run in one conversation",
        breaks="I5",
        edits=[
            Edit(
                file="src/palaver/stores/openings.py",
                old="if running_id is None and not waiting:",
                new="if not waiting:",
            ),
            Edit(file=_SCHEMA, old="CREATE UNIQUE INDEX turns_running", new="CREATE INDEX turns_running"),
        ],
        tests=["tests/crash/test_same_key.py"],
    ),
    Fault(
        name="a lease never expires",
        breaks="I6",
        edits=[
            Edit(
                file="src/palaver/stores/endings.py",
                old="(lease_until or 0) < now",
                new="(lease_until or 0) < 0",
            )
        ],
        tests=["tests/engine/test_machine.py"],
    ),
    Fault(
        name="a crash throws the text away",
        breaks="I7",
        edits=[
            Edit(
                file="src/palaver/stores/endings.py",
                old="draft = draft_of(line.event for line in log)",
                new="draft = draft_of(line.event for line in log[:1])",
            )
        ],
        tests=["tests/engine/test_machine.py", "tests/crash/test_kills.py"],
    ),
    Fault(
        name="a tick is written without a look at the fence",
        breaks="one worker a turn",
        edits=[
            Edit(
                file="src/palaver/stores/sqlite/turn_logs.py",
                old="if row is None or row[1] != fence or row[2] != TurnStatus.RUNNING:",
                new="if row is None:",
            )
        ],
        tests=["tests/conformance/test_sqlite.py"],
    ),
    Fault(
        name="a turn is finished without a look at the fence",
        breaks="one worker a turn",
        edits=[
            Edit(
                file="src/palaver/stores/sqlite/turn_ends.py",
                old="if ending is None or ending.state.status != TurnStatus.RUNNING or ending.state.fence != claim.fence:",
                new="if ending is None:",
            )
        ],
        tests=["tests/conformance/test_sqlite.py"],
    ),
    Fault(
        name="a caller that leaves takes its turn along",
        breaks="I11",
        edits=[
            Edit(file="src/palaver/turns.py", old="return await asyncio.shield(storing)", new="return await storing"),
        ],
        tests=["tests/engine/test_leaving.py"],
    ),
    Fault(
        name="a stop from another process is not looked for",
        breaks="I11",
        edits=[
            Edit(
                file="src/palaver/turns.py",
                old="self._obey(await self._store.watch_turns(quiet))",
                new="await self._store.watch_turns(quiet)",
            )
        ],
        tests=["tests/crash/test_many_servers.py"],
    ),
    Fault(
        name="a model is called again after its first words",
        breaks="I13",
        edits=[
            Edit(
                file="src/palaver/models/patience.py",
                old="                if attempt.spoke:\n                    raise\n",
                new="",
            )
        ],
        tests=["tests/unit/test_model_patience.py"],
    ),
    Fault(
        name="the tenant is forgotten when a conversation is read",
        breaks="I14",
        edits=[
            Edit(
                file="src/palaver/stores/sqlite/queries/conversations.sql",
                old="SELECT {conversation_columns} FROM {conversation_tables}\n"
                "WHERE c.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL",
                new="SELECT {conversation_columns} FROM {conversation_tables}\n"
                "WHERE c.id = :id AND :tenant_id <> '' AND c.deleted_at IS NULL",
            )
        ],
        tests=["tests/server/test_tenant_walk.py"],
    ),
    Fault(
        name="the tenant is forgotten when a turn is read",
        breaks="I14",
        edits=[
            Edit(
                file="src/palaver/stores/sqlite/queries/turns.sql",
                old="t.id = :id AND c.tenant_id = :tenant_id AND c.deleted_at IS NULL AND t.deleted_at IS NULL",
                new="t.id = :id AND :tenant_id <> '' AND c.deleted_at IS NULL AND t.deleted_at IS NULL",
            )
        ],
        tests=["tests/server/test_tenant_walk.py"],
    ),
    Fault(
        name="the tenant is forgotten in a search",
        breaks="I14",
        edits=[
            Edit(
                file="src/palaver/stores/sqlite/search.py",
                old="""return f'{{scope}} : "{tenant_word(tenant_id)}"'""",
                new='return "{scope} : t*"',
            ),
            Edit(
                file="src/palaver/stores/sqlite/search.py",
                old="AND f.rowid {sign} :start AND c.tenant_id = :tenant_id",
                new="AND f.rowid {sign} :start AND :tenant_id <> ''",
            ),
        ],
        tests=["tests/conformance/test_sqlite.py"],
    ),
    Fault(
        name="words are written behind others that the store refused",
        breaks="I6, I8 when the store is down",
        edits=[
            Edit(
                file="src/palaver/worker.py",
                old="self._has_spoken or self._is_lost or self._unwritten:",
                new="self._has_spoken or self._is_lost:",
            )
        ],
        tests=["tests/crash/test_unwritable.py"],
    ),
    Fault(
        name="what a database lost is not written again",
        breaks="I7, I10 when the database crashes",
        edits=[
            Edit(
                file="src/palaver/worker.py",
                old="        if self._unwritten:\n            outcome = replace(outcome, events=recent, behind=None)\n",
                new="",
            )
        ],
        tests=["tests/crash/test_unwritable.py"],
    ),
    Fault(
        name="a drain forgets those who wait",
        breaks="I6",
        edits=[
            Edit(
                file="src/palaver/turns.py",
                old="await self._store.cancel_queued(self.owner, InterruptReason.SHUTDOWN)",
                new="()",
            )
        ],
        tests=["tests/crash/test_drain.py"],
    ),
    Fault(
        name="a copy that was cut begins a shelf anew",
        breaks="a copy goes on where it was",
        edits=[
            Edit(
                file="src/palaver/transfer.py",
                old="await self._note(replace(self._mark, after=page.next))",
                new="await self._note(replace(self._mark, after=None))",
            )
        ],
        tests=["tests/transfer/test_cuts.py::test_a_copy_that_fails_anywhere_goes_on"],
    ),
    Fault(
        name="the proof looks at one store only",
        breaks="a copy is proved",
        edits=[
            Edit(
                file="src/palaver/proof.py",
                old="target=counted[1].sums)",
                new="target=counted[0].sums)",
            )
        ],
        tests=["tests/unit/test_copy.py"],
    ),
)


def put_in(fault: Fault, tree: Path) -> None:
    """Make the edits of a fault in a tree.

    Raises:
        LookupError: A text is not there, or is there more than once.
    """
    for edit in fault.edits:
        path = tree / edit.file
        text = path.read_text()
        if text.count(edit.old) != 1:
            raise LookupError(f"«{fault.name}»: {text.count(edit.old)} places in {edit.file} hold {edit.old!r}")
        path.write_text(text.replace(edit.old, edit.new))


def _run(tests: Sequence[str], tree: Path, *, timeout_seconds: int) -> tuple[bool, str]:
    """Run tests in a tree. Returns whether they passed, and the last line of what they said."""
    env = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--hypothesis-profile",
        "fail-fast",
        *tests,
    ]
    try:
        done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        return False, f"hung for {timeout_seconds} s"
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest could not run {tests}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    said = [
        line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
    ] or done.stdout.splitlines()
    return done.returncode == 0, said[-1].strip()


def _survives(fault: Fault, folder: Path) -> bool:
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=_NOT_COPIED)
    begun = time.monotonic()
    try:
        put_in(fault, tree)
        passed, said = _run(fault.tests, tree, timeout_seconds=TIMEOUT_SECONDS)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    verdict = "SURVIVED" if passed else "caught"
    print(f"{verdict:9} {time.monotonic() - begun:5.0f} s  {fault.name} ({fault.breaks}): {said[:140]}", flush=True)
    return passed


def _sound(faults: Sequence[Fault], folder: Path) -> bool:
    """Whether the tests pass without a fault: a test that fails anyway catches nothing."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=_NOT_COPIED)
    tests = sorted({test for fault in faults for test in fault.tests})
    passed, said = _run(tests, tree, timeout_seconds=SOUND_TIMEOUT_SECONDS)
    shutil.rmtree(tree, ignore_errors=True)
    print(f"{'sound' if passed else 'UNSOUND':9}          without any fault: {said}", flush=True)
    return passed


def main(argv: Sequence[str]) -> int:
    """Try the faults asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="", help="only faults whose name holds this word")
    parser.add_argument("--list", action="store_true", help="name the faults and leave")
    arguments = parser.parse_args(argv)
    faults = [fault for fault in FAULTS if arguments.word in fault.name]
    if arguments.list:
        print("\n".join(f"{fault.name} ({fault.breaks})" for fault in faults))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not _sound(faults, folder):
            return 1
        survivors = [fault for fault in faults if _survives(fault, folder)]
    print(f"{len(faults) - len(survivors)} of {len(faults)} faults were caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
