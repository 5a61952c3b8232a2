"""What goes in and out of a route: the body, the query and the ids of a request, and answers in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from starlette.responses import Response

from palaver.events import dumps
from palaver.http.bodies import read_json
from palaver.http.queries import read_query
from palaver.serving import Caller
from palaver.surface import Hub
from palaver.wire.base import Wire
from palaver.wire.checking import check

W = TypeVar("W", bound=Wire)

Record = dict[str, Any]
"""A thing as the clients read it, to be written as JSON."""


def answer(data: Mapping[str, Any] | Sequence[Any], status: int = 200) -> Response:
    """Return an answer in ASCII JSON."""
    return Response(dumps(cast("Mapping[str, Any]", data)), status_code=status, media_type="application/json")


def done(message: str, **more: Any) -> Response:
    """Return that something was done."""
    return answer({"success": True, "message": message, **more})


async def body(caller: Caller, kind: type[W], *, optional: bool = False) -> W:
    """Return the body as the request that it is. An empty dict is never sent by the clients: ``optional`` takes nothing for it.

    Raises ``InvalidInput`` with a code of the contract.
    """
    return check(kind, await read_json(caller.request, caller.serving.settings.limits.body_bytes, optional=optional))


async def no_body(caller: Caller) -> None:
    """Read a body that nothing is needed from."""
    await body(caller, Wire, optional=True)


def query(caller: Caller, kind: type[W]) -> W:
    """Return the query string as the request that it is."""
    return read_query(caller.request, kind)


def named(caller: Caller, name: str = "id") -> str:
    """Return what stands in the path."""
    value: str = caller.request.path_params[name]
    return value


def hub_of(caller: Caller) -> Hub:
    """Return everything of the caller's tenant, as it is in process and over HTTP."""
    # To pyright the keyword all_tenants of LocalKeys.list could be an item of an open TypedDict.
    return cast("Hub", caller.hub)
