"""Every error that Palaver raises on purpose.

    PalaverError                     has .code, .message and .details
    ├── InvalidInput                 what was sent can't be taken; .code says which rule
    │   ├── KeyReused                the same idempotency key with another body
    │   └── BodyTooLarge
    ├── Unauthenticated              no, malformed, unknown, revoked or expired credentials
    ├── Forbidden                    the credentials lack the scope
    ├── NotFound                     unknown, deleted or another tenant's: never told apart
    ├── Conflict                     the state forbids it now
    │   ├── TurnInProgress           .details: turn_id, url, conversation_id
    │   ├── ConversationEnded
    │   ├── ConversationArchived
    │   ├── NameTaken
    │   ├── TrainingInProgress       another run of the bot is not over
    │   └── VersionConflict          If-Match was stale
    ├── ResumeWindowGone             .details: turn_id, url
    ├── Limited                      try again later; .retry_after_seconds
    │   ├── QueueFull
    │   ├── RateLimited
    │   └── TooManyStreams
    ├── Unavailable                  try again later; .retry_after_seconds
    │   ├── StoreUnavailable         locked, read-only, unreachable
    │   ├── StoreFull                no room on the disk; nothing was written
    │   ├── ShuttingDown
    │   └── ServerUnreachable        the SDK got no answer, or one that is not Palaver's
    ├── StoreRefused                 the store can't be opened as it is
    │   ├── SchemaTooNew
    │   └── UnsafeDurability
    ├── FeatureAbsent                this store declares that it lacks the feature
    ├── FenceLost                    a worker wrote for a turn that is no longer its own
    ├── ModelError                   the model or its server failed; .retryable
    │   └── EmbeddingFailed          the embedding model did, or what it said can't be believed
    ├── TurnFailed                   a send whose turn ended ``failed``; .turn
    └── DocumentFailed               a document that could not be made ready; .document

The HTTP status of each code stands in ``palaver.http.statuses``. The SDK turns a problem document back into the
same class (``error_from``), so that a caller handles one set of errors whether the engine is here or on a server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from palaver.conversation import Message, Turn
    from palaver.document import Document


class PalaverError(Exception):
    """The root of the tree.

    Args:
        message: One sentence for a person. Never holds a secret, nor another tenant's data.
        code: The machine's word; the class's own when omitted.
        details: JSON values that help the caller (``turn_id``, ``conversation_id``, ``errors``, ``url`` …).
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str = "", *, code: str | None = None, **details: Any) -> None:
        self.message = message or self.__class__.__name__
        self.details: Mapping[str, Any] = details
        if code is not None:
            self.code = code  # type: ignore[misc]  # an instance may be more precise than its class
        super().__init__(self.message)

    @property
    def retry_after_seconds(self) -> int | None:
        """Seconds after which another try makes sense, where that is known."""
        value = self.details.get("retry_after_seconds")
        return value if isinstance(value, int) else None


class InvalidInput(PalaverError):
    """What was sent can't be taken. ``details['errors']`` may list ``{path, code, message}``."""

    code = "invalid_parameter"


class KeyReused(InvalidInput):
    """The idempotency key was used before, with another body."""

    code = "idempotency_key_reused"


class BodyTooLarge(InvalidInput):
    """The request body is over the limit."""

    code = "body_too_large"


class Unauthenticated(PalaverError):
    """No, malformed, unknown, revoked or expired credentials."""

    code = "unauthenticated"


class Forbidden(PalaverError):
    """Valid credentials that lack the scope."""

    code = "forbidden"


class NotFound(PalaverError):
    """Unknown, deleted or another tenant's: the answer is the same."""

    code = "not_found"

    def __init__(self, message: str = "There is nothing here by that name.", **details: Any) -> None:
        super().__init__(message, **details)


class Conflict(PalaverError):
    """The state of the thing forbids it now."""

    code = "conflict"


class TurnInProgress(Conflict):
    """Another turn runs in this conversation; ``details`` say which: ``turn_id`` and ``url``."""

    code = "turn_in_progress"

    def __init__(self, message: str = "", *, turn_id: str | None = None, **details: Any) -> None:
        if turn_id is not None:
            details = {"turn_id": turn_id, "url": f"/v1/turns/{turn_id}", **details}
        super().__init__(message, **details)


class ConversationEnded(Conflict):
    """A send to an ended conversation: reopen it first."""

    code = "conversation_ended"


class ConversationArchived(Conflict):
    """A send to an archived conversation: reopen it first."""

    code = "conversation_archived"


