"""The one place that reads the environment."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Limits(BaseSettings):
    """Times and sizes of a turn. The defaults are the contract's."""

    model_config = SettingsConfigDict(env_prefix="PALAVER_", extra="ignore", frozen=True)

    lease_seconds: float = Field(default=15.0, ge=0.5, le=600)
    """How long a process owns a running turn, or a document that it makes ready, without renewing its lease."""
    tick_seconds: float = Field(default=0.025, ge=0.0, le=0.025)
    """How long deltas are gathered before they are written and emitted; the first goes at once."""
    poll_seconds: float = Field(default=0.25, ge=0.01, le=0.25)
    """How often stop flags, and events of other processes, are read."""
    heartbeat_seconds: float = Field(default=15.0, ge=0.05, le=15)
    """How often an idle event stream says that it is alive."""
    connect_seconds: float = Field(default=10.0, gt=0)
    """Time limit for connecting to a model's server."""
    first_byte_seconds: float = Field(default=60.0, gt=0)
    """Time limit for the first thing a model says."""
    idle_seconds: float = Field(default=30.0, gt=0)
    """Time limit between two things a model says."""
    total_seconds: float = Field(default=600.0, gt=0)
    """Time limit for a whole call of a model."""
    retries: int = Field(default=2, ge=0, le=2)
    """How often a call is tried again before its first delta."""
    answer_bytes: int = Field(default=4_000_000, ge=1_000)
    """The most UTF-8 an answer may have before the turn ends ``interrupted(limit)``."""
    context_tokens: int = Field(default=8_000, ge=100)
    """The budget, in estimated tokens, for instructions and history, where the bot names none."""
    queue_cap: int = Field(default=8, ge=1, le=100)
    """How many turns may wait in a conversation."""
    log_hours: float = Field(default=24.0, ge=24)
    """How long the event log of a turn outlives its end."""
    purge_days: float = Field(default=30.0, ge=0)
    """How long deleted things can be restored."""
    drain_seconds: float = Field(default=8.0, gt=0, le=9)
    """How long a server that was told to stop may take to end its turns, with their text."""
    body_bytes: int = Field(default=4_000_000, ge=1_000)
    """The largest request body that is JSON alone."""
    file_bytes: int = Field(default=20_000_000, ge=1_000, le=200_000_000)
    """The largest file, and the most that the files of one message hold together."""
    image_pixels: int = Field(default=50_000_000, ge=1_000, le=89_000_000)
    """The most pixels of an image, width times height."""
    streams_max: int = Field(default=10_000, ge=1)
    """How many event streams a process holds open at once."""
    visitors_per_hour: int = Field(default=60, ge=0)
    """How many new visitors of widgets one address may be within an hour, at each process; 0: any number."""
    sweep_seconds: float = Field(default=2.0, ge=0.05, le=5)
    """How often expired leases, idle conversations and old logs are looked for."""

    @property
    def inline_bytes(self) -> int:
        """The largest request body that may hold files in base64, which takes four bytes for three."""
        return self.body_bytes + self.file_bytes * 4 // 3


