"""Values in the shapes of the clients: pure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from palaver.compat.abacusai.history import Readings, message_at
from palaver.compat.abacusai.translate import (
    building_task,
    chat_message,
    chat_session,
    error_type,
    event,
    failure,
    is_useful,
    moment,
    outcome,
)
from palaver.conversation import (
    Conversation,
    ImagePart,
    InterruptReason,
    Message,
    ReasoningPart,
    Role,
    TextPart,
    Turn,
    TurnError,
    TurnStatus,
)
from palaver.document import Citation, Document, DocumentSource
from palaver.errors import (
    BodyTooLarge,
    Conflict,
    Forbidden,
    InvalidInput,
    ModelError,
    NameTaken,
    NotFound,
    PalaverError,
    QueueFull,
    StoreFull,
    Unauthenticated,
)

WHEN = datetime(2026, 1, 31, 12, 0, 0, 999_999, tzinfo=UTC)


def message(seq: int, text: str = "", **fields) -> Message:
    given = {
        "role": Role.USER if seq % 2 else Role.ASSISTANT,
        "parts": (TextPart(text=text),) if text else (),
        "status": TurnStatus.COMPLETED,
        **fields,
    }
    return Message(id=f"msg_{seq}", conversation_id="conv_1", turn_id="turn_1", seq=seq, created_at=WHEN, **given)


def conversation(**fields) -> Conversation:
    return Conversation(id="conv_1", bot_id="bot_1", started_at=WHEN, last_activity_at=WHEN, **fields)


def document(**fields) -> Document:
    return Document(
        id="doc_1",
        bot_id="bot_1",
        title="Handbook",
        media_type="text/plain",
        size_bytes=1,
        sha256="",
        created_at=WHEN,
        updated_at=WHEN,
        **fields,
    )


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidInput("x", code="missing_field"), 422, "MissingParameterError"),
        (InvalidInput("x", code="empty_message"), 422, "MissingParameterError"),
        (InvalidInput("x"), 422, "InvalidParameterError"),
        (InvalidInput("x", code="invalid_json"), 400, "InvalidRequest"),
        (BodyTooLarge("x"), 413, "InvalidRequest"),
        (InvalidInput("x", code="method_not_allowed"), 405, "MethodNotAllowed"),
        (Unauthenticated("x"), 401, "GenericPermissionDeniedError"),
        (Forbidden("x"), 403, "PermissionDeniedError"),
        (NotFound(), 404, "DataNotFoundError"),
        (NameTaken("x"), 409, "AlreadyExistsError"),
        (Conflict("x"), 409, "ConflictError"),
        (QueueFull("x"), 429, "TooManyRequestsError"),
        (ModelError("x"), 502, "FailedDependencyError"),
        (StoreFull("x"), 507, "InternalServerError"),
        (PalaverError("x"), 500, "InternalServerError"),
    ],
)
def test_every_error_is_one_of_the_clients(error: PalaverError, status: int, kind: str) -> None:
    """The name of an error is that of an exception of the client, and its text is always a string."""
    assert error_type(error, status) == kind
    assert failure(error, status) == {"success": False, "error": error.message, "errorType": kind}


def test_ratings_are_flags() -> None:
    """4 and 5 are useful, 1 and 2 are not, 3 and none say nothing."""
    assert [is_useful(rating) for rating in (None, 1, 2, 3, 4, 5)] == [None, False, False, None, True, True]


def test_times_have_whole_seconds_and_an_offset() -> None:
    """A time is written as the service writes it."""
    assert moment(WHEN) == "2026-01-31T12:00:00+00:00"


def test_messages_show_their_text_and_name_their_images() -> None:
    """Thoughts are not shown, an empty answer has no segment, images are named."""
    image = ImagePart(attachment_id="att_1", media_type="image/png")
    asked = message(1, parts=(TextPart(text="What is this?"), image))
    assert chat_message(asked)["docIds"] == ["att_1"]
    assert event(4, asked)["docInfos"] == [{"docId": "att_1"}]
    thought = message(2, parts=(ReasoningPart(text="hm"), TextPart(text="A cat.")))
    assert chat_message(thought)["text"] == [{"type": "text", "text": "A cat.", "segment": "A cat."}]
    assert chat_message(message(2))["text"] == []
    quote = Citation(
        document_id="doc_1", version=1, title="Handbook", quote="A cat.", start=0, end=6, score=0.5, rank=1
    )
    cited = event(1, message(2, "A cat.", citations=(quote,), model="m"))
    assert cited["searchResults"] == [{"document": "doc_1", "title": "Handbook", "answer": "A cat.", "score": 0.5}]
    assert (cited["llmDisplayName"], cited["messageIndex"], cited["error"]) == ("m", 1, None)
    assert event(1, message(2, "A", status=TurnStatus.INTERRUPTED))["error"] == "The answer ended interrupted."


def test_a_session_in_a_list_has_no_history() -> None:
    """Where no messages were read, there is no history and no answer; the newest answer with text is the answer."""
    assert "chatHistory" not in chat_session(conversation(), None, ())
    shown = chat_session(conversation(), [message(1, "a"), message(2, "b"), message(3, "c"), message(4)], ())
    assert shown["answer"] == "b"
    assert len(shown["chatHistory"]) == 4


def test_building_tells_documents_and_training_apart() -> None:
    """The next work is what is first in line."""
    trained = document(source=DocumentSource.TRAINING)
    shown = chat_session(conversation(), None, [trained, document(source=DocumentSource.TEXT)])
    assert shown["aiBuildingInProgress"] is True
    assert shown["nextAiBuildingTask"] == {"task": "Train on past conversations", "taskType": "training"}
    assert building_task(document(source=DocumentSource.FILE))["taskType"] == "document"


def test_the_end_of_a_turn_says_why_there_is_no_answer() -> None:
    """A turn that failed or was interrupted is no success, and its end has a reason."""

    def turn(status: TurnStatus, **fields) -> Turn:
        return Turn(
            id="turn_1",
            conversation_id="conv_1",
            index=1,
            parent_id=None,
            status=status,
            model="m",
            user_message_id=None,
            message_id=None,
            created_at=WHEN,
            **fields,
        )

    assert outcome(turn(TurnStatus.COMPLETED)) == {"success": True}
    failed = outcome(turn(TurnStatus.FAILED, error=TurnError(code="provider_error", message="It broke.")))
    assert (failed["success"], failed["error"], failed["errorType"]) == (False, "It broke.", "FailedDependencyError")
    stopped = outcome(turn(TurnStatus.INTERRUPTED, reason=InterruptReason.STOPPED))
    assert stopped["error"] == "The answer was interrupted: stopped."


def test_an_index_is_checked_against_what_was_read() -> None:
    """An index passes where the session is as it was read, or was never read and the index never meant anything else."""
    whole = [message(seq, str(seq)) for seq in (1, 2, 3, 4)]
    readings = Readings()
    readings.check("a", "conv_1", whole, 3)
    readings.check("a", "conv_1", whole, 0)
    with pytest.raises(Conflict):
        readings.check("a", "conv_1", whole[2:], 0)
    with pytest.raises(Conflict):
        readings.check("b", "conv_1", whole[2:], 0)
    readings.note("b", "conv_1", whole[2:])
    readings.check("b", "conv_1", whole[2:], 1)
    with pytest.raises(Conflict):
        readings.check("b", "conv_1", whole, 1)
    branch = [whole[0], whole[1], message(5, "5"), message(6, "6")]
    readings.check("c", "conv_1", branch, 1)
    with pytest.raises(Conflict):
        readings.check("d", "conv_1", branch, 2)


def test_the_oldest_readings_are_forgotten() -> None:
    """Readings are bounded; the one that is gone is like one that never was."""
    readings, gap = Readings(limit=2), [message(3)]
    for name in ("a", "b", "c"):
        readings.note(name, "conv_1", gap)
    readings.check("c", "conv_1", gap, 0)
    with pytest.raises(Conflict):
        readings.check("a", "conv_1", gap, 0)


def test_an_index_beyond_the_messages_is_named() -> None:
    """What is no index is refused with the indices that there are."""
    with pytest.raises(InvalidInput, match="0 to 1"):
        message_at([message(1), message(2)], 2)
    with pytest.raises(InvalidInput, match="no messages"):
        message_at([], 0)
