"""Whether two pairs say nearly the same. Pure.

A pair has a fingerprint of 64 bits by the method of Charikar (similarity estimation by random projections, 2002): each
word and each two words in a row push every bit up or down, by their hash; texts that share most of them share most bits.
Half of the bits are the question's and half the answer's, so that a long answer does not outweigh a short question.

Two fingerprints are alike if at most three bits differ (``stores.pairs``). Then one of their four quarters is the same in
both (Manku, Jain and Das Sarma, 2007), so that only those with a quarter in common are compared. A quarter has bits of both
halves: a thousand answers to one question don't share one.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice, pairwise

from palaver.stores.pairs import are_alike, quarters_of

FEATURES_MAX = 256
"""How many words and pairs of words of a text count: the sums of so many bytes fit two bytes."""
_HALF_BITS = 32
_EVERY_SECOND_BYTE = int.from_bytes(b"\x00\xff" * _HALF_BITS, "big")
_MEAN_BYTE = 127.5
_WORD = re.compile(r"\w+")


def fingerprint_of(question: str, answer: str) -> str:
    """Return the fingerprint of a pair: 16 hex digits. Case, punctuation and the number of blanks don't show in it."""
    halves = zip(_bits(question), _bits(answer), strict=True)
    bits = ((of_question << 1 | of_answer) << 2 * place for place, (of_question, of_answer) in enumerate(halves))
    return f"{sum(bits):016x}"


def _bits(text: str) -> Iterator[bool]:
    features = list(islice(_features(text), FEATURES_MAX))
    total = sum(int.from_bytes(blake2b(feature.encode()).digest(), "big") & _EVERY_SECOND_BYTE for feature in features)
    sums = struct.unpack(f"<{_HALF_BITS}H", total.to_bytes(2 * _HALF_BITS, "little"))
    return (each > _MEAN_BYTE * len(features) for each in sums)


def _features(text: str) -> Iterator[str]:
    words = _WORD.findall(text.casefold()) or text.split()
    yield from words
    yield from map(" ".join, pairwise(words))


class Seen:
    """Fingerprints that were met: eight bytes by each of its quarters for one."""

    def __init__(self) -> None:
        self._quarters: dict[tuple[int, str], array[int]] = {}

    def __contains__(self, fingerprint: str) -> bool:
        """Whether one that is alike was met."""
        number = int(fingerprint, 16)
        met = (other for quarter in quarters_of(fingerprint) for other in self._quarters.get(quarter, ()))
        return any(are_alike(number, other) for other in met)

    def add(self, fingerprint: str) -> None:
        """Note that one was met."""
        for quarter in quarters_of(fingerprint):
            self._quarters.setdefault(quarter, array("Q")).append(int(fingerprint, 16))
