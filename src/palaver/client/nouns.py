"""What every noun of the SDK is made of: the transport, paths with checked ids, pages, and query strings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from palaver.client.transport import Answer, Call, Transport
from palaver.clock import rfc3339
from palaver.errors import NotFound, ServerUnreachable
from palaver.ids import is_id
from palaver.jsonable import decode
from palaver.page import Page

V = TypeVar("V")


class Noun:
    """One namespace of the hub."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def _get(self, kind: type[V], path: str) -> V:
        return value_of(kind, await self._transport.send(Call(method="GET", path=path)))

    async def _page(self, kind: type[V], path: str, query: Mapping[str, Any]) -> Page[V]:
        answer = await self._transport.send(Call(method="GET", path=path, query=query_string(query)))
        rows = tuple(shaped(kind, row) for row in answer.body["data"])
        return Page(data=rows, next=answer.body.get("next"), previous=answer.body.get("previous"))

    async def _send(self, kind: type[V], call: Call) -> V:
        return value_of(kind, await self._transport.send(call))


def path_of(collection: str, prefix: str, any_id: str, action: str = "") -> str:
    """Return ``/v1/<collection>/<id>[/<action>]``.

    Raises:
        NotFound: This is no id of that kind: nothing can be found by it, and it has no place in a URL.
    """
    if not isinstance(any_id, str) or not is_id(prefix, any_id):
        raise NotFound
    return f"/v1/{collection}/{any_id}" + (f"/{action}" if action else "")


def shaped(kind: type[V], raw: Any) -> V:
    """Return the value that ``raw`` is the JSON shape of.

    Raises:
        ServerUnreachable: ``server_protocol``: it is not that shape.
    """
    try:
        return decode(kind, raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServerUnreachable(f"The server's {kind.__name__} is not one.", code="server_protocol") from error


def value_of(kind: type[V], answer: Answer) -> V:
    """Return the value that an answer's body is."""
    return shaped(kind, answer.body)


def query_string(query: Mapping[str, Any]) -> dict[str, str]:
    """Return a query as texts: None is left out, ``metadata`` is one ``metadata.<key>`` each."""
    texts: dict[str, str] = {}
    for name, value in query.items():
        if name == "metadata" and isinstance(value, Mapping):
            texts.update({f"metadata.{key}": _text(item) for key, item in value.items()})
        elif value is not None:
            texts[name] = _text(value)
    return texts


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime() if value.tzinfo is not None:
            return rfc3339(value)
        case Enum():
            return str(value.value)
        case _:
            return str(value)
