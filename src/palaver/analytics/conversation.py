"""What one conversation comes to, counted from its rows when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from statistics import fmean

from palaver.analytics.spread import ratings_of, spread_of_times
from palaver.analytics.topics import Topics
from palaver.conversation import Conversation, Message, Role, Turn, TurnStatus
from palaver.figures import ConversationAnalytics, Flow, MessageStatistics, Quality
from palaver.page import PAGE_LIMIT_MAX, Window
from palaver.stores.base import Store
from palaver.stores.records import Inside, MessageRecord, Record, TurnRecord


class ConversationReader:
    """Reads conversations. A page of one is in memory, and a few numbers of each turn and message."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, tenant_id: str, conversation_id: str) -> ConversationAnalytics:
        """Return what a conversation comes to now. Raises ``NotFound``."""
        conversation = await self._store.get_conversation(tenant_id, conversation_id)
        turns = [turn async for turn in self._turns(tenant_id, conversation_id)]
        reading = Reading()
        async for messages in self._messages(tenant_id, conversation_id):
            await asyncio.to_thread(reading.take, messages)
        return reading.result(conversation, sorted(turns, key=lambda turn: turn.index))

    async def _turns(self, tenant_id: str, conversation_id: str) -> AsyncIterator[Turn]:
        async for page in self._pages(Inside.TURNS, tenant_id, conversation_id):
            for record in page:
                if isinstance(record, TurnRecord) and record.deleted_at is None:
                    yield record.turn

    async def _messages(self, tenant_id: str, conversation_id: str) -> AsyncIterator[Sequence[Message]]:
        async for page in self._pages(Inside.MESSAGES, tenant_id, conversation_id):
            yield [each.message for each in page if isinstance(each, MessageRecord) and each.deleted_at is None]

    async def _pages(self, inside: Inside, tenant_id: str, conversation_id: str) -> AsyncIterator[Sequence[Record]]:
        window: Window | None = Window(limit=PAGE_LIMIT_MAX)
        while window is not None:
            page = await self._store.page_inside(inside, tenant_id, conversation_id, window)
            yield page.data
            window = None if page.next is None else replace(window, after=page.next)


class Reading:
    """What is gathered of the messages of a conversation, a page at a time."""

    def __init__(self) -> None:
        self._topics = Topics()
        self._lengths: dict[Role, list[int]] = {role: [] for role in Role}
        self._ratings: list[int] = []
        self._last_at: datetime | None = None

    def take(self, messages: Sequence[Message]) -> None:
        """Add messages, in their order."""
        for message in messages:
            text = message.text
            self._topics.add(text)
            self._lengths[message.role].append(len(text))
            self._last_at = message.created_at
            if message.rating is not None:
                self._ratings.append(message.rating)

    def result(self, conversation: Conversation, turns: Sequence[Turn]) -> ConversationAnalytics:
        """Return what all comes to."""
        ended = [turn for turn in turns if turn.status.is_terminal]
        asked = [turn for turn in ended if turn.model]
        return ConversationAnalytics(
            conversation_id=conversation.id,
            bot_id=conversation.bot_id,
            messages=self._statistics(),
            flow=self._flow(conversation, ended),
            quality=self._quality(conversation, ended),
            input_tokens=sum(turn.usage.input_tokens for turn in ended),
            output_tokens=sum(turn.usage.output_tokens for turn in ended),
            cost_micro=sum(turn.usage.cost_micro or 0 for turn in ended),
            unpriced_turns=sum(turn.usage.cost_micro is None for turn in asked),
            topics=self._topics.best(),
        )

    def _statistics(self) -> MessageStatistics:
        user, assistant = self._lengths[Role.USER], self._lengths[Role.ASSISTANT]
        return MessageStatistics(
            total=len(user) + len(assistant),
            user=len(user),
            assistant=len(assistant),
            average_length=_mean([*user, *assistant]),
            average_user_length=_mean(user),
            average_assistant_length=_mean(assistant),
        )

    def _flow(self, conversation: Conversation, ended: Sequence[Turn]) -> Flow:
        last_at = max(turn.finished_at or turn.created_at for turn in ended) if ended else None
        until = conversation.ended_at or last_at or self._last_at or conversation.started_at
        completed = [turn for turn in ended if turn.model and turn.status is TurnStatus.COMPLETED]
        return Flow(
            turns=len(ended),
            duration_seconds=_seconds(conversation.started_at, until),
            response_seconds=spread_of_times([_seconds(turn.created_at, turn.finished_at) for turn in completed]),
            first_token_seconds=spread_of_times(
                [_seconds(turn.created_at, turn.first_token_at) for turn in ended if turn.model and turn.first_token_at]
            ),
            longest_pause_seconds=max(
                (_seconds(one.finished_at, other.created_at) for one, other in pairwise(ended)),
                default=None,
            ),
        )

    def _quality(self, conversation: Conversation, ended: Sequence[Turn]) -> Quality:
        of_status = {status: [turn for turn in ended if turn.status is status] for status in TurnStatus}
        completed = of_status[TurnStatus.COMPLETED]
        counts = {str(stars): self._ratings.count(stars) for stars in set(self._ratings)}
        return Quality(
            rating=conversation.rating,
            message_ratings=ratings_of(counts),
            completed=len(completed),
            interrupted=len(of_status[TurnStatus.INTERRUPTED]),
            failed=len(of_status[TurnStatus.FAILED]),
            unfound=sum(bool(turn.model and turn.context and not turn.context.chunks) for turn in completed),
        )


def _seconds(since: datetime | None, until: datetime | None) -> float:
    """Return how long it was; 0 where clocks disagree."""
    return max((until - since).total_seconds(), 0.0) if since and until else 0.0


def _mean(numbers: Sequence[int]) -> float | None:
    return fmean(numbers) if numbers else None
