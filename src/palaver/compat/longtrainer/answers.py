"""How LongTrainer's HTTP API answers: in JSON, and errors as FastAPI words them."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from starlette.responses import Response

from palaver.compat.details import detail_of
from palaver.errors import DocumentFailed, InvalidInput, ModelError, PalaverError, TurnFailed
from palaver.events import dumps
from palaver.http.presence import while_there
from palaver.serving import Caller

T = TypeVar("T")


def json_answer(data: Mapping[str, Any], status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(dumps(data), status_code=status, media_type="application/json")


def refusal(error: PalaverError, status: int) -> Response:
    """Return an error."""
    return json_answer({"detail": detail_of(error)}, status)


async def done(caller: Caller, work: Awaitable[T]) -> T:
    """Return what comes of something that takes its time, as long as the client is there.

    Raises:
        ModelError: An answer failed.
        InvalidInput: A document could not be read.
    """
    try:
        return await while_there(caller.request.receive, work)
    except TurnFailed as failed:
        raise ModelError(failed.message, code=failed.code) from None
    except DocumentFailed as failed:
        raise InvalidInput(failed.message, code=failed.code) from None
