"""What Open WebUI exports of its chats: ``chat-export-….json``, of one person or of all.

The messages of a chat are a tree, ``chat.history``: each has its ``parentId``, and ``currentId`` is the last one that is shown.
Older files have a list alone. Images and files are left out: they are kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from palaver.conversation import Role
from palaver.imports.tree import Node, Tree

SOURCE = "open_webui"
_ROLES: Mapping[str, Role] = {"user": Role.USER, "assistant": Role.ASSISTANT}
_MILLISECONDS = 100_000_000_000
"""A time that is larger counts milliseconds, as some versions do."""


def is_export(data: object) -> bool:
    """Whether this is such a file."""
    return isinstance(data, list) and bool(data) and all(isinstance(each, dict) and "chat" in each for each in data)


def trees(data: Sequence[Mapping[str, Any]]) -> list[Tree]:
    """Return its conversations, the oldest first.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is not such a file after all.
    """
    return sorted(map(_tree, data), key=lambda tree: tree.started_at)


def _tree(kept: Mapping[str, Any]) -> Tree:
    chat: Mapping[str, Any] = kept["chat"]
    history: Mapping[str, Any] = chat.get("history") or {}
    nodes = {name: _node(name, message) for name, message in (history.get("messages") or {}).items()}
    current_id = history.get("currentId")
    if not nodes:
        nodes = _chain(chat.get("messages") or ())
        current_id = next(reversed(nodes), None)
    times = [node.at for node in nodes.values() if node.at is not None]
    epoch = datetime.fromtimestamp(0, UTC)
    started_at = _time(kept.get("created_at") or chat.get("timestamp")) or min(times, default=epoch)
    return Tree(
        source=SOURCE,
        id=str(kept.get("id") or chat["id"]),
        title=str(kept.get("title") or chat.get("title") or ""),
        started_at=started_at,
        last_activity_at=_time(kept.get("updated_at")) or max(times, default=started_at),
        archived=kept.get("archived") is True,
        nodes=nodes,
        current_id=current_id,
    )


def _chain(messages: Sequence[Mapping[str, Any]]) -> dict[str, Node]:
    """Return the nodes of a list: each follows the one before."""
    found: dict[str, Node] = {}
    for number, message in enumerate(messages):
        name = str(message.get("id") or number)
        found[name] = _node(name, {**message, "parentId": next(reversed(found), None)})
    return found


def _node(name: str, message: Mapping[str, Any]) -> Node:
    content = message.get("content")
    pieces = [content] if isinstance(content, str) else [each.get("text") or "" for each in content or ()]
    return Node(
        id=name,
        parent_id=message.get("parentId"),
        role=_ROLES.get(message.get("role", "")),
        text="\n\n".join(piece for piece in pieces if piece),
        at=_time(message.get("timestamp")),
        model=str(message.get("model") or ""),
    )


def _time(value: float | None) -> datetime | None:
    if not value:
        return None
    seconds = float(value) / 1000 if float(value) > _MILLISECONDS else float(value)
    return datetime.fromtimestamp(seconds, UTC)
