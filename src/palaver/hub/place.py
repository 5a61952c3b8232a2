"""What every noun of a hub stands on: the store, the engine and the tenant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from palaver.cursor import CursorSigner
from palaver.errors import NotFound
from palaver.hub.intake import Intake
from palaver.ids import is_id
from palaver.images import ImageDesk
from palaver.ingest import Ingestor
from palaver.jsonable import encode
from palaver.models.base import ModelCatalog
from palaver.page import Page, Slice, T, Window
from palaver.retrieval.reembedding import Reembedding
from palaver.retrieval.search import Retrieval
from palaver.stores.base import Store
from palaver.training.trainer import Trainer
from palaver.turns import TurnEngine


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose data, where, and who runs the turns."""

    tenant_id: str
    store: Store
    engine: TurnEngine
    signer: CursorSigner
    models: ModelCatalog
    images: ImageDesk
    queue_cap: int
    intake: Intake
    ingestor: Ingestor
    retrieval: Retrieval
    reembedding: Reembedding
    trainer: Trainer

    def known(self, prefix: str, any_id: str) -> str:
        """Return an id that may exist; what has not even its form is ``NotFound`` without asking the store."""
        if not is_id(prefix, any_id):
            raise NotFound
        return any_id

    def listing(self, noun: str, filters: Mapping[str, Any] | None = None) -> Listing:
        """Return one listing of this tenant: its cursors are good for it alone."""
        name = json.dumps([self.tenant_id, noun, encode(filters or {})], sort_keys=True)
        return Listing(name=name, signer=self.signer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A listing by its name: its tenant, what is listed, its filters and its order."""

    name: str
    signer: CursorSigner

    def window(self, *, limit: int, after: str | None, before: str | None) -> Window:
        """Return what the store is asked for."""
        return self.signer.window(self.name, limit=limit, after=after, before=before)

    def page(self, part: Slice[T]) -> Page[T]:
        """Return what the caller gets."""
        return self.signer.page(part, self.name)
