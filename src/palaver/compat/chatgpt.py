"""The data export of ChatGPT: ``conversations.json``, by itself or in the zip file that comes by mail.

A conversation is a ``mapping`` of nodes, each with its parent and perhaps a message; ``current_node`` is where what is shown
ends. Images and files are left out: the export names them, and tells no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from palaver.conversation import Role
from palaver.imports.tree import Node, Tree

SOURCE = "chatgpt"
_ROLES: Mapping[str, Role] = {"user": Role.USER, "assistant": Role.ASSISTANT}
_SHOWN = frozenset({"text", "multimodal_text"})
"""The kinds of content that a person sees as what was said: not thoughts, code that was run, and what tools answered."""


def is_export(data: object) -> bool:
    """Whether this is such a file."""
    return isinstance(data, list) and bool(data) and all(isinstance(each, dict) and "mapping" in each for each in data)


def trees(data: Sequence[Mapping[str, Any]]) -> list[Tree]:
    """Return its conversations, the oldest first.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is not such a file after all.
    """
    return sorted(map(_tree, data), key=lambda tree: tree.started_at)


def _tree(chat: Mapping[str, Any]) -> Tree:
    started_at = _time(chat.get("create_time")) or datetime.fromtimestamp(0, UTC)
    return Tree(
        source=SOURCE,
        id=str(chat.get("conversation_id") or chat["id"]),
        title=str(chat.get("title") or ""),
        started_at=started_at,
        last_activity_at=_time(chat.get("update_time")) or started_at,
        archived=chat.get("is_archived") is True,
        nodes={name: _node(name, node) for name, node in chat["mapping"].items()},
        current_id=chat.get("current_node"),
    )


def _node(name: str, node: Mapping[str, Any]) -> Node:
    message: Mapping[str, Any] = node.get("message") or {}
    metadata: Mapping[str, Any] = message.get("metadata") or {}
    content: Mapping[str, Any] = message.get("content") or {}
    is_shown = content.get("content_type") in _SHOWN and not metadata.get("is_visually_hidden_from_conversation")
    to_all = message.get("recipient", "all") == "all"
    role = _ROLES.get((message.get("author") or {}).get("role", "")) if is_shown and to_all else None
    return Node(
        id=name,
        parent_id=node.get("parent"),
        role=role,
        text="\n\n".join(part for part in content.get("parts") or () if isinstance(part, str) and part),
        at=_time(message.get("create_time")),
        model=str(metadata.get("model_slug") or ""),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(float(seconds), UTC)
