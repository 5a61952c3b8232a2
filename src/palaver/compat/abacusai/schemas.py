"""What clients ask: the query and the body of a call together, by their names on the wire. A field that is null was not given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from palaver.errors import InvalidInput
from palaver.http.bodies import is_form, parse_form, parse_object, read_body, read_json
from palaver.serving import Caller
from palaver.wire.base import AnyId, ExternalId, Feedback, Instructions, MessageText, Name, SearchText, Wire
from palaver.wire.checking import check

A = TypeVar("A", bound="Asked")

SESSIONS_MAX = 600
"""How many sessions or conversations one call lists: the clients' own default."""
MESSAGES_MAX = 1_000
_SPOKEN: Mapping[object, bool] = {"True": True, "true": True, "False": False, "false": False}
_DIGITS_MAX = 18


def _boolean(value: object) -> object:
    """Python's clients write True and False into a query string."""
    return _SPOKEN.get(value, value) if isinstance(value, str) else value


def _integer(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
        return int(value)
    return value


Flag = Annotated[bool, BeforeValidator(_boolean)]
Count = Annotated[int, BeforeValidator(_integer), Field(ge=0)]
Json = dict[str, Any]


class Asked(Wire):
    """A call. ``deploymentToken`` was looked at at the door."""

    model_config = ConfigDict(alias_generator=to_camel)

    deployment_token: str | None = None


class OfDeployment(Asked):
    """A call about conversations, with one bot where it is named."""

    deployment_id: AnyId | None = None


class NewSession(Asked):
    """``createChatSession``. Without a project it is with the bot that is configured for that."""

    project_id: AnyId | None = None
    name: Name | None = None


class OneSession(Asked):
    """``getChatSession``, ``exportChatSession``."""

    chat_session_id: AnyId


class Sessions(Asked):
    """``listChatSessions``."""

    most_recent_per_project: Flag = False


class SessionName(OneSession):
    """``renameChatSession``."""

    name: Name


class SessionMessage(OneSession):
    """``deleteChatMessage``."""

    message_index: Count


class SessionSend(OneSession):
    """``sendChatMessage``."""

    message: MessageText


class NewConversation(OfDeployment):
    """``createDeploymentConversation``. Without a deployment it is with the bot that is configured for that."""

    name: Name | None = None
    external_application_id: ExternalId | None = None


class OneConversation(OfDeployment):
    """A conversation by its id or by the caller's own."""

    deployment_conversation_id: AnyId | None = None
    external_session_id: ExternalId | None = None


class ConversationView(OneConversation):
    """``getDeploymentConversation``: events from ``start`` on, at most ``limit``. The flags change nothing here."""

    start: Count = 0
    limit: Count | None = None
    filter_intermediate_conversation_events: Flag = True
    get_unused_document_uploads: Flag = False
    include_all_versions: Flag = False


class ConversationEvent(OneConversation):
    """``getDeploymentConversationEventSegments``: one event, by its index."""

    conversation_sequence_number: Count


class Conversations(OfDeployment):
    """``listDeploymentConversations``."""

    external_application_id: ExternalId | None = None
    limit: Annotated[int, BeforeValidator(_integer), Field(ge=1, le=SESSIONS_MAX)] = SESSIONS_MAX
    search: Annotated[SearchText, Field(min_length=1)] | None = None
    fetch_last_llm_info: Flag = False
    include_org_level_conversations: Flag = False


class ConversationName(OneConversation):
    """``renameDeploymentConversation``."""

    name: Name


class Clearing(OneConversation):
    """``clearDeploymentConversation``: the messages with these indices and their answers, or all."""

    user_message_indices: Annotated[list[Count], Field(min_length=1, max_length=MESSAGES_MAX)] | None = None


class ConversationFeedback(OneConversation):
    """``setDeploymentConversationFeedback``. ``feedbackType`` is taken and not kept."""

    message_index: Count
    is_useful: bool | None = None
    is_not_useful: bool | None = None
    feedback: Feedback | None = None
    feedback_type: str | None = None


class ChatConfig(Wire):
    """All of ``chatConfig`` that can be said here: streams have ``systemMessage`` in it."""

    behavior_instructions: Instructions | None = None


class Answering(Asked):
    """Who is to answer, and how. What would change the answer and can't be done here is refused by its name.

    Attributes:
        deployment_id: A bot's.
        num_completion_tokens: The most tokens of the answer.
        include_search_results: Whether a stream tells what was found in the documents.
        exclude_thinking_segments: Thoughts are never shown here.
    """

    deployment_id: AnyId
    num_completion_tokens: int | None = None
    temperature: float | None = None
    llm_name: str | None = None
    system_message: Instructions | None = None
    chat_config: ChatConfig | None = None
    filter_key_values: Json | None = None
    search_score_cutoff: float | None = None
    doc_infos: list[Any] | None = None
    user_info: Json | None = None
    ignore_documents: bool = False
    execute_usercode_tool: bool = False
    include_search_results: bool = False
    exclude_thinking_segments: bool = False

    def params(self) -> dict[str, Any]:
        """The parameters of the model, laid over the bot's."""
        given = {"temperature": self.temperature, "max_tokens": self.num_completion_tokens}
        return {name: value for name, value in given.items() if value is not None}

    def instructions(self) -> str | None:
        """What the model is told behind the bot's instructions."""
        configured = None if self.chat_config is None else self.chat_config.behavior_instructions
        return self.system_message if configured is None else configured


class ConversationSend(Answering):
    """``getConversationResponse`` and its stream. Without a conversation one begins."""

    message: MessageText
    deployment_conversation_id: AnyId | None = None
    external_session_id: ExternalId | None = None


class Said(Wire):
    """One message of a conversation that the client keeps itself."""

    is_user: bool
    text: MessageText


class Chat(Answering):
    """``getChatResponse`` and its stream: the messages so far, the last one by the user. Nothing is stored."""

    messages: Annotated[list[Said], Field(min_length=1, max_length=MESSAGES_MAX)]


async def read(caller: Caller, kind: type[A]) -> A:
    """Return what is asked: the query, and the body laid over it: a JSON object, or a form, whose lists and objects are JSON.

    Raises:
        InvalidInput: With the codes of our own API.
    """
    fields: dict[str, Any] = {}
    for name, text in caller.request.query_params.multi_items():
        if name in fields:
            raise InvalidInput(f"{name} is given twice.", path=name)
        fields[name] = text
    if caller.request.method == "POST":
        fields |= await _body(caller, kind)
    return check(kind, {name: value for name, value in fields.items() if value is not None})


async def _body(caller: Caller, kind: type[Asked]) -> Mapping[str, Any]:
    limit = caller.serving.settings.limits.body_bytes
    if not is_form(caller.request.headers.get("content-type")):
        return await read_json(caller.request, limit, optional=True)
    said = parse_form(await read_body(caller.request, limit))
    return {name: text if name in _texts(kind) else _spelled(text) for name, text in said.items()}


@cache
def _texts(kind: type[Asked]) -> frozenset[str]:
    """The fields of a call that may be texts: these are taken as they are."""
    fields = kind.model_json_schema()["properties"].items()
    return frozenset(
        name
        for name, field in fields
        if "string" in {field.get("type"), *(each.get("type") for each in field.get("anyOf", ()))}
    )


def _spelled(text: str) -> object:
    """Return the JSON value that a text of a form spells; where it is none, the text, for the field to judge."""
    try:
        spelled = parse_object(f'{{"value":{text}}}'.encode())
    except InvalidInput:
        return text
    return spelled["value"] if len(spelled) == 1 else text


def token_in(raw: bytes, media_type: str | None) -> str | None:
    """Return the ``deploymentToken`` in the body of a call, where it is one."""
    try:
        said: Mapping[str, Any] = parse_form(raw) if is_form(media_type) else parse_object(raw)
    except InvalidInput:
        return None
    token = said.get("deploymentToken")
    return token if isinstance(token, str) else None
