"""Vectors of length one that are all looked at for every question, kept twice in FAISS: coarse and fine.

Reading all of them is what a search costs, so that is done on a byte a number, in integers: a quarter of the time of
float16 (100,000 of 384 numbers: 2.2 ms instead of 7.3). The best few of that, more than are asked for, are then compared
as float16, and the score is theirs. Both together are 3 bytes a number (115 MB).

A byte has few steps, and an embedding may put most of a vector's length into one number. So the coarse vectors are turned
first, by a rotation drawn at random: angles stay as they are, and every number is about as large as every other one. Without
it a range that cuts nothing lost a third of what is near where one number was far larger than the rest, and a range that
cuts lost some where most were 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import faiss
    import numpy as np

BYTES_A_NUMBER = 3
_STEPS = 127
_RANGE = 5
"""How far the coarse numbers reach, times their root mean square."""
_TURNED_TOGETHER = 128
_COMPARED = 4
_COMPARED_MIN = 256
"""How many are compared as float16: so many times what is asked for, so many at least."""
_AT_ONCE = 8192


class FlatVectors:
    """Vectors of one length, by their place. Removing closes the gap.

    Args:
        fine: Those that are there at first.
    """

    def __init__(self, fine: faiss.IndexScalarQuantizer) -> None:
        self._fine = fine
        self.dimension = int(fine.d)
        self._rotation = _Rotation(self.dimension)
        self._scale = _STEPS / min(1.0, _RANGE / math.sqrt(self.dimension))
        self._coarse = _quantizer(self.dimension, "QT_8bit_direct_signed")
        for start in range(0, fine.ntotal, _AT_ONCE):
            self._coarse.add(self._coarse_of(fine.reconstruct_n(start, min(_AT_ONCE, fine.ntotal - start))))

    @classmethod
    def empty(cls, dimension: int) -> FlatVectors:
        """Return none, of this length."""
        return cls(_quantizer(dimension, "QT_fp16"))

    @property
    def fine(self) -> faiss.IndexScalarQuantizer:
        """What has to be kept to have them again."""
        return self._fine

    def add(self, vectors: np.ndarray[Any, Any]) -> None:
        """Append some, of length one."""
        self._fine.add(vectors)
        self._coarse.add(self._coarse_of(vectors))

    def remove(self, gone: Any) -> None:
        """Remove those that a FAISS selector names."""
        self._fine.remove_ids(gone)
        self._coarse.remove_ids(gone)

    def nearest(self, asked: np.ndarray[Any, Any], k: int, among: Any = None) -> list[tuple[int, float]]:
        """Return the ``k`` places nearest to one of length one, with their inner products, best first.

        ``among`` are FAISS's parameters of a search that say which places count.
        """
        import faiss
        import numpy as np

        # For one question at a time a second thread is slower than none where the machine has anything else to do. The
        # setting is this thread's own.
        faiss.omp_set_num_threads(1)
        number = min(max(_COMPARED * k, _COMPARED_MIN), self._fine.ntotal)
        [found] = self._coarse.search(self._coarse_of(asked.reshape(1, -1)), number, params=among)[1]
        places = np.sort(found[found >= 0])  # of equals the first comes first
        scores = self._fine.reconstruct_batch(places) @ asked
        best = np.argsort(-scores, kind="stable")[:k]
        return list(zip(places[best].tolist(), scores[best].tolist(), strict=True))

    def _coarse_of(self, vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import numpy as np

        steps = self._rotation.turned(vectors)
        steps *= self._scale
        np.rint(steps, out=steps)
        return np.clip(steps, -_STEPS, _STEPS, out=steps)


class _Rotation:
    """Turns vectors: their numbers are dealt into groups, and each group is turned by itself, which is faster than all as one."""

    def __init__(self, dimension: int) -> None:
        import numpy as np

        chance = np.random.default_rng(dimension)
        self._deal = np.array_split(chance.permutation(dimension), math.ceil(dimension / _TURNED_TOGETHER))
        drawn = (chance.normal(size=(len(group), len(group))) for group in self._deal)
        self._turns = [np.linalg.qr(each)[0].astype("<f4") for each in drawn]

    def turned(self, vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import numpy as np

        groups = zip(self._deal, self._turns, strict=True)
        return np.hstack([vectors[:, group] @ turn for group, turn in groups])


def _quantizer(dimension: int, kind: str) -> faiss.IndexScalarQuantizer:
    import faiss

    return faiss.IndexScalarQuantizer(dimension, getattr(faiss.ScalarQuantizer, kind), faiss.METRIC_INNER_PRODUCT)
