"""What a run uses: the pairs that no live training document has, without those that say nearly the same as another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from palaver.document import TrainedPair
from palaver.page import Window
from palaver.stores.knowledge_orders import Pair, TrainingFilter
from palaver.text import is_blank
from palaver.training.likeness import Seen
from palaver.training.means import Means
from palaver.training.pairs import Candidate, candidate_of, pair_of
from palaver.training.redaction import redacted

PAIRS_A_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a page of pairs came to: those to use, and the conversations of which no pair is left behind it."""

    used: Sequence[Candidate]
    done: Sequence[str]


class Selection:
    """One walk over the pairs of a bot.

    Attributes:
        used: How many pairs were chosen so far.
        duplicates: How many said nearly the same as another one.
        conversations: How many conversations the chosen ones are of.
    """

    def __init__(self, means: Means, tenant_id: str, wanted: TrainingFilter) -> None:
        self._means = means
        self._tenant_id = tenant_id
        self._wanted = wanted
        self._window: Window | None = Window(limit=PAIRS_A_PAGE)
        self._seen = Seen()
        self._unfinished: tuple[str, ...] = ()
        self._last_used: str | None = None
        self.used = self.duplicates = self.conversations = 0

    async def choose(self) -> Choice | None:
        """Choose among the next page of pairs. None when there are no more."""
        if self._window is None:
            return None
        page = await self._means.store.page_untrained(self._tenant_id, self._wanted, self._window)
        self._window = None if page.next is None else replace(self._window, after=page.next)
        used = await self._new(await self._candidates(page.data))
        self._count(used)
        return Choice(used=used, done=self._done(page.data))

    async def _candidates(self, pairs: Sequence[Pair]) -> Sequence[Candidate]:
        redact = self._means.redact
        questions = await redacted(redact, [pair.question.text for pair in pairs])
        answers = await redacted(redact, [pair.answer.text for pair in pairs])
        made = (pair_of(*each) for each in zip(pairs, questions, answers, strict=True))
        return await asyncio.to_thread(lambda: list(map(candidate_of, filter(_says_something, made))))

    async def _new(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        asked = [each.fingerprint for each in candidates]
        store = self._means.store
        trained = await store.alike_fingerprints(self._tenant_id, self._wanted.bot_id, asked)
        new = []
        for each in candidates:
            if each.fingerprint in trained or each.fingerprint in self._seen:
                self.duplicates += 1
            else:
                self._seen.add(each.fingerprint)
                new.append(each)
        return new

    def _count(self, used: Sequence[Candidate]) -> None:
        self.used += len(used)
        for each in used:
            self.conversations += each.pair.conversation_id != self._last_used
            self._last_used = each.pair.conversation_id

    def _done(self, pairs: Sequence[Pair]) -> Sequence[str]:
        met = tuple(dict.fromkeys((*self._unfinished, *(pair.answer.conversation_id for pair in pairs))))
        self._unfinished = () if self._window is None else met[-1:]
        return met if self._window is None else met[:-1]


def _says_something(pair: TrainedPair) -> bool:
    return not (is_blank(pair.question) or is_blank(pair.answer))
