"""One request on its way to a route: who calls, what is asked, and how values are answered."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from palaver.errors import Forbidden, InvalidInput, NotFound
from palaver.events import dumps
from palaver.http.auth import Access
from palaver.http.bodies import read_json
from palaver.http.cookies import token_of
from palaver.http.idempotency import read_key
from palaver.http.queries import Q, read_query
from palaver.ids import is_id
from palaver.jsonable import encode
from palaver.page import Page
from palaver.serving import Caller, Serving
from palaver.tenant import Scope
from palaver.wire.base import Wire
from palaver.wire.checking import check

W = TypeVar("W", bound=Wire)

_ETAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"\Z')
_NO_VERSION = -1
_VERSION_DIGITS_MAX = 15


class Call(Caller):
    """A request by someone who was let in, as our own routes read it."""

    __slots__ = ()

    def id(self, prefix: str) -> str:
        """Return the id in the path. Raises ``NotFound`` for what has not its form: nothing can be found by it."""
        value: str = self.request.path_params["id"]
        if not is_id(prefix, value):
            raise NotFound
        return value

    async def body(self, kind: type[W], *, optional: bool = False, with_files: bool = False) -> W:
        """Return the body as the request that it is; ``with_files``: it may hold files in base64.

        Raises ``InvalidInput`` with a code of the contract.
        """
        limits = self.serving.settings.limits
        limit = limits.inline_bytes if with_files else limits.body_bytes
        return check(kind, await read_json(self.request, limit, optional=optional))

    def query(self, kind: type[Q]) -> Q:
        """Return the query string as the request that it is."""
        return read_query(self.request, kind)

    def idempotency_key(self) -> str | None:
        """Return the ``Idempotency-Key``, if there is one."""
        return read_key(self.request)

    def if_version(self) -> int | None:
        """Return the version that ``If-Match`` names; None without one, and for ``*``.

        A tag that no version has (a weak one, a word) matches nothing.

        Raises:
            InvalidInput: ``invalid_if_match``: it is no entity tag, or several.
        """
        given = self.request.headers.get("if-match")
        if given is None or given.strip() == "*":
            return None
        tag = _ETAG.match(given.strip())
        if tag is None:
            raise InvalidInput('If-Match is one entity tag: "3".', code="invalid_if_match")
        digits = tag[2]
        known = tag[1] is None and digits.isdigit() and len(digits) <= _VERSION_DIGITS_MAX
        return int(digits) if known else _NO_VERSION


Run = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer that works, for the OpenAPI document: its JSON is a ``kind``, or ``wrapped`` in a page or a list."""

    kind: type[Any] | None = None
    wrapped: str = "one"
    media_types: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A route: how it is called, who may, what it does, and all that its documentation needs.

    Attributes:
        scope: What the key must include; None: nobody is asked.
        visitor: Whether a visitor may come in; the route then keeps them to their bot and entity.
        body: What the body is; ``body_optional`` where it may be empty.
        form: The fields of a form with one file, where the body may also be one.
        codes: Statuses of problems beside those that follow from the rest.
        keyed: Whether it takes ``Idempotency-Key``.
        versioned: Whether it takes ``If-Match``.
        resumed: Whether it takes ``Last-Event-ID`` and ``?after=``.
    """

    method: str
    path: str
    run: Run
    summary: str
    tag: str
    answers: Mapping[int, Answered]
    scope: Scope | None = Scope.READ
    visitor: bool = False
    body: type[Wire] | None = None
    body_optional: bool = False
    form: type[Wire] | None = None
    query: type[Wire] | None = None
    codes: tuple[int, ...] = ()
    keyed: bool = False
    versioned: bool = False
    resumed: bool = False

    async def answer(self, request: Request) -> Response:
        """Let the caller in, or not, and do it."""
        serving: Serving = request.app.state.serving
        access = OUTSIDE
        if self.scope is not None:
            access = await serving.gate.admit(request.headers, token=token_of(request))
            self._check(access, self.scope)
        return await self.run(Call(request=request, serving=serving, access=access))

    def _check(self, access: Access, scope: Scope) -> None:
        if not access.is_visitor:
            access.require(scope)
        elif not self.visitor:
            raise Forbidden("A visitor may only talk.")


OUTSIDE = Access(tenant_id="", scope=Scope.VISITOR)
"""Someone who was not asked for a key: what they may see belongs to nobody."""


def json_response(data: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(dumps(data), status_code=status, media_type="application/json", headers=dict(headers or {}))


def value(found: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as its JSON shape; with its ``ETag``, if it has a version."""
    version = getattr(found, "version", None)
    tagged = {} if version is None else {"ETag": f'"{version}"'}
    return json_response(encode(found), status, {**tagged, **(headers or {})})


def created(found: Any, location: str, *, replayed: bool = False) -> Response:
    """Return a value that was made, and where it is; or the one that the same key made before."""
    headers = {"Location": location, **({"Idempotent-Replayed": "true"} if replayed else {})}
    return value(found, 201, headers)


def page(found: Page[Any]) -> Response:
    """Return a page."""
    return json_response({"data": encode(found.data), "next": found.next, "previous": found.previous})


def rows(found: Sequence[Any], status: int = 200, *, replayed: bool = False) -> Response:
    """Return all there is, with no pages."""
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return json_response({"data": encode(tuple(found))}, status, headers)


def nothing() -> Response:
    """Return that it is done."""
    return Response(status_code=204)