class ModelPrice(BaseModel):
    """What a model costs from a day on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: date = Field(alias="from")
    input: int = Field(ge=0, le=10**12)
    output: int = Field(ge=0, le=10**12)


class Settings(BaseSettings):
    """Where things are and who may come in. Read from ``PALAVER_*`` and the providers' own variables."""

    model_config = SettingsConfigDict(
        env_prefix="PALAVER_", extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    store: str = "sqlite:///palaver.db"
    """``sqlite:///file.db`` (three slashes: relative; four: absolute), a bare path, ``:memory:``, ``postgresql://…`` or
    ``redis://…``."""
    pool_size: int = Field(default=5, ge=1, le=100)
    """How many connections to a database server this process opens at most, next to one for wake-ups."""
    tenant: str = "default"
    """The tenant of the library and the command line; a server takes it from the key."""
    host: str = "127.0.0.1"
    """Where ``palaver serve`` listens."""
    port: int = Field(default=8000, ge=0, le=65535)
    """The port ``palaver serve`` listens on; 0 takes a free one."""
    public_url: str | None = None
    """Where clients reach this server, such as ``https://chat.example.org``, for those that ask it. Without it they are told what
    they called themselves; a proxy that speaks HTTPS with them makes this necessary."""
    open: bool = False
    """Let a server without keys leave loopback: put your own door in front of it."""
    maintenance: bool = True
    """Whether this process also takes over what a dead one left behind, ends idle conversations and purges. The commands
    that only look or edit do without."""
    unsafe_durability: bool = False
    """Accept a store whose settings can lose acknowledged writes."""
    allow_origin: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma-separated origins that may call the server from a browser; ``*`` allows every origin, without credentials."""
    fetch: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma-separated hosts whose pages may be added as documents by their URL: ``docs.example.org``, ``*.example.org``,
    ``wiki.example.org:8443``, or ``*`` for every host on the usual ports. Empty: no page is fetched. Addresses that are not public
    are never fetched."""
    server_files: str | None = None
    """A folder of this machine whose files the clients of drop-in surfaces may name by their path, where they do, to be read as
    documents and images. Not set: none is read."""
    default_model: str | None = None
    """The model of a bot that names none; else the provider whose key is set, else ``offline``."""
    titles: str = "words"
    """Where a conversation without a title gets one from, with its first answer: ``words`` of the first question, which costs nothing;
    the name of a model, ``provider:name``, which is given the question and the answer; or ``off``."""
    session_bot: str = "default"
    """The bot, by id or name, of a conversation that comes through a drop-in surface and names none. A tenant that has none of
    that name gets one on first use."""
    default_embedding: str | None = None
    """The embedding of a bot that names none (``openai:text-embedding-3-small``, ``ollama:…``); without one,
    documents are found by their words alone."""
    index_cache: str | None = None
    """A folder where indexes of vectors that are kept in memory are also saved, to be there again after a restart. They
    are made from the store whenever they are not."""
    index_bytes: int = Field(default=1_000_000_000, ge=1_000_000)
    """The most memory for indexes of documents in this process; those not used for longest go first."""
    providers: dict[str, str] = Field(default_factory=dict)
    """OpenAI-compatible servers by name, as JSON: ``{"local": "http://127.0.0.1:8080/v1"}``."""
    provider_keys: dict[str, SecretStr] = Field(default_factory=dict)
    """API keys of the named providers, as JSON: ``{"local": "…"}``."""
    prices: dict[str, list[ModelPrice]] = Field(default_factory=dict)
    """What models cost, as JSON, by the name that a bot has of its model: ``{"openai:gpt-4o": [{"from": "2026-01-01", "input": 2500000,
    "output": 10000000}]}``. Numbers are millionths of your currency's unit for a million tokens, from that day (UTC) on, until a
    later entry's. A turn costs what was the price when it ended."""
    api_key: SecretStr | None = None
    """The key with which the SDK and the command line talk to a server."""
    log_level: str = "info"
    """``debug``, ``info``, ``warning`` or ``error``."""

    openai_api_key: SecretStr | None = Field(default=None, alias="OPENAI_API_KEY")
    """Makes ``openai:<name>`` available."""
    openai_base_url: str | None = Field(default=None, alias="OPENAI_BASE_URL")
    """Where ``openai:<name>`` is, for every OpenAI-compatible server."""
    groq_api_key: SecretStr | None = Field(default=None, alias="GROQ_API_KEY")
    """Makes ``groq:<name>`` available."""
    ollama_host: str | None = Field(default=None, alias="OLLAMA_HOST")
    """Where ``ollama:<name>`` is; ``http://127.0.0.1:11434`` when it is not set."""

    limits: Limits = Field(default_factory=Limits)

    @field_validator("allow_origin", "fetch", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
