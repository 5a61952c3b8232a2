"""``/v1/files``"""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from palaver.attachment import Attachment
from palaver.http.multipart import is_form, read_form
from palaver.hub.files import Upload, upload
from palaver.server import visits
from palaver.server.call import Answered, Call, Endpoint, created, value
from palaver.tenant import Scope
from palaver.wire.checking import check
from palaver.wire.files import FileName, FileUpload

_ID = "/v1/files/{id}"
_SAFE = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
"""What is stored was drawn here and is an image; if it ever were something else, a browser would not run it."""


async def create(call: Call) -> Response:
    key = call.idempotency_key()
    await visits.check_making(call, "file")
    given = await _given(call)
    made = await call.hub.files.store(key, given, **visits.own_upload(call))
    return created(made.value, call.url(f"/v1/files/{made.value.id}"), replayed=made.replayed)


async def _given(call: Call) -> Upload:
    if not is_form(call.request):
        return await call.hub.files.decoded(await call.body(FileUpload, with_files=True))
    form = await read_form(call.request, call.serving.settings.limits.file_bytes)
    file, name = form.file, check(FileName, form.fields).name
    return upload(file.content, file.name if name is None else name)


async def get(call: Call) -> Response:
    return value(await call.hub.files.get(await visits.file_id(call)))


async def content(call: Call) -> Response:
    attachment, found = await call.hub.files.read(await visits.file_id(call))
    tag = f'"{attachment.sha256}"'
    headers = {
        **_SAFE,
        "ETag": tag,
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(attachment.name, safe='')}",
    }
    if tag in call.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found, media_type=attachment.media_type, headers=headers)


ROUTES = (
    Endpoint(
        method="POST",
        path="/v1/files",
        run=create,
        summary="Keep an image, to send it with a message",
        tag="files",
        scope=Scope.WRITE,
        visitor=True,
        body=FileUpload,
        form=FileName,
        keyed=True,
        answers={201: Answered(kind=Attachment, headers=("Location", "Idempotent-Replayed"))},
    ),
    Endpoint(
        method="GET",
        path=_ID,
        run=get,
        summary="Read what is known of a file",
        tag="files",
        visitor=True,
        answers={200: Answered(kind=Attachment)},
    ),
    Endpoint(
        method="GET",
        path=_ID + "/content",
        run=content,
        summary="Read a file",
        tag="files",
        visitor=True,
        answers={
            200: Answered(
                media_types={f"image/{each}": "The file" for each in ("png", "jpeg", "webp")}, headers=("ETag",)
            ),
            304: Answered(headers=("ETag",)),
        },
    ),
)
