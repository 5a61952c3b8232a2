"""Other systems' exports: their trees become turns and branches, their ids stay the same from one reading to the next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from palaver.compat import chatgpt, open_webui
from palaver.conversation import Role
from palaver.ids import new_id
from palaver.imports.tree import Node, Tree, lines_of, schema_line
from palaver.stores.records import MessageRecord, TurnRecord
from palaver.wire.lines import incoming

BOT = new_id("bot")


def _message(role: str, text: str, at: float | None = 1_700_000_000.0, **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    return {"author": {"role": role}, "create_time": at, "content": content, **more}


def _chatgpt() -> list[dict[str, Any]]:
    hidden = {"is_visually_hidden_from_conversation": True}
    tool = {"recipient": "browser", "content": {"content_type": "code", "text": "search()"}}
    image = {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}, "And this?"]}
    nodes = {
        "root": (None, None),
        "sys": ("root", _message("system", "", metadata=hidden)),
        "u1": ("sys", _message("user", "Where to?", 1_700_000_001.5)),
        "a1": ("u1", _message("assistant", "Rome.", metadata={"model_slug": "gpt-4"})),
        "a1x": ("u1", _message("assistant", "Paris.")),
        "u2": ("a1", {**_message("user", ""), "content": image}),
        "a2": ("u2", _message("assistant", "A dog.")),
        "u2e": ("a1", _message("user", "And when?", None)),
        "t2": ("u2e", {**_message("assistant", ""), **tool}),
        "tool": ("t2", _message("tool", "weather")),
        "a2a": ("tool", _message("assistant", "Let me see.")),
        "a2b": ("a2a", _message("assistant", "May.")),
    }
    mapping = {
        name: {"id": name, "parent": parent, "message": message, "children": []}
        for name, (parent, message) in nodes.items()
    }
    chat = {"conversation_id": "c-1", "title": "Trip", "create_time": 1_700_000_000.25, "update_time": 1_700_000_100.0}
    return [{**chat, "current_node": "a2b", "mapping": mapping}]


def _open_webui() -> list[dict[str, Any]]:
    messages = {
        "m1": {"parentId": None, "role": "user", "content": "Hi?", "timestamp": 1_700_000_001},
        "m2": {
            "parentId": "m1",
            "role": "assistant",
            "content": "Hello.",
            "model": "llama3",
            "timestamp": 1_700_000_002,
        },
        "m2b": {
            "parentId": "m1",
            "role": "assistant",
            "content": "Hey.",
            "model": "llama3",
            "timestamp": 1_700_000_003,
        },
    }
    old = [{"role": "user", "content": [{"type": "text", "text": "Old?"}]}, {"role": "assistant", "content": "Yes."}]
    return [
        {
            "id": "w-2",
            "title": "New",
            "created_at": 1_700_000_000,
            "archived": True,
            "chat": {"history": {"messages": messages, "currentId": "m2"}},
        },
        {"id": "w-1", "title": "Old", "chat": {"timestamp": 1_600_000_000_000, "messages": old}},
    ]


def _turns(tree: Tree) -> list[tuple[str | None, str | None, bool]]:
    """Return question, answer and whether it is shown, of every turn of a tree, as they come in."""
    (found,) = incoming([schema_line(), *lines_of(tree, BOT)])
    said = {each.message.id: each for each in found.inside if isinstance(each, MessageRecord)}
    turns = []
    for record in found.inside:
        if isinstance(record, TurnRecord):
            question, answer = [said.get(each or "") for each in (record.turn.user_message_id, record.turn.message_id)]
            last = answer or question
            assert last is not None
            turns.append((question and question.message.text, answer and answer.message.text, last.on_path))
    return turns


def test_chatgpt_s_tree_becomes_turns() -> None:
    """Regenerated answers and edited questions are branches; tools and hidden messages are no turns; what is said in several
    pieces is one answer; the path ends where it ended there."""
    data = _chatgpt()
    assert chatgpt.is_export(data)
    assert not open_webui.is_export(data)
    (tree,) = chatgpt.trees(data)
    assert (tree.title, tree.started_at) == ("Trip", datetime.fromtimestamp(1_700_000_000.25, UTC))
    assert _turns(tree) == [
        ("Where to?", "Rome.", True),
        ("And this?", "A dog.", False),
        ("And when?", "Let me see.\n\nMay.", True),
        ("Where to?", "Paris.", False),
    ]
    (found,) = incoming([schema_line(), *lines_of(tree, BOT)])
    assert found.conversation.conversation.message_count == 7
    assert found.conversation.conversation.metadata == {"imported_from": "chatgpt", "imported_id": "c-1"}


def test_open_webui_s_chats_become_conversations() -> None:
    """Trees, and the lists of older files; the oldest first; an archived one is archived."""
    data = _open_webui()
    assert open_webui.is_export(data)
    assert not chatgpt.is_export(data)
    old, new = open_webui.trees(data)
    assert _turns(old) == [("Old?", "Yes.", True)]
    assert old.started_at == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
    assert _turns(new) == [("Hi?", "Hello.", True), ("Hi?", "Hey.", False)]
    assert (new.archived, new.last_activity_at) == (True, datetime.fromtimestamp(1_700_000_003, UTC))


def test_the_same_file_is_the_same_conversations_again() -> None:
    """Ids hang on the file and on the bot: read twice they are equal, for another bot they are others."""
    (tree,) = chatgpt.trees(_chatgpt())
    assert lines_of(tree, BOT) == lines_of(tree, BOT)
    other = lines_of(tree, new_id("bot"))
    assert not {line["id"] for line in lines_of(tree, BOT)} & {line["id"] for line in other}


def _grown(choices: list[tuple[int, int]]) -> Iterator[Node]:
    """Yield nodes, each below one of those before it."""
    numbers = count(1)
    yield Node(id="0", parent_id=None, role=None)
    for parent, role in choices:
        number = next(numbers)
        kind = (Role.USER, Role.ASSISTANT, None)[role]
        yield Node(id=str(number), parent_id=str(parent % number), role=kind, text=f"text {number}")


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 2)), max_size=30), st.integers(0, 40))
@example([(0, 1), (0, 0), (1, 0), (1, 1)], 4).via("an answer that goes on in one branch and is asked about in another")
def test_every_tree_can_be_imported(choices: list[tuple[int, int]], current: int) -> None:
    """Whatever it looks like: all that was said is there, and what is shown is the way from its root to where it ended."""
    nodes = {node.id: node for node in _grown(choices)}
    at = datetime(2026, 1, 1, tzinfo=UTC)
    current_id = str(current % len(nodes))
    tree = Tree(source="x", id="1", title="", started_at=at, last_activity_at=at, nodes=nodes, current_id=current_id)
    lines = lines_of(tree, BOT)
    said = [node.text for node in nodes.values() if node.role is not None]
    if not said:
        assert lines == []
        return
    (found,) = incoming([schema_line(), *lines])
    texts = [each.message.text for each in found.inside if isinstance(each, MessageRecord)]
    assert {text for joined in texts for text in joined.split("\n\n")} == set(said)
    shown, each_id = [], nodes[current_id].id
    while each_id is not None:
        shown.append(nodes[each_id])
        each_id = nodes[each_id].parent_id
    path = [node.text for node in reversed(shown) if node.role is not None]
    on_path = [each.message.text for each in found.inside if isinstance(each, MessageRecord) and each.on_path]
    assert [text for joined in on_path for text in joined.split("\n\n")][: len(path)] == path
