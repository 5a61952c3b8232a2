"""From settings, and what the program gave, to the parts that a hub works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, Unpack

from palaver.analytics.counter import FigureCounter
from palaver.bot import Bot
from palaver.config import Settings
from palaver.document import Chunk, Hit
from palaver.embeddings.base import EmbeddingCatalog
from palaver.embeddings.catalog import KnownEmbeddings
from palaver.given import Given
from palaver.hub.intake import Intake
from palaver.ids import new_id
from palaver.images import ImageDesk, ImageLimits
from palaver.ingest import Ingestor
from palaver.models.catalog import Catalog
from palaver.models.patience import Patience
from palaver.prices import Price, PriceTable
from palaver.provider.addresses import Providers
from palaver.retrieval.fetching import Fetcher
from palaver.retrieval.indexes import Indexes, indexes_over
from palaver.retrieval.passages import embedded
from palaver.retrieval.reembedding import Reembedding
from palaver.retrieval.reranking import as_reranker
from palaver.retrieval.search import Retrieval
from palaver.retrieval.settings import retrieval_settings
from palaver.stores.base import Store
from palaver.stores.knowledge_orders import Embedded
from palaver.stores.orders import Claim
from palaver.titles import OFF, WORDS, Titler, title_from_words, untitled
from palaver.training.means import Means
from palaver.training.trainer import Trainer
from palaver.turns import EngineLimits, TurnEngine
from palaver.worker import Aid

if TYPE_CHECKING:
    from pydantic import SecretStr

INGESTIONS_AT_ONCE = 2
"""How many documents a process makes ready at once: each has a child process that reads it."""
TITLES_AT_ONCE = 4
"""How many titles a process has made by a model at once."""
TIDY_SECONDS = 60.0


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _providers(settings: Settings) -> Providers:
    return Providers(
        default_model=settings.default_model,
        default_embedding=settings.default_embedding,
        openai_api_key=_plain(settings.openai_api_key),
        openai_base_url=settings.openai_base_url,
        groq_api_key=_plain(settings.groq_api_key),
        ollama_host=settings.ollama_host,
        named=settings.providers,
        named_keys={name: key.get_secret_value() for name, key in settings.provider_keys.items()},
    )


def _patience(settings: Settings) -> Patience:
    limits = settings.limits
    return Patience(
        connect_seconds=limits.connect_seconds,
        first_byte_seconds=limits.first_byte_seconds,
        idle_seconds=limits.idle_seconds,
        total_seconds=limits.total_seconds,
        retries=limits.retries,
        answer_bytes=limits.answer_bytes,
    )


def _engine_limits(settings: Settings) -> EngineLimits:
    limits = settings.limits
    return EngineLimits(
        lease_seconds=limits.lease_seconds,
        tick_seconds=limits.tick_seconds,
        poll_seconds=limits.poll_seconds,
        sweep_seconds=limits.sweep_seconds,
        drain_seconds=limits.drain_seconds,
        context_tokens=limits.context_tokens,
        image_bytes=limits.file_bytes,
    )


def _prices(settings: Settings) -> PriceTable:
    return PriceTable(
        {
            model: [Price(since=each.since, input=each.input, output=each.output) for each in prices]
            for model, prices in settings.prices.items()
        }
    )


def _ingestor(
    store: Store, embeddings: EmbeddingCatalog, settings: Settings, *, owner: str, published: Callable[[str, str], None]
) -> Ingestor:
    return Ingestor(
        store,
        embeddings,
        owner=owner,
        published=published,
        polls=settings.maintenance,
        lease_seconds=settings.limits.lease_seconds,
    )


@dataclass(frozen=True, slots=True)
class _BotEmbeds:
    """Embeds the chunks of a bot as its settings say."""

    embeddings: EmbeddingCatalog

    async def embed(self, bot: Bot, chunks: Sequence[Chunk]) -> Embedded | None:
        name = retrieval_settings(bot.retrieval).wanted_embedding(self.embeddings)
        return None if name is None else await embedded(self.embeddings, name, chunks)


def _finding(retrieval: Retrieval) -> Callable[[Claim, str], Awaitable[Sequence[Hit]]]:
    async def find(claim: Claim, text: str) -> Sequence[Hit]:
        return (await retrieval.search(claim.tenant_id, claim.bot, text, index=claim.index)).hits

    return find


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """The parts of a hub on an open store. ``work`` has them do what goes on in the background."""

    models: Catalog
    embeddings: EmbeddingCatalog
    images: ImageDesk
    intake: Intake
    ingestor: Ingestor
    reembedding: Reembedding
    retrieval: Retrieval
    trainer: Trainer
    engine: TurnEngine
    titler: Titler | None
    indexes: Indexes
    counter: FigureCounter

    @classmethod
    def on(cls, store: Store, settings: Settings, stack: AsyncExitStack, **given: Unpack[Given]) -> Self:
        """Return the parts; what has to be closed is left to ``stack``."""
        providers, owner = _providers(settings), new_id("proc")
        models = Catalog(providers, models=given.get("models"), patience=_patience(settings))
        stack.push_async_callback(models.aclose)
        embeddings = KnownEmbeddings(providers, embeddings=given.get("embeddings"))
        stack.push_async_callback(embeddings.aclose)
        reembedding = Reembedding(store, embeddings, owner=owner)
        indexes = indexes_over(store, limit_bytes=settings.index_bytes, folder=settings.index_cache)
        rerankers = {name: as_reranker(each) for name, each in (given.get("rerankers") or {}).items()}
        retrieval = Retrieval(store, embeddings, indexes, reembedding=reembedding, rerankers=rerankers)
        limits, titles = settings.limits, given.get("titles") or settings.titles
        means = Means(store=store, embeds=_BotEmbeds(embeddings), redact=given.get("redact"))
        return cls(
            models=models,
            embeddings=embeddings,
            images=ImageDesk(ImageLimits(file_bytes=limits.file_bytes, pixels=limits.image_pixels)),
            intake=Intake(Fetcher(settings.fetch, limit_bytes=limits.file_bytes), limits.file_bytes),
            ingestor=_ingestor(store, embeddings, settings, owner=owner, published=reembedding.wake),
            reembedding=reembedding,
            retrieval=retrieval,
            trainer=Trainer(means, owner=owner, lease_seconds=limits.lease_seconds),
            engine=TurnEngine(
                store,
                models,
                aid=Aid(find=_finding(retrieval), make_title=title_from_words if titles == WORDS else untitled),
                limits=_engine_limits(settings),
                prices=_prices(settings),
            ),
            titler=None if titles in {WORDS, OFF} else Titler(store, models, titles, prices=_prices(settings)),
            counter=FigureCounter(store, owner=owner, lease_seconds=limits.lease_seconds),
            indexes=indexes,
        )

    def work(self) -> None:
        """Ingest, embed anew, train and title for as long as the engine works."""
        if self.titler is not None:
            self.engine.tell_of_ends(self.titler.note)
            for number in range(TITLES_AT_ONCE):
                self.engine.do_forever(f"titles {number + 1}", self.titler.step, pause_seconds=0)
        for number in range(INGESTIONS_AT_ONCE):
            self.engine.do_forever(f"ingestion {number + 1}", self.ingestor.step, pause_seconds=0)
        self.engine.do_forever("reembedding", self.reembedding.step, pause_seconds=0)
        self.engine.do_forever("training", self.trainer.step, pause_seconds=0)
        self.engine.do_forever(
            "training leases", self.trainer.renew, pause_seconds=self.engine.limits.lease_seconds / 3
        )
        self.engine.do_forever("indexes", self.indexes.tidy, pause_seconds=TIDY_SECONDS)
