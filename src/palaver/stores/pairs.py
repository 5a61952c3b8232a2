"""Which past turns a training run uses, and which of those used before are like them. Pure, for every store alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from palaver.conversation import Conversation, ConversationStatus, Message, text_of
from palaver.stores.knowledge_orders import Pair, TrainingFilter, TrainingPolicy

DISTANCE = 3
"""In how many bits two fingerprints that are alike may differ."""


def pair_of(conversation: Conversation, question: Message, answer: Message) -> Pair:
    """Return a turn as knowledge. The rating is the answer's, else its conversation's."""
    rating = conversation.rating if answer.rating is None else answer.rating
    return Pair(question=question, answer=answer, rating=rating)


def is_wanted(pair: Pair, status: ConversationStatus, wanted: TrainingFilter) -> bool:
    """Whether a run with this policy uses a completed turn; ``status`` is its conversation's."""
    if not (text_of(pair.question.parts) and text_of(pair.answer.parts)):
        return False
    match wanted.policy:
        case TrainingPolicy.ALL:
            return True
        case TrainingPolicy.RATED:
            return pair.rating is not None and pair.rating >= wanted.min_rating
        case TrainingPolicy.ENDED:
            return status is not ConversationStatus.ACTIVE


def are_alike(one: int, other: int) -> bool:
    """Whether two fingerprints, as numbers, are of pairs that say nearly the same: at most three bits differ."""
    return (one ^ other).bit_count() <= DISTANCE


def alike_among(fingerprints: Sequence[str], found: Iterable[str]) -> frozenset[str]:
    """Return those of some fingerprints that are like one of those found."""
    others = [int(each, 16) for each in found]
    return frozenset(each for each in fingerprints if any(are_alike(int(each, 16), other) for other in others))


def quarters_of(fingerprint: str) -> Iterator[tuple[int, str]]:
    """Yield the quarters of a fingerprint, each behind the number of the digits before it.

    Two that are alike have one in common: three bits that differ are in three of them at most.
    """
    return ((place, fingerprint[place : place + 4]) for place in range(0, 16, 4))
