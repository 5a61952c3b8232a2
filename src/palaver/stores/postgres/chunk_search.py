"""Search by words: the chunks that a question is about, best first, whatever the size of the index.

How many chunks hold each stem is known (``bot_words``), so nothing is guessed. Chunks with the rarest stems are
candidates, as many stems as few enough chunks hold; the others only add to their rank. Where even the rarest stem is in
too many, chunks that hold several at once are. What is left, a common word that stands alone, is looked for in the newest
chunks only: any of very many is as good as any other. All candidates are ranked, nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from palaver.document import Hit
from palaver.errors import NotFound
from palaver.stores.knowledge_orders import ChunkQuery
from palaver.stores.knowledge_rows import CHUNK_WIDTH
from palaver.stores.postgres.chunk_rows import hit_of
from palaver.stores.postgres.lexemes import scope_of
from palaver.stores.postgres.listing import narrowing_of
from palaver.stores.postgres.session import Session
from palaver.stores.postgres.stems import SHARES, TS_RANK, inverse_frequency, stems_of

CANDIDATES = 2_000
"""How many chunks the index is asked for, at most (or about, where several stems have to meet)."""
WALKED = 1_000
"""How many of the newest chunks are looked through for stems that are in too many."""
_STEMS_READ = 64  # of a query, the first ones: a question is shorter
_TERMS = 12  # the rarest: what more there is changes nothing
_ALL = ""
_SIMILAR_ENOUGH = 0.3
_SIMILAR_WORDS = 3
_SPELT_LETTERS = 4  # shorter words are like too many others
_MISSPELT = 4  # of a query, the longest


class Term(NamedTuple):
    """A stem to look for: how many chunks hold it, and how well it fits what was asked (1: it is that)."""

    stem: str
    chunks: int
    fit: float


async def search(db: Session, tenant_id: str, query: ChunkQuery, *, spells: bool) -> Sequence[Hit]:
    """``ChunkRows.search_chunks``; ``spells``: there are trigrams to find misspelt words by."""
    if await db.row("bot", tenant_id=tenant_id, id=query.bot_id) is None:
        raise NotFound
    where = {"tenant_id": tenant_id, "bot_id": query.bot_id}
    stems = list(dict.fromkeys(stems_of(query.text)))[:_STEMS_READ]
    known = {row[0]: row[1] for row in await db.rows("known_words", **where, words=[_ALL, *stems])}
    total = known.pop(_ALL, 0)
    terms = [Term(stem, chunks, 1) for stem, chunks in known.items()]
    if spells:
        terms += await _spelt_otherwise(db, where, [stem for stem in stems if stem not in known])
    terms = sorted(terms, key=lambda term: term.chunks)[:_TERMS]
    if not terms:
        return ()
    rows = await db.select(*_statement(db, tenant_id, query, terms, total))
    whole = sum(_weight(term, total) for term in terms) * SHARES[-1] / TS_RANK
    return tuple(hit_of(row, score=min(row[CHUNK_WIDTH + 1] / whole, 1), rank=rank) for rank, row in enumerate(rows, 1))


async def _spelt_otherwise(db: Session, where: Mapping[str, str], unknown: Sequence[str]) -> list[Term]:
    """Return the stems that stand in the place of those that no chunk has."""
    words = sorted((stem for stem in unknown if len(stem) >= _SPELT_LETTERS), key=len, reverse=True)
    found = [term for word in words[:_MISSPELT] for term in await _similar(db, where, word)]
    return list({term.stem: term for term in found}.values())


async def _similar(db: Session, where: Mapping[str, str], word: str) -> list[Term]:
    first = word[0]
    rows = await db.rows(
        "similar_words",
        **where,
        word=word,
        first=first,
        beyond=chr(ord(first) + 1),
        shortest=len(word) - 2,
        longest=len(word) + 2,
        least=_SIMILAR_ENOUGH,
        limit=_SIMILAR_WORDS,
    )
    return [Term(stem, chunks, similarity) for stem, chunks, similarity in rows]


def _weight(term: Term, total: int) -> float:
    return term.fit * inverse_frequency(term.chunks, total)


class Candidates(NamedTuple):
    """What the index is asked for (a ``tsquery`` beside the scope; "" for nothing), and whether that leaves stems to walk for."""

    indexed: str
    walks: bool


def candidates_of(terms: Sequence[Term], total: int) -> Candidates:
    """Choose the candidates of a search; ``terms`` are ordered, the rarest first."""
    rare: list[str] = []
    room = CANDIDATES
    for term in terms:
        if term.chunks > room:
            break
        room -= term.chunks
        rare.append(_quoted(term))
    common = terms[len(rare) :]
    met = _meeting(common, total)
    return Candidates(" | ".join([*rare, *met]), walks=bool(common))


def _meeting(common: Sequence[Term], total: int) -> list[str]:
    """Return the fewest stems, the rarest of these, that so few chunks hold together that they can all be looked at."""
    for number in range(2, len(common) + 1):
        together = common[:number]
        if total * prod(term.chunks / total for term in together) <= CANDIDATES:
            return [f"({' & '.join(map(_quoted, together))})"]
    return []


def _quoted(term: Term) -> str:
    return f"'{term.stem}'"


def _statement(
    db: Session, tenant_id: str, query: ChunkQuery, terms: Sequence[Term], total: int
) -> tuple[str, dict[str, Any]]:
    chosen = candidates_of(terms, total)
    narrowing = narrowing_of(query.where, "d.metadata")
    scope = " & ".join(scope_of(tenant_id, query.bot_id))
    params: dict[str, Any] = {
        "tenant_id": tenant_id,
        "bot_id": query.bot_id,
        "k": query.k,
        "shares": list(SHARES),
        "indexed": f"{scope} & ({chosen.indexed or _NOTHING})",
        "any": " | ".join(map(_quoted, terms)),
        "walked": WALKED,
        **narrowing.params,
        **{f"stem_{number}": _quoted(term) for number, term in enumerate(terms)},
        **{f"weight_{number}": _weight(term, total) for number, term in enumerate(terms)},
    }
    candidates = f"{_INDEXED} UNION ALL {_newest(narrowing.sql)}" if chosen.walks else _INDEXED
    score = " + ".join(_score(number) for number in range(len(terms)))
    return _ranked(db, candidates, score, narrowing.sql), params


_NOTHING = "'@' & !'@'"
_INDEXED = """
SELECT w.document_id, w.fence, w.ordinal, w.words FROM chunk_words w
WHERE w.words @@ :indexed::text::tsquery AND w.tenant_id = :tenant_id
"""


def _newest(narrowed: str) -> str:
    # Document by document, and no further than the limit: OFFSET keeps the planner from reading all chunks first.
    return f"""
