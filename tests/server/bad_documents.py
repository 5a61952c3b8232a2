"""The rows of contract section 4 about documents, searches of them and training."""

from __future__ import annotations

from server.rows import FORM, Row, a_form, a_part, get, post
from server.world import unknown

DOCS, SEARCH, TRAIN = "/v1/bots/{bot}/documents", "/v1/bots/{bot}/search", "/v1/bots/{bot}/train"
BOTS = "/v1/bots"


def form(about: str, parts: bytes, status: int, code: str, content_type: str = FORM) -> Row:
    return a_form(about, parts, status, code, content_type, DOCS)


def file(content: bytes, name: str = "a.txt") -> bytes:
    return a_part(content, f'name="file"; filename="{name}"')


def field(name: str, content: bytes) -> bytes:
    return a_part(content, f'name="{name}"')


END = b"--xx--\r\n"
DOCUMENTS = [
    post("no text", DOCS, {}, 422, "missing_field"),
    post("a blank text", DOCS, {"text": " \u200b"}, 422, "empty_message"),
    post("NUL", DOCS, {"text": "a\x00b"}, 422, "invalid_character"),
    post("a lone surrogate", DOCS, b'{"text": "\\ud800"}', 422, "invalid_unicode"),
    post("too much text", DOCS, {"text": "x" * 1_000_001}, 422, "file_too_large"),
    post("text and a page", DOCS, {"text": "x", "url": "http://example.com"}, 422, "invalid_parameter"),
    post("no URL", DOCS, {"url": "file:///etc/passwd"}, 422, "invalid_parameter"),
    post("a page that is ours", DOCS, {"url": "http://127.0.0.1/"}, 422, "fetch_disabled"),
    post("an unknown field", DOCS, {"text": "x", "bot_id": "y"}, 422, "unknown_field"),
    post("a status", DOCS, {"text": "x", "status": "ready"}, 422, "unknown_field"),
    post("a bidi override in a title", DOCS, {"text": "x", "title": "a\u202eb"}, 422, "invalid_character"),
    post("metadata of 65 KB", DOCS, {"text": "x", "metadata": {"a": "x" * 66_000}}, 422, "metadata_too_large"),
    post("a type that is none", DOCS, {"text": "x", "media_type": "text"}, 422, "invalid_parameter"),
    post("a type that no text has", DOCS, {"text": "x", "media_type": "application/pdf"}, 422, "invalid_file"),
    post("to no bot", f"/v1/bots/{unknown('bot')}/documents", {"text": "x"}, 404, "not_found"),
    form("an empty file", file(b"") + END, 422, "invalid_file"),
    form("a file too large", file(b"x" * 20_050_000) + END, 422, "file_too_large"),
    form("a body too large", file(b"x" * 20_200_000) + END, 413, "body_too_large"),
    form("a program", file(b"\x7fELF\x02\x01\x01" + bytes(100), "a.txt") + END, 422, "unsupported_type"),
    form("an image", file(b"\x89PNG\r\n\x1a\n" + bytes(100), "a.png") + END, 422, "unsupported_type"),
    form("a drawing", file(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg") + END, 422, "unsupported_type"),
    form("an image that lies", file(b"\x89PNG\r\n\x1a\n" + bytes(100), "a.pdf") + END, 422, "unsupported_type"),
    form("no boundary", file(b"x") + END, 400, "invalid_multipart", "multipart/form-data"),
    form("another boundary", file(b"x") + END, 400, "invalid_multipart", "multipart/form-data; boundary=abc"),
    form("a form that is cut", file(b"x"), 400, "invalid_multipart"),
    form("no form", b"hello", 400, "invalid_multipart"),
    form("two files", file(b"x") + file(b"y") + END, 422, "too_many_files"),
    form("no file", field("title", b"x") + END, 400, "invalid_multipart"),
    form("a file elsewhere", a_part(b"x", 'name="paper"; filename="a.txt"') + END, 400, "invalid_multipart"),
    form("a title twice", file(b"x") + field("title", b"a") + field("title", b"b") + END, 400, "invalid_multipart"),
    form("an unknown field of a form", file(b"x") + field("colour", b"red") + END, 422, "unknown_field"),
    form("broken metadata", file(b"x") + field("metadata", b"{") + END, 400, "invalid_json"),
    form("metadata that is a list", file(b"x") + field("metadata", b"[]") + END, 400, "invalid_body"),
    form("a title that is no UTF-8", file(b"x") + field("title", b"\xff") + END, 400, "invalid_encoding"),
    form("another form", b"title=x", 415, "unsupported_media_type", "application/x-www-form-urlencoded"),
    get("an unknown status of documents", DOCS + "?status=lost", 422, "invalid_filter"),
    get("an unknown source of documents", DOCS + "?source=radio", 422, "invalid_filter"),
    get("a cursor of bots", DOCS + "?after={cursor}", 422, "invalid_cursor"),
    get("a document of no one", f"/v1/documents/{unknown('doc')}", 404, "not_found"),
    get("content of no one", f"/v1/documents/{unknown('doc')}/content", 404, "not_found"),
    get("chunks of a bot", "/v1/documents/{bot}/chunks", 404, "not_found"),
    post("a search for nothing", SEARCH, {}, 422, "missing_field"),
    post("a search for no word", SEARCH, {"query": ""}, 422, "invalid_parameter"),
    post("a search of 1,001 characters", SEARCH, {"query": "x" * 1_001}, 422, "query_too_long"),
    post("a search for NUL", SEARCH, {"query": "\x00"}, 422, "invalid_character"),
    post("no chunks at all", SEARCH, {"query": "x", "k": 0}, 422, "invalid_parameter"),
    post("a quote in where", SEARCH, {"query": "x", "where": {"a'": "b"}}, 422, "invalid_filter"),
    post("a number in where", SEARCH, {"query": "x", "where": {"a": 1}}, 422, "invalid_filter"),
    post("an unknown policy of training", TRAIN, {"policy": "some"}, 422, "invalid_parameter"),
    post("a rating with no policy", TRAIN, {"min_rating": 3}, 422, "invalid_parameter"),
    post("a rating of 6", TRAIN, {"policy": "rated", "min_rating": 6}, 422, "invalid_parameter"),
    post("training no one", f"/v1/bots/{unknown('bot')}/train", {}, 404, "not_found"),
    post("an unknown way to find", BOTS, {"name": "x", "retrieval": {"prefer": "y"}}, 422, "unknown_field"),
    post("a way to find nothing", BOTS, {"name": "x", "retrieval": {"k": 0}}, 422, "invalid_parameter"),
]
