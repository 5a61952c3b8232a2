"""Bodies of LongTrainer's HTTP API. Fields that are not known are passed over, as its clients expect."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from palaver.wire.base import Instructions, MessageText, Metadata, SearchText, Url, Wire

LINKS_MAX = 100
IMAGES_MAX = 10
FILES_MAX = 20

FilePath = Annotated[str, Field(min_length=1, max_length=4_096)]


class _Body(Wire):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Build(_Body):
    """How a bot is set up; what is null stays."""

    prompt_template: Instructions | None = None
    agent_mode: bool = False
    tools: list[Any] | None = None
    agent_type: Annotated[str, Field(max_length=100)] | None = None


class PathAdd(_Body):
    """A file of the server."""

    path: FilePath
    use_unstructured: bool = False


class LinksAdd(_Body):
    """Pages."""

    links: Annotated[list[Url], Field(max_length=LINKS_MAX)]


class QueryAdd(_Body):
    """A search of Wikipedia."""

    search_query: SearchText


class Ask(_Body):
    """A question."""

    query: MessageText
    stream: bool = False
    web_search: bool = False
    uploaded_files: Annotated[list[dict[str, Any]], Field(max_length=FILES_MAX)] | None = None
    schema_: Annotated[Metadata | None, Field(alias="schema")] = None


class VisionAsk(_Body):
    """A question about images."""

    query: MessageText
    image_paths: Annotated[list[FilePath], Field(max_length=IMAGES_MAX)]
    web_search: bool = False
    uploaded_files: Annotated[list[dict[str, Any]], Field(max_length=FILES_MAX)] | None = None


class Prompt(_Body):
    """A prompt template."""

    prompt_template: Instructions


class Find(_Body):
    """What is looked for."""

    query: SearchText
