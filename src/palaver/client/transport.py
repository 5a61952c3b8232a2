"""One HTTP connection pool, one place for retries, one place where a problem document becomes an error.

What may be sent twice: reads, calls with an idempotency key, and calls that change nothing when repeated. They are
tried again when the connection fails or the server says 503; everything else only if it never reached the server.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from palaver.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    Limited,
    ModelError,
    PalaverError,
    ServerUnreachable,
    Unauthenticated,
    Unavailable,
    error_from,
)
from palaver.once import check_key
from palaver.sources import File

_RESERVED = frozenset({"type", "title", "status", "detail", "instance", "code", "request_id"})
_BY_STATUS: Mapping[int, type[PalaverError]] = {
    401: Unauthenticated,
    403: Forbidden,
    409: Conflict,
    429: Limited,
    500: PalaverError,
    502: ModelError,
    503: Unavailable,
}
_SIMPLE_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the SDK waits and how often it tries; all in seconds but ``tries``.

    Attributes:
        answer_seconds: The longest wait for a piece of an answer to a plain call.
        silence_seconds: The longest silence of a stream. The server says every 15 s that it is alive.
        tries: How often a call that may be repeated is sent, all in all.
        retry_after_seconds: The longest ``Retry-After`` that is waited for; a longer one is an error at once.
        rejoin_seconds: How long a stream that was cut tries to come back before it gives up.
    """

    connect_seconds: float = 10.0
    answer_seconds: float = 60.0
    silence_seconds: float = 45.0
    tries: int = 3
    retry_after_seconds: float = 10.0
    rejoin_seconds: float = 30.0

    def delay(self, fault: int, error: PalaverError) -> float:
        """Return the seconds to wait after fault number 1, 2 …: jittered, doubled up to 2 s, at least ``Retry-After``."""
        backoff: float = min(2.0, 0.1 * 2**fault) * (0.5 + random.random() / 2)
        return max(backoff, float(error.retry_after_seconds or 0))

    def is_patient(self, error: PalaverError) -> bool:
        """Whether the server's ``Retry-After`` is one that is waited for."""
        return (error.retry_after_seconds or 0) <= self.retry_after_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to be sent, once or more often: a JSON ``body`` or, with a ``file``, a form of the same fields."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    file: File | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False

    def keyed(self, key: str | None) -> Call:
        """Return the call with an idempotency key (a new one for None), which makes it repeatable."""
        return replace(self, headers={**self.headers, "Idempotency-Key": key_header(key)}, repeatable=True)

    def if_version(self, version: int | None) -> Call:
        """Return the call with ``If-Match``, unless ``version`` is None."""
        if version is None:
            return self
        return replace(self, headers={**self.headers, "If-Match": f'"{version}"'})

    def accepting(self, media_type: str) -> Call:
        """Return the call with ``Accept``."""
        return replace(self, headers={**self.headers, "Accept": media_type})

    def preferring(self, preference: str) -> Call:
        """Return the call with ``Prefer``."""
        return replace(self, headers={**self.headers, "Prefer": preference})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call that worked returned: the JSON object of its body ({} for an empty one)."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def replayed(self) -> bool:
        """Whether an earlier call with the same key did it."""
        return self.headers.get("idempotent-replayed") == "true"


