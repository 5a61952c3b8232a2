"""Figures of several stretches of time, added up."""

from __future__ import annotations

from collections import Counter

from palaver.figures import Figures, Spread

GOOD = 4
"""From this rating on, feedback is positive."""


class Totals:
    """What conversations come to within all the stretches that were added."""

    def __init__(self) -> None:
        self.conversations = self.turns = self.questions = self.answers = 0
        self.input_tokens = self.output_tokens = 0
        self._failed = 0
        self._stars: Counter[int] = Counter()
        self._response = _Mean()
        self._first_token = _Mean()

    def add(self, figures: Figures) -> None:
        """Add a stretch."""
        self.conversations += figures.conversations
        self.turns += figures.turns
        self.questions += figures.questions
        self.answers += figures.answers
        self.input_tokens += figures.input_tokens
        self.output_tokens += figures.output_tokens
        self._failed += figures.failed
        for ratings in (figures.conversation_ratings, figures.message_ratings):
            self._stars.update({int(stars): count for stars, count in ratings.counts.items()})
        self._response.add(figures.response_seconds)
        self._first_token.add(figures.first_token_seconds)

    @property
    def messages(self) -> int:
        """Questions and answers."""
        return self.questions + self.answers

    @property
    def rated(self) -> int:
        """How many ratings there are, of conversations and of messages."""
        return self._stars.total()

    @property
    def rating(self) -> float | None:
        """The mean of all ratings."""
        return round(sum(stars * count for stars, count in self._stars.items()) / self.rated, 3) if self.rated else None

    @property
    def positive_percent(self) -> float:
        """How many of the ratings are good."""
        return _percent(sum(count for stars, count in self._stars.items() if stars >= GOOD), self.rated)

    @property
    def failed_percent(self) -> float:
        """How many of the turns failed."""
        return _percent(self._failed, self.turns)

    @property
    def response_seconds(self) -> float | None:
        """The mean time of an answer."""
        return self._response.mean

    @property
    def first_token_seconds(self) -> float | None:
        """The mean time until an answer began."""
        return self._first_token.mean


class _Mean:
    def __init__(self) -> None:
        self._count = 0
        self._seconds = 0.0

    def add(self, spread: Spread) -> None:
        self._count += spread.count
        self._seconds += spread.count * (spread.mean or 0.0)

    @property
    def mean(self) -> float | None:
        return round(self._seconds / self._count, 3) if self._count else None


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
