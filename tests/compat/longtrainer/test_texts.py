"""The pure parts: prompts, what is sent as a question, and CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.compat.longtrainer import sheets
from palaver.compat.longtrainer.bots import built
from palaver.compat.longtrainer.options import BotDefaults, name_of, named_embedding, named_model
from palaver.compat.longtrainer.prompts import CUSTOMER_SUPPORT, DEFAULT, instructions_of
from palaver.compat.longtrainer.questions import Asked, composed, read
from palaver.compat.longtrainer.refusals import INSTEAD, NotOffered, UnknownId, not_offered
from palaver.compat.longtrainer.translate import Answer, unfenced
from palaver.errors import FeatureAbsent, InvalidInput, NotFound

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
FILES = st.lists(
    st.fixed_dictionaries({"name": TEXTS, "type": TEXTS, "extracted_text": TEXTS}, optional={"url": TEXTS}), max_size=3
)


@given(query=TEXTS, files=FILES)
def test_a_question_is_told_from_its_files(query: str, files: list[dict[str, str]]) -> None:
    """Whatever their texts hold, the query and the files are read as they were sent, with a schema and a correction, too."""
    asked = Asked(query=query, files=tuple(files))
    for text in (composed(asked), composed(asked, schema={"type": "object"}, correction="No.")):
        found = read(text)
        assert (found.query, list(found.files)) == (query, files)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        '\n\n--- file {"characters": 5} ---\nfour',
        '\n\n--- file {"characters": -1} ---\n',
        '\n\n--- file {"characters": true} ---\nx',
        "\n\n--- file {} ---\n",
        "\n\n--- file {broken} ---\n",
        '\n\n--- file {"characters": 1} ---\nx and more',
    ],
)
def test_what_only_looks_like_a_file_is_a_question(text: str) -> None:
    """A text whose sections do not add up is a query and nothing more."""
    assert read(text) == Asked(query=text)


@pytest.mark.parametrize("file", [{}, {"name": 1}, {"name": "a", "extracted_text": 1}, {"name": "a", "made": object()}])
def test_a_file_that_is_none_is_refused(file: dict[str, object]) -> None:
    """``invalid_file``, before anything is sent."""
    with pytest.raises(InvalidInput) as refused:
        composed(Asked(query="x", files=(file,)))
    assert refused.value.code == "invalid_file"


@pytest.mark.parametrize(
    ("template", "instructions"),
    [
        ("Be kind.", "Be kind."),
        ("Be kind.\n{context}\nBe brief.", "Be kind.\nBe brief."),
        ("Know this: {context}", "Know this:"),
        ("Be kind.\nChat History: {chat_history}\nQuestion: {question}", "Be kind."),
        ('Answer as {{"a": 1}}.', 'Answer as {"a": 1}.'),
        ("\n\nBe kind.\n\nBe brief.\n", "Be kind.\n\nBe brief."),
    ],
)
def test_a_template_is_instructions_without_placeholders(template: str, instructions: str) -> None:
    """Doubled braces are braces; a line that held a placeholder alone is gone."""
    assert instructions_of(template) == instructions


@pytest.mark.parametrize(
    "template", ["", "{context}", "{question}", "{other} x", "{} x", "a { b", "a } b", "{a.b[0]} x"]
)
def test_a_template_that_can_not_be_filled_is_refused(template: str) -> None:
    """An unknown placeholder, a lone brace, or nothing but placeholders."""
    with pytest.raises(InvalidInput):
        instructions_of(template)


def test_what_we_say_ourselves_has_no_placeholder() -> None:
    """The prompts that bots get where none is given."""
    for template in (DEFAULT, CUSTOMER_SUPPORT):
        assert "{" in template
        assert "{" not in instructions_of(template)


def test_a_build_changes_what_it_names() -> None:
    """A type of agent is its prompt, unless another one is given; with neither nothing changes."""
    nothing = built(None, None, agent_mode=False, has_tools=False)
    support = built(None, "customer_support", agent_mode=False, has_tools=False)
    own = built("Mine.", "customer_support", agent_mode=False, has_tools=False)
    assert (nothing, support, own) == (
        {},
        {"instructions": instructions_of(CUSTOMER_SUPPORT)},
        {"instructions": "Mine."},
    )
    for agent_type, agent_mode, has_tools in (("coding", False, False), (None, True, False), (None, False, True)):
        with pytest.raises(NotOffered):
            built(None, agent_type, agent_mode=agent_mode, has_tools=has_tools)
    with pytest.raises(InvalidInput, match="customer_support"):
        built(None, "spy", agent_mode=False, has_tools=False)


def test_a_model_is_named_with_its_provider() -> None:
    """OpenAI's where none is named; a provider that has no name here is refused; with no model the store's default is meant."""
    assert named_model(None, None) is None
    assert named_model("openai", None) is None
    assert named_model(None, "gpt-4o") == "openai:gpt-4o"
    assert named_model("groq", "llama") == "groq:llama"
    assert named_embedding("ollama", "nomic") == "ollama:nomic"
    for refused in (lambda: named_model("anthropic", "x"), lambda: named_embedding("groq", "x")):
        with pytest.raises(NotOffered):
            refused()


def test_an_embedding_is_named_by_what_it_is() -> None:
    """Another class or model is another name; the name is one that a bot may have."""

    class Near:
        model = "tiny é:"

    assert name_of(Near()) == "longtrainer/Near/tiny-"
    assert BotDefaults(embedding=name_of(Near())).fields()["retrieval"] == {
        "k": 3,
        "embedding": "longtrainer/Near/tiny-",
    }


def test_refusals_are_errors_of_both_kinds() -> None:
    """Ours, and those that a program that was written for LongTrainer expects; each says what to do instead."""
    assert {NotFound, ValueError} <= set(UnknownId.__mro__)
    assert {FeatureAbsent, NotImplementedError} <= set(NotOffered.__mro__)
    for name, instead in INSTEAD.items():
        assert str(not_offered(name)) == f"{name}: {instead}"


def test_an_answer_is_a_pair_and_its_text() -> None:
    """It unpacks as one document shows it, and prints as the other."""
    answer, sources = Answer("Blue.", ["Sky"])
    assert (answer, sources, str(Answer("Blue.", ["Sky"]))) == ("Blue.", ["Sky"], "Blue.")


@pytest.mark.parametrize(
    ("text", "inside"),
    [("{}", "{}"), ("```json\n{}\n```", "{}"), (" ```\n[1,\n2]\n``` ", "[1,\n2]"), ("x ```\n1\n```", "x ```\n1\n```")],
)
def test_a_fence_around_an_answer_goes(text: str, inside: str) -> None:
    """One that is around all of it."""
    assert unfenced(text) == inside


def test_exports_are_formula_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history, a vision history and a DataFrame become CSV in which no cell is a formula; a second file does not replace the first."""
    monkeypatch.chdir(tmp_path)
    history = [{"question": "=1+1", "answer": 'He said "no".'}]
    first = sheets.write("bot_1", sheets.table_of(history))
    second = sheets.write("bot_1", sheets.table_of([{"question": "What?", "response": "A cat."}]))
    third = sheets.write("bot_1", sheets.table_of(pd.DataFrame({"Question": ["=2"], "Answer": [3]})))
    assert len({first, second, third}) == 3
    assert Path(first).read_bytes() == b'"Question","Answer"\r\n"\'=1+1","He said ""no""."\r\n'
    assert Path(second).read_bytes() == b'"Question","Answer"\r\n"What?","A cat."\r\n'
    assert Path(third).read_bytes() == b'"Question","Answer"\r\n"\'=2","3"\r\n'
    sheets.remove("bot_1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("chats", [None, "text", 1, [1], [{"answer": "x"}]])
def test_what_is_no_history_is_not_exported(chats: object) -> None:
    """``invalid_type``."""
    with pytest.raises(InvalidInput):
        sheets.table_of(chats)
