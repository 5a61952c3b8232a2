"""The log of a turn: written tick by tick under the fence, read by anyone, dropped a day after the end."""

from __future__ import annotations

from collections.abc import Sequence

from palaver.conversation import InterruptReason, TurnStatus
from palaver.errors import NotFound
from palaver.stores.endings import log_of
from palaver.stores.orders import Claim, Delta, TurnLog, Watch
from palaver.stores.rows import event_of, turn_of
from palaver.stores.sqlite.log_place import SEQ_MAX, log_columns
from palaver.stores.sqlite.transaction import Transaction
from palaver.stores.sqlite.turn_ends import state_of, stored_message


class _Watching:
    """Gathers what the workers of a batch must know."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._stale: set[str] = set()
        self._stopping: dict[str, InterruptReason] = {}

    def own(self, tenant_id: str, turn_id: str, fence: int) -> int | None:
        """Return the integer key of a turn whose fence holds; None if it is stale."""
        row = self._tx.row("fence", id=turn_id, tenant_id=tenant_id)
        if row is None or row[1] != fence or row[2] != TurnStatus.RUNNING:
            self._stale.add(turn_id)
            return None
        if row[3] is not None:
            self._stopping[turn_id] = InterruptReason(row[3])
        return int(row[0])

    def result(self) -> Watch:
        """What was seen."""
        return Watch(stale=frozenset(self._stale), stopping=self._stopping)


def append(tx: Transaction, batch: Sequence[Delta]) -> Watch:
    """``TurnRows.append_deltas``"""
    watching = _Watching(tx)
    rows = []
    for delta in batch:
        turn_n = watching.own(delta.tenant_id, delta.turn_id, delta.fence)
        if turn_n is not None:
            rows += log_columns(turn_n, delta.events, tx.now)
    if rows:
        tx.run_many("insert_log", rows)
    return watching.result()


def watch(tx: Transaction, claims: Sequence[Claim]) -> Watch:
    """``TurnRows.watch_turns``"""
    watching = _Watching(tx)
    for claim in claims:
        watching.own(claim.tenant_id, claim.turn.id, claim.fence)
    return watching.result()


def renew(tx: Transaction, claims: Sequence[Claim], lease_seconds: float) -> Watch:
    """``TurnRows.renew_leases``"""
    watching = _Watching(tx)
    lease_micros = int(lease_seconds * 1_000_000)
    for claim in claims:
        turn_n = watching.own(claim.tenant_id, claim.turn.id, claim.fence)
        if turn_n is not None:
            tx.run("renew_lease", n=turn_n, lease_until=tx.now + lease_micros, lease_micros=lease_micros)
    return watching.result()


def read_log(
    tx: Transaction,
    tenant_id: str,
    turn_id: str,
    stretch: tuple[int, int],
    *,
    deleted: bool = False,
    even_expired: bool = False,
) -> TurnLog | None:
    """``TurnRows.read_log`` of (after, limit); None where the lease has expired, unless ``even_expired``."""
    after, limit = stretch
    row = tx.row("turn_even_deleted" if deleted else "turn", id=turn_id, tenant_id=tenant_id)
    if row is None:
        raise NotFound
    state = state_of(row)
    if state.has_expired(tx.now) and not even_expired:
        return None
    turn = turn_of(row)
    events = tuple(event_of(line) for line in tx.rows("log", turn_n=state.n, after=min(after, SEQ_MAX), limit=limit))
    end = tx.row("log_end", turn_n=state.n)
    return log_of(
        turn,
        (stored_message(tx, turn.user_message_id), stored_message(tx, turn.message_id)),
        events,
        queued=bool(state.queued),
        ended_seq=state.last_seq,
        log_end=end[0] if end else None,
    )


def expire(tx: Transaction, *, older_than_seconds: float, limit: int) -> int:
    """``TurnRows.expire_logs``: turns are looked at in the order of their making, up to the first that is too young."""
    cutoff = tx.now - int(older_than_seconds * 1_000_000)
    dropped, turn_n = 0, 0
    while dropped < limit:
        first = tx.row("first_logged_turn", after=turn_n)
        if first is None or first[0] is None:
            return dropped
        turn_n = first[0]
        times = tx.row("end_of_turn", n=turn_n)
        if times is not None and times[0] > cutoff:
            return dropped
        if times is None or (times[1] is not None and times[1] <= cutoff):
            tx.run("delete_log", turn_n=turn_n)
            dropped += 1
    return dropped
