"""The quarters of the fingerprints of a bot's pairs: two that are alike have one in common. They are compared in the index.

A fingerprint is as good as drawn at random, so each quarter comes to a page of its own of a large index, and a page costs the
same for one quarter as for many. They are needed once a run is published, so they are written then, for many chunks at once
and in the order of the index: among 100,000 pairs that dirties half the pages of writing each with its chunk.
"""

from __future__ import annotations

from collections.abc import Iterator

from palaver.stores.knowledge_orders import ALIKE_AT_ONCE
from palaver.stores.pairs import are_alike, quarters_of
from palaver.stores.sqlite.transaction import Transaction

_AT_ONCE = 2_000
_SIGN, _ALL = 1 << 63, 1 << 64


def note_quarters(tx: Transaction, bot_n: int, document_n: int, fence: int, after: int) -> int | None:
    """Write those of the next chunks of a version behind an ordinal; return the last one's, None where there are no more."""
    made = {"document_n": document_n, "fence": fence}
    rows = tx.rows("fingerprints", **made, ordinal=after, limit=_AT_ONCE)
    places = sorted((quarter, n, fingerprint) for _, n, fingerprint in rows for quarter in _numbers(fingerprint))
    notes = ({"bot_n": bot_n, "quarter": quarter, "n": n, "fingerprint": _signed(text)} for quarter, n, text in places)
    tx.run_many("insert_quarter", notes)
    return rows[-1][0] if len(rows) == _AT_ONCE else None


def forget_quarters(tx: Transaction, bot_n: int, chunk_n: int, fingerprint: str) -> None:
    """Remove those of a chunk."""
    for quarter in _numbers(fingerprint):
        tx.run("forget_quarter", bot_n=bot_n, quarter=quarter, n=chunk_n)


def chunks_alike(tx: Transaction, bot_n: int, fingerprint: str) -> Iterator[int]:
    """Yield the chunks whose pair is like one: live ones and others."""
    one, two, three, four = _numbers(fingerprint)
    asked = {"one": one, "two": two, "three": three, "four": four}
    number = int(fingerprint, 16)
    for n, other in tx.rows("chunks_with_a_quarter", bot_n=bot_n, **asked, limit=ALIKE_AT_ONCE):
        if are_alike(number, other % _ALL):
            yield n


def _numbers(fingerprint: str) -> Iterator[int]:
    """The quarters as they are kept: where it stands, and its 16 bits."""
    return (place << 16 | int(digits, 16) for place, digits in quarters_of(fingerprint))


def _signed(fingerprint: str) -> int:
    number = int(fingerprint, 16)
    return number - _ALL if number >= _SIGN else number