class Transport:
    """The connection to one server."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None,
        patience: Patience,
        wire: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.patience = patience
        self._base_url = base_url.rstrip("/")
        headers = {"Accept": "application/json"}
        if api_key is not None:
            headers["Authorization"] = f"Bearer {api_key}"
        self._plain = httpx2.Timeout(patience.answer_seconds, connect=patience.connect_seconds)
        self._streamed = httpx2.Timeout(patience.silence_seconds, connect=patience.connect_seconds)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        # A redirect is never followed: the key must not leave the host that it is for.
        self._client = httpx2.AsyncClient(
            headers=headers, timeout=self._plain, limits=limits, transport=wire, follow_redirects=False
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def send(self, call: Call) -> Answer:
        """Send a call and return its answer, trying again where that is safe.

        Raises:
            PalaverError: What the server's problem document stands for, or ``ServerUnreachable``.
        """
        response = await self.fetch(call)
        body = _json_object(response.content) if response.content else {}
        return Answer(status=response.status_code, headers=response.headers, body=body)

    async def fetch(self, call: Call) -> httpx2.Response:
        """Send a call and return its response, read, whatever it holds. As ``send`` in all else."""
        fault = 0
        while True:
            fault += 1
            try:
                return await self._fetch_once(call)
            except Unavailable as error:
                if fault >= self.patience.tries or not self._may_repeat(call, error):
                    raise
                await asyncio.sleep(self.patience.delay(fault, error))

    def _may_repeat(self, call: Call, error: Unavailable) -> bool:
        if not self.patience.is_patient(error) or error.code == "server_protocol":
            return False
        return call.repeatable or call.method == "GET" or error.details.get("reached") is False

    async def _fetch_once(self, call: Call) -> httpx2.Response:
        async with self._open(call, self._plain) as response:
            try:
                await response.aread()
            except httpx2.HTTPError as error:
                raise self._unreachable(error) from error
            return response

    async def download(self, call: Call) -> AsyncGenerator[bytes]:
        """Send a call once and yield what it answers, as it comes.

        Raises:
            PalaverError: As ``send``; ``ServerUnreachable`` where the answer was cut.
        """
        async with self._open(call, self._plain) as response:
            try:
                async for part in response.aiter_bytes():
                    yield part
            except httpx2.HTTPError as error:
                raise self._unreachable(error) from error

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx2.Response]:
        """Send a call once and give its response, still unread, if it is an event stream.

        Raises:
            PalaverError: As ``send``.
        """
        async with self._open(call.accepting("text/event-stream"), self._streamed) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise self._foreign(response)
            yield response

    @asynccontextmanager
    async def _open(self, call: Call, deadlines: httpx2.Timeout) -> AsyncIterator[httpx2.Response]:
        try:
            request = self._client.build_request(
                call.method,
                self._base_url + call.path,
                params=call.query or None,
                timeout=deadlines,
                **_content(call),
            )
            response = await self._client.send(request, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._unreachable(error) from error
        try:
            if not response.is_success:
                raise await self._problem(response)
            yield response
        finally:
            await response.aclose()

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        reached = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
        said = str(error) or error.__class__.__name__
        return ServerUnreachable(f"No answer from {self._base_url}: {said}.", reached=reached)

    def _foreign(self, response: httpx2.Response) -> ServerUnreachable:
        code = "server_unreachable" if response.status_code in (502, 503, 504) else "server_protocol"
        return ServerUnreachable(
            f"{self._base_url} does not answer like a Palaver server (status {response.status_code}).", code=code
        )

    async def _problem(self, response: httpx2.Response) -> PalaverError:
        try:
            raw = await response.aread()
            document = _json_object(raw)
            code, message = str(document["code"]), str(document.get("detail") or "")
        except (httpx2.HTTPError, KeyError, PalaverError):
            return self._foreign(response)
        details = {name: value for name, value in document.items() if name not in _RESERVED}
        wait = response.headers.get("retry-after", "")
        if wait.isascii() and wait.isdigit():
            details["retry_after_seconds"] = int(wait)
        return _error(response.status_code, code, message, details)


def _error(status: int, code: str, message: str, details: dict[str, Any]) -> PalaverError:
    error = error_from(code, message, details)
    if error.__class__ is InvalidInput and status in _BY_STATUS:  # a code of one server alone, or of a newer one
        return _BY_STATUS[status](message, code=code, **details)
    return error


def key_header(key: str | None) -> str:
    """Return the value of ``Idempotency-Key`` (a new key for None): bare where that is unmistakable, else quoted.

    Raises:
        InvalidInput: ``invalid_idempotency_key``.
    """
    if key is None:
        return secrets.token_urlsafe(18)
    if _SIMPLE_KEY.issuperset(check_key(key)):
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _content(call: Call) -> dict[str, Any]:
    """Return how httpx2 is told the content of a call, and its headers."""
    headers = dict(call.headers)
    if call.file is not None:
        part = (call.file.name or "file", call.file.content, call.file.media_type or "application/octet-stream")
        return {"headers": headers, "files": {"file": part}, "data": _form(call.body or {})}
    if call.body is not None:
        return {"headers": {**headers, "Content-Type": "application/json"}, "content": _dumped(call.body)}
    return {"headers": headers}


def _form(fields: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the fields of a form: a text as it is, anything else as JSON."""
    return {
        name: value.encode("utf-8", "surrogatepass") if isinstance(value, str) else _field(name, value)
        for name, value in fields.items()
        if value is not None
    }


def _as_json(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def _dumped(body: Mapping[str, Any]) -> bytes:
    return b"{" + b",".join(json.dumps(name).encode() + b":" + _field(name, body[name]) for name in body) + b"}"


def _field(name: str, value: object) -> bytes:
    try:
        return json.dumps(value, default=_as_json).encode()
    except TypeError:
        code, message = "invalid_type", "JSON values only."
    except (RecursionError, ValueError):  # ValueError: it holds itself
        code, message = "json_too_deep", "Nested too deep."
    listed = [{"path": name, "code": code, "message": message}]
    raise InvalidInput(f"{name}: {message}", code=code, errors=listed)


def _json_object(raw: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ServerUnreachable("The server's answer is no JSON.", code="server_protocol") from error
    if not isinstance(parsed, dict):
        raise ServerUnreachable("The server's answer is no JSON object.", code="server_protocol")
    return parsed
