"""The contract of a store as tests, one file a noun, every sentence of ``stores/base.py`` and
``stores/knowledge.py`` a property.

Subclass ``StoreConformance`` in a test module and give it two pytest fixtures: ``clock``, a ``FakeClock``, and ``store``, an
open store on that clock with nothing in it. The tests are coroutines: run them with pytest-asyncio in its ``auto`` mode.
"""

from palaver.testing.stores.bots import BotConformance, EntityConformance
from palaver.testing.stores.chunks import (
    ChunkConformance,
    ChunkSearchConformance,
    VectorConformance,
    VectorSearchConformance,
)
from palaver.testing.stores.conversations import ConversationConformance, ListingConformance
from palaver.testing.stores.documents import DocumentConformance, IngestionConformance
from palaver.testing.stores.ends import AdoptionConformance, FinishConformance, LogConformance, RecoveryConformance
from palaver.testing.stores.exports import ExportConformance
from palaver.testing.stores.figures import FigureConformance
from palaver.testing.stores.lifecycle import AttachmentConformance, DeletionConformance, LifecycleConformance
from palaver.testing.stores.messages import BranchConformance, LineageConformance, MessageConformance
from palaver.testing.stores.quotes import QuoteConformance
from palaver.testing.stores.records import RecordConformance
from palaver.testing.stores.restoring import RestoreConformance
from palaver.testing.stores.search import SearchConformance
from palaver.testing.stores.tenants import TenantConformance
from palaver.testing.stores.titles import TitleConformance
from palaver.testing.stores.training import TrainingConformance
from palaver.testing.stores.turns import BeginConformance, QueueConformance, StopConformance


class StoreConformance(
    TenantConformance,
    BotConformance,
    EntityConformance,
    ConversationConformance,
    ListingConformance,
    TitleConformance,
    BeginConformance,
    QueueConformance,
    StopConformance,
    FinishConformance,
    AdoptionConformance,
    LogConformance,
    RecoveryConformance,
    MessageConformance,
    LineageConformance,
    BranchConformance,
    RestoreConformance,
    SearchConformance,
    LifecycleConformance,
    DeletionConformance,
    FigureConformance,
    AttachmentConformance,
    DocumentConformance,
    IngestionConformance,
    ChunkConformance,
    ChunkSearchConformance,
    VectorConformance,
    VectorSearchConformance,
    TrainingConformance,
    QuoteConformance,
    RecordConformance,
    ExportConformance,
):
    """All of it."""


__all__ = ["StoreConformance"]
