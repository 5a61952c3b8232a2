"""Requests about documents."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, model_validator

from palaver.document import DocumentSource, DocumentStatus
from palaver.wire.base import DocumentText, MediaType, Metadata, Name, Url, Wire, choice, refused
from palaver.wire.pages import PageQuery


class DocumentForm(Wire):
    """What comes with a file in a multipart body; ``metadata`` is JSON there."""

    title: Name | None = None
    metadata: Metadata = {}  # noqa: RUF012


class DocumentEdit(DocumentForm):
    """A next version of a document: of a ``text``, of the page at a ``url`` or, with neither, of the same content."""

    text: DocumentText = ""
    url: Url = ""
    media_type: MediaType | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.text and self.url:
            raise refused("invalid_parameter", "Say what the document is made of once: text, or url.")
        return self


class DocumentCreate(DocumentEdit):
    """A new document: of a ``text``, or of the page at a ``url``."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["text"]}, {"required": ["url"]}]})

    @model_validator(mode="after")
    def _some_source(self) -> Self:
        if not (self.text or self.url):
            raise refused("missing_field", "Say what the document is made of: a file, text, or url.")
        return self


class DocumentQuery(PageQuery):
    """Filters and page of a list of documents; ``deleted`` lists those that can be restored."""

    status: Annotated[DocumentStatus, choice(DocumentStatus, "invalid_filter")] | None = None
    source: Annotated[DocumentSource, choice(DocumentSource, "invalid_filter")] | None = None
    deleted: bool = False