SELECT f.document_id, f.fence, f.ordinal, f.words FROM (
    SELECT w.* FROM (
        SELECT * FROM documents d
        WHERE d.tenant_id = :tenant_id AND d.bot_id = :bot_id AND d.deleted_at IS NULL AND d.ready_fence IS NOT NULL{narrowed}
        ORDER BY d.n DESC OFFSET 0
    ) d CROSS JOIN LATERAL (
        SELECT * FROM chunk_words w WHERE w.tenant_id = :tenant_id AND w.document_id = d.id AND w.fence = d.ready_fence
        ORDER BY w.ordinal LIMIT :walked
    ) w LIMIT :walked
) f WHERE f.words @@ (SELECT :any::text::tsquery) AND NOT f.words @@ (SELECT :indexed::text::tsquery)
"""  # noqa: S608 - constants


def _ranked(db: Session, candidates: str, score: str, narrowed: str) -> str:
    return f"""
SELECT {db.queries["chunk_columns"]}, d.title, w.score FROM (
    SELECT w.document_id, w.ordinal, {score} AS score FROM ({candidates}) w CROSS JOIN LATERAL (
        SELECT * FROM documents d
        WHERE d.tenant_id = :tenant_id AND d.id = w.document_id AND d.ready_fence = w.fence AND d.deleted_at IS NULL OFFSET 0
    ) d
    WHERE (d.source <> 'training' OR EXISTS (
        SELECT 1 FROM chunks c
        WHERE c.tenant_id = :tenant_id AND c.document_id = w.document_id AND c.fence = w.fence AND c.ordinal = w.ordinal
            AND {db.queries["turn_of_chunk_is_there"]}
    )){narrowed}
    ORDER BY score DESC, w.document_id, w.ordinal LIMIT :k
) w
JOIN documents d ON d.tenant_id = :tenant_id AND d.id = w.document_id
JOIN chunks c ON c.tenant_id = d.tenant_id AND c.document_id = d.id AND c.fence = d.ready_fence AND c.ordinal = w.ordinal
ORDER BY w.score DESC, w.document_id, w.ordinal
"""  # noqa: S608 - constants


def _score(number: int) -> str:
    # In a query of its own a word is read once, not for every row.
    return f"ts_rank(:shares::real[], w.words, (SELECT :stem_{number}::text::tsquery)) * :weight_{number}::float8"
