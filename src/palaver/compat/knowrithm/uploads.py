"""What is uploaded: files of a form with the fields that come along, or addresses of pages."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from palaver.compat.knowrithm.schemas import FileUpload, PageUpload
from palaver.errors import BodyTooLarge, InvalidInput
from palaver.http.bodies import check_json_type, parse_object, read_body
from palaver.http.multipart import OVERHEAD_BYTES, Form, is_form, parse_form, read_form
from palaver.serving import Caller
from palaver.sources import File
from palaver.wire.checking import check

FILES_MAX = 20
_BOUNDARY = re.compile(rb"--([!-~]{1,200})\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What an agent is to know, and the metadata of each document."""

    agent: str
    files: tuple[File, ...] = ()
    addresses: tuple[str, ...] = ()
    metadata: dict[str, Any]


async def read_upload(caller: Caller) -> Upload:
    """Return what the body uploads.

    The releases up to 0.1.4 send a form and say that it is JSON: it is known by its first line.

    Raises:
        InvalidInput: ``invalid_multipart``, ``too_many_files``, ``missing_field``, ``body_too_large`` and those of ``read_json``.
    """
    limits = caller.serving.settings.limits
    if is_form(caller.request):
        form = await read_form(caller.request, limits.file_bytes, files_max=FILES_MAX)
        return _of_form(form)
    raw = await read_body(caller.request, limits.file_bytes + OVERHEAD_BYTES)
    boundary = _BOUNDARY.match(raw)
    if boundary is not None:
        form = await asyncio.to_thread(parse_form, raw, boundary[1], files_max=FILES_MAX)
        return _of_form(form)
    if len(raw) > limits.body_bytes:
        raise BodyTooLarge(f"Such a body holds at most {limits.body_bytes:,} bytes.", limit_bytes=limits.body_bytes)
    if raw.strip():
        check_json_type(caller.request.headers.get("content-type"))
    wanted = check(PageUpload, parse_object(raw))
    return Upload(agent=wanted.agent_id, addresses=tuple(wanted.addresses()), metadata=wanted.further())


def _of_form(form: Form) -> Upload:
    wanted = check(FileUpload, form.fields)
    if not form.files:
        raise InvalidInput("A form needs a file.", code="missing_field")
    files = [File(content=each.content, name=each.name, media_type=each.media_type or None) for each in form.files]
    addresses = [each for each in (wanted.url, wanted.urls) if each is not None]
    return Upload(agent=wanted.agent_id, files=tuple(files), addresses=tuple(addresses), metadata=wanted.further())
