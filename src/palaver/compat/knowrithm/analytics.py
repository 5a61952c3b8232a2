"""What Knowrithm's analytics say, from the figures of the hub."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, TypeVar

from palaver.bot import Bot
from palaver.clock import SystemClock, from_micros
from palaver.compat.knowrithm.answers import Record
from palaver.compat.knowrithm.paging import Rows, each, those
from palaver.compat.knowrithm.schemas import Export, Period
from palaver.compat.knowrithm.totals import Totals
from palaver.compat.knowrithm.translate import STATUS, conversation_record, lead_record
from palaver.conversation import ConversationStatus
from palaver.entity import Entity, EntityType
from palaver.figures import FiguresReport, FiguresRow
from palaver.jsonable import encode
from palaver.surface import Hub

T = TypeVar("T")
DAYS_AT_ONCE = 400
"""The longest time that the hub tells figures of at once."""
_TOP = 10


async def _all(rows: Rows[T]) -> list[T]:
    async with aclosing(rows):
        return [row async for row in rows]


def _now() -> datetime:
    return from_micros(SystemClock().micros())


async def _reports(hub: Hub, period: Period, by: str, bot_id: str | None = None) -> AsyncIterator[FiguresReport]:
    """Yield the figures of a period, stretch by stretch; without a begin it is that of the first conversation."""
    about: dict[str, Any] = {} if bot_id is None else {"bot_id": bot_id}
    until = period.end_date or _now()
    since = period.start_date
    if since is None:
        first = await hub.conversations.list(sort="started_at", order="asc", limit=1, **about)
        since = first.data[0].started_at if first.data else until
    since = since.replace(
        minute=since.minute // 15 * 15, second=0, microsecond=0
    )  # stretches are whole quarters of an hour
    while since < until:
        end = min(until, since + timedelta(days=DAYS_AT_ONCE))
        yield await hub.analytics.figures(by=by, from_=since, to=end, **about)
        since = end


async def totals(hub: Hub, period: Period, bot_id: str | None = None) -> Totals:
    """Return what all conversations of a period come to, or those with one bot."""
    found = Totals()
    async for report in _reports(hub, period, "total", bot_id):
        found.add(report.total)
    return found


async def _days(hub: Hub, period: Period) -> list[FiguresRow]:
    reports = [report async for report in _reports(hub, period, "day")]
    return [row for report in reports for row in report.rows if row.figures.turns]


async def of_conversation(hub: Hub, conversation_id: str) -> Record:
    """Return the figures of a conversation; ``duration_minutes`` is from its begin to its end, or to what was done last."""
    conversation = await hub.conversations.get(conversation_id)
    figures = await hub.analytics.conversation(conversation_id)
    messages, flow, quality = figures.messages, figures.flow, figures.quality
    return {
        "conversation_id": conversation.id,
        "status": conversation.status.value,
        "message_statistics": {
            "total_messages": messages.total,
            "user_message_count": messages.user,
            "agent_message_count": messages.assistant,
            "avg_message_length": messages.average_length,
        },
        "conversation_flow": {
            "started_at": encode(conversation.started_at),
            "ended_at": encode(conversation.ended_at),
            "duration_minutes": flow.duration_seconds / 60,
            "avg_response_time_seconds": flow.response_seconds.mean,
            "avg_first_response_time_seconds": flow.first_token_seconds.mean,
        },
        "quality_metrics": {
            "satisfaction_rating": quality.rating,
            "feedback": conversation.feedback,
            "avg_message_rating": quality.message_ratings.average,
            "rated_messages": quality.message_ratings.count,
            "failed_answers": quality.failed,
        },
        "topic_analysis": {"detected_topics": [topic.term for topic in figures.topics]},
    }


async def of_agent(hub: Hub, bot: Bot, period: Period) -> Record:
    """Return the figures of an agent in a period."""
    found = await totals(hub, period, bot.id)
    return {
        "agent_id": bot.id,
        "agent_name": bot.name,
        "conversation_metrics": {
            "total_conversations": found.conversations,
            "total_messages": found.messages,
            "avg_messages_per_conversation": round(found.messages / max(1, found.conversations), 2),
        },
        "performance_metrics": {
            "avg_response_time_seconds": found.response_seconds,
            "avg_first_response_time_seconds": found.first_token_seconds,
        },
        "quality_metrics": {
            "avg_satisfaction_rating": found.rating,
            "positive_feedback_percent": found.positive_percent,
            "total_ratings": found.rated,
        },
    }


async def comparison(hub: Hub, bot: Bot, period: Period) -> Record:
    """Return an agent beside the mean of all agents."""
    own, everything = await totals(hub, period, bot.id), await totals(hub, period)
    bots = len(await _all(each(hub.bots.list)))
    pairs = {
        "conversations": (float(own.conversations), everything.conversations / max(1, bots)),
        "satisfaction_rating": (own.rating, everything.rating),
        "response_time": (own.response_seconds, everything.response_seconds),
    }
    return {
        "agent_id": bot.id,
        "performance_comparison": {name: _beside(*pair) for name, pair in pairs.items()},
    }


def _beside(own: float | None, average: float | None) -> Record:
    above = round(100 * (own - average) / average, 2) if own is not None and average else 0.0
    return {"agent_value": own, "company_average": average, "performance_vs_average_percent": above}


async def dashboard(hub: Hub) -> Record:
    """Return what there is, and what was done today (since midnight UTC) and this week (since Monday)."""
    today = _now().replace(hour=0, minute=0, second=0, microsecond=0)
    week = today - timedelta(days=today.weekday())
    found = await totals(hub, Period())
    lately = await totals(hub, Period(start_date=today))
    statuses = Counter([one.status async for one in each(hub.conversations.list)])
    leads = await _leads(hub, Period())
    core = {
        "agents": {"total": len(await _all(each(hub.bots.list)))},
        "conversations": {"total": statuses.total(), "active": statuses[ConversationStatus.ACTIVE]},
        "messages": {"total": found.messages, "today": lately.messages},
        "leads": {"total": len(leads), "this_week": sum(lead.created_at >= week for lead in leads)},
    }
    by_status = {status.value: count for status, count in statuses.items()}
    return {**core, "core_metrics": core, "conversation_analytics": await _conversations(hub, found, by_status)}


async def _conversations(hub: Hub, found: Totals, by_status: Record) -> Record:
    top = await hub.conversations.list(sort="message_count", limit=_TOP)
    return {
        "conversation_status": by_status,
        "message_analytics": {
            "total_messages": found.messages,
            "average_processing_time": found.response_seconds,
            "average_rating": found.rating,
        },
        "message_roles": {"user": found.questions, "assistant": found.answers},
        "activity_timeline": [{"date": row.key, "messages": _said(row)} for row in await _days(hub, Period())],
        "top_conversations": [{"id": one.id, "title": one.title, "message_count": one.message_count} for one in top],
    }


def _said(row: FiguresRow) -> int:
    return row.figures.questions + row.figures.answers


async def usage(hub: Hub, period: Period) -> Record:
    """Return how much was asked: a call is a message that a model was to answer."""
    found = await totals(hub, period)
    mean = found.response_seconds
    return {
        "api_usage": {
            "total_api_calls": found.turns,
            "avg_response_time_ms": None if mean is None else round(mean * 1000, 1),
            "error_rate_percent": found.failed_percent,
        },
        "token_usage": {"input_tokens": found.input_tokens, "output_tokens": found.output_tokens},
    }


async def _leads(hub: Hub, period: Period) -> list[Entity]:
    def fits(entity: Entity) -> bool:
        return entity.type is EntityType.LEAD and _within(entity.created_at, period)

    return await _all(those(each(hub.entities.list), fits))


def _within(moment: datetime, period: Period) -> bool:
    since, until = period.start_date, period.end_date
    return (since is None or since <= moment) and (until is None or moment < until)


async def of_leads(hub: Hub, period: Period) -> Record:
    """Return how many leads there are, how many are ``converted``, and from which ``source`` they came."""
    leads = await _leads(hub, period)
    sources = Counter(str(lead.metadata["source"]) for lead in leads if lead.metadata.get("source"))
    converted = sum(lead.metadata.get(STATUS) == "converted" for lead in leads)
    rate = round(100 * converted / len(leads), 2) if leads else 0.0
    return {
        "lead_summary": {"total_leads": len(leads), "converted_leads": converted},
        "conversion_funnel": {"overall_conversion_rate_percent": rate},
        "top_performing_sources": [{"source": name, "count": count} for name, count in sources.most_common(_TOP)],
    }


async def exported(hub: Hub, wanted: Export) -> list[Record]:
    """Return the records that are to be exported: a conversation, a lead, an agent or a day each."""
    match wanted.type:
        case "leads":
            return [lead_record(lead) for lead in await _leads(hub, wanted)]
        case "agents":
            return [_flat(await of_agent(hub, bot, wanted)) for bot in await _all(each(hub.bots.list))]
        case "usage":
            return [{"date": row.key, "api_calls": row.figures.turns} for row in await _days(hub, wanted)]
        case _:
            asked = {"created_after": wanted.start_date, "created_before": wanted.end_date}
            given = {name: moment for name, moment in asked.items() if moment is not None}
            return [conversation_record(one) async for one in each(hub.conversations.list, **given)]


def _flat(figures: Record) -> Record:
    parts = {name: value for part in figures.values() if isinstance(part, dict) for name, value in part.items()}
    return {name: value for name, value in figures.items() if not isinstance(value, dict)} | parts