class TrainingInProgress(Conflict):
    """Another training run of this bot is not over."""

    code = "training_in_progress"


class NameTaken(Conflict):
    """A bot of this tenant has that name already, or an entity that external id."""

    code = "name_taken"


class VersionConflict(Conflict):
    """``If-Match`` named an older version."""

    code = "version_conflict"


class ResumeWindowGone(PalaverError):
    """The resume point is beyond the log or expired; ``details['url']`` is the stored turn's."""

    code = "resume_window_gone"


class Limited(PalaverError):
    """Too much at once; ``retry_after_seconds`` says when to try again."""

    code = "rate_limited"


class QueueFull(Limited):
    """The conversation's queue of turns is at its cap."""

    code = "queue_full"


class RateLimited(Limited):
    """Too many requests."""

    code = "rate_limited"


class TooManyStreams(Limited):
    """Too many open streams."""

    code = "too_many_streams"


class Unavailable(PalaverError):
    """Not now; the same call may work later."""

    code = "store_unavailable"


class StoreUnavailable(Unavailable):
    """The store is locked, read-only or out of reach. Nothing was written, or it is not known: retry with the key."""

    code = "store_unavailable"


class StoreFull(Unavailable):
    """The store has no room. Nothing was written."""

    code = "storage_full"


class ShuttingDown(Unavailable):
    """This process is draining; another one, or this one in a moment, will answer."""

    code = "shutting_down"


class ServerUnreachable(Unavailable):
    """The SDK got no answer from the server (``server_unreachable``), or one that is not Palaver's (``server_protocol``).

    A keyed call may have been done all the same: the same call with the same key tells.
    """

    code = "server_unreachable"


class StoreRefused(PalaverError):
    """The store can't be opened as it is; the message says what to do."""

    code = "store_refused"


class SchemaTooNew(StoreRefused):
    """A newer Palaver wrote this store."""

    code = "schema_too_new"


class UnsafeDurability(StoreRefused):
    """The store's settings would lose acknowledged writes when the process dies."""

    code = "unsafe_durability"


class FeatureAbsent(PalaverError):
    """This store declares that it lacks the feature."""

    code = "feature_absent"


class FenceLost(PalaverError):
    """The turn has ended or has another owner: its worker must stop and write nothing more."""

    code = "fence_lost"


class ModelError(PalaverError):
    """The model or its server failed. ``code`` is a row of the contract's table «Calling the model».

    ``message`` is ours and may be shown. What the provider said goes to the log, in ``provider_text``.

    Args:
        retryable: Whether another try may help, as long as no delta was seen.
        interrupts: Whether the turn ends ``interrupted(code)`` with its text, instead of ``failed(code)``.
    """

    code = "provider_error"

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        retryable: bool = False,
        interrupts: bool = False,
        provider_text: str = "",
        **details: Any,
    ) -> None:
        super().__init__(message, code=code, **details)
        self.retryable = retryable
        self.interrupts = interrupts
        self.provider_text = provider_text


class EmbeddingFailed(ModelError):
    """No vectors: the embedding model or its server failed, was late, or answered with what can't be vectors of the texts."""

    code = "embedding_failed"


class TurnFailed(PalaverError):
    """A send whose turn ended ``failed``: ``.turn`` and ``.reply`` hold what is stored, ``.code`` the turn's error code."""

    code = "turn_failed"

    def __init__(self, message: str = "", *, turn: Turn, reply: Message, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.turn = turn
        self.reply = reply


class DocumentFailed(PalaverError):
    """The newest version of a document ended ``failed``: ``.document`` is what is stored, ``.code`` its error's code."""

    code = "document_failed"

    def __init__(self, message: str = "", *, document: Document, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.document = document


def _descendants(of: type[PalaverError]) -> Iterator[type[PalaverError]]:
    for child in of.__subclasses__():
        yield from _descendants(child)
    yield of


def error_from(code: str, message: str, details: Mapping[str, Any]) -> PalaverError:
    """Return the error that a problem document with this ``code`` stands for (an unknown code is ``InvalidInput``)."""
    known = {kind.code: kind for kind in _descendants(PalaverError) if kind not in (TurnFailed, DocumentFailed)}
    for kind in (NotFound, RateLimited, StoreUnavailable):  # siblings share a code with their parent: the leaf is meant
        known[kind.code] = kind
    return known.get(code, InvalidInput)(message, code=code, **dict(details))
