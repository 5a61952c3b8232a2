"""The vectors of a bot by one embedding, in memory: FAISS, inner products with all of them, of length one (``flat.py``).

An approximate index (IVF) would read a tenth, but has to be trained, drifts as documents come and go, and misses some of
what is nearest; it begins to pay where a bot has several hundred thousand chunks, and there pgvector is the better place.
A graph (HNSW) can't forget, and documents are deleted here.

The rows of a document lie side by side in the order in which documents were added; removing one closes the gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from palaver.document import ChunkKey
from palaver.errors import EmbeddingFailed
from palaver.metadata import fits
from palaver.page import Slice, Window
from palaver.retrieval.flat import BYTES_A_NUMBER, FlatVectors
from palaver.retrieval.lookup import Scored
from palaver.retrieval.mirror import Mirror, Source, all_of
from palaver.stores.knowledge_orders import Vector

if TYPE_CHECKING:
    import faiss
    import numpy as np

_ROW_BYTES = 12
"""What is kept beside a vector: to which document it belongs, and which chunk it is of."""


class FaissMirror(Mirror[Vector]):
    """All vectors of one bot by one embedding.

    Args:
        keep: Writes it to a file.

    Attributes:
        kept_revision: That of the file.
    """

    def __init__(self, embedding: str, *, keep: Callable[[FaissMirror], None] | None = None) -> None:
        import faiss  # noqa: F401  # here, in a thread, and not in the middle of the first answer
        import numpy as np

        super().__init__()
        self.embedding = embedding
        self._keep = keep
        self.kept_revision = 0
        self._flat: FlatVectors | None = None
        self._numbers: dict[str, int] = {}
        self._names: dict[int, tuple[str, int]] = {}
        self._next_number = 0
        self._owners = np.empty(0, np.int32)
        self._ordinals = np.empty(0, np.int64)

    @property
    def size_bytes(self) -> int:
        """See ``Mirror``."""
        return len(self._owners) * (self.dimension * BYTES_A_NUMBER + _ROW_BYTES)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has; 0 while there is none."""
        return 0 if self._flat is None else self._flat.dimension

    async def read(self, source: Source, document_id: str, version: int) -> Sequence[Vector]:
        """See ``Mirror``."""

        async def page(window: Window) -> Slice[Vector]:
            return await source.store.page_vectors(source.tenant_id, (document_id, version), self.embedding, window)

        return await all_of(page)

    def add(self, document_id: str, version: int, rows: Sequence[Vector]) -> None:
        """See ``Mirror``. Vectors of another length than those that are here are left out: no question can be near them."""
        import faiss
        import numpy as np

        length = self.dimension * 4 or (len(rows[0].vector) if rows else 0)
        rows = [row for row in rows if len(row.vector) == length]
        self.put_rows(document_id, version, [row.key.ordinal for row in rows])
        if rows:
            vectors = np.frombuffer(b"".join(row.vector for row in rows), "<f4").reshape(len(rows), -1).copy()
            faiss.normalize_L2(vectors)
            self._flat = self._flat or FlatVectors.empty(vectors.shape[1])
            self._flat.add(vectors)

    def put_rows(self, document_id: str, version: int, ordinals: Sequence[int]) -> None:
        """Note whose the next rows of the index are, and which."""
        import numpy as np

        number = self._next_number
        self._next_number += 1
        self._numbers[document_id] = number
        self._names[number] = (document_id, version)
        self._owners = np.append(self._owners, np.full(len(ordinals), number, np.int32))
        self._ordinals = np.append(self._ordinals, np.asarray(ordinals, np.int64))

    def put_index(self, index: faiss.Index | None) -> None:
        """Take over the vectors of all rows that were noted. Raises ``ValueError`` where they are not those."""
        import faiss

        rows = 0 if index is None else index.ntotal
        if rows != len(self._owners) or not (index is None or isinstance(index, faiss.IndexScalarQuantizer)):
            raise ValueError(rows)
        self._flat = None if index is None else FlatVectors(index)

    def remove(self, document_id: str) -> None:
        """See ``Mirror``."""
        number = self._numbers.pop(document_id)
        del self._names[number]
        gone = self._owners == number
        if self._flat is not None and gone.any():
            self._flat.remove(_selector(gone))
        self._owners, self._ordinals = self._owners[~gone], self._ordinals[~gone]
        if not len(self._owners):
            self._flat = None  # the next vectors may be of another length

    def clear(self) -> None:
        """See ``Mirror``."""
        self._flat = None
        self._numbers.clear()
        self._names.clear()
        self._owners, self._ordinals = self._owners[:0], self._ordinals[:0]

    def put_away(self) -> None:
        """See ``Mirror``."""
        if self._keep is not None and self.revision != self.kept_revision:
            self._keep(self)
            self.kept_revision = self.revision

    def nearest(self, vector: bytes, k: int, where: Mapping[str, str]) -> Sequence[Scored]:
        """Return the nearest ``k`` chunks of documents with this metadata, best first; the score is the cosine.

        Raises:
            EmbeddingFailed: The vector is not as long as those that are here.
        """
        import numpy as np

        if self._flat is None:
            return []
        if len(vector) != self.dimension * 4:
            raise EmbeddingFailed("The embedding answers with vectors of another length than those that were stored.")
        asked = np.frombuffer(vector, "<f4")
        found = self._flat.nearest(asked / np.linalg.norm(asked), k, self._only(where))
        return [(self._key(place), score) for place, score in found]

    def documents(self) -> Iterable[tuple[str, list[int]]]:
        """Yield each document with the ordinals of its rows, in the order of the rows."""
        for document_id, number in self._numbers.items():
            yield document_id, self._ordinals[self._owners == number].tolist()

    @property
    def index(self) -> Any:
        """The vectors, None while there are none."""
        return None if self._flat is None else self._flat.fine

    def _key(self, place: int) -> ChunkKey:
        document_id, version = self._names[int(self._owners[place])]
        return ChunkKey(document_id, version, int(self._ordinals[place]))

    def _only(self, where: Mapping[str, str]) -> Any:
        import numpy as np

        if not where:
            return None
        numbers = [self._numbers[name] for name, held in self.held.items() if fits(held.metadata, where)]
        return _binding("SearchParameters", sel=_selector(np.isin(self._owners, numbers)))


def _selector(mask: np.ndarray[Any, Any]) -> Any:
    import numpy as np

    return _binding("IDSelectorBitmap", np.packbits(mask, bitorder="little"))


def _binding(name: str, *arguments: Any, **named: Any) -> Any:
    import faiss

    return getattr(faiss, name)(*arguments, **named)  # what FAISS's types say of these is not how Python calls them
