"""One run: from the claim of a training document to its publication."""

from __future__ import annotations

from collections.abc import Sequence

from palaver.document import TRAINING_COUNTS, Chunk, TrainedPair, TrainingReport
from palaver.stores.knowledge_orders import CHUNKS_AT_ONCE, Ingestion, TrainingFilter, TrainingPolicy
from palaver.training.means import Means
from palaver.training.pairs import Binder
from palaver.training.selection import Selection


def report_of_selection(selection: Selection, pairs: Sequence[TrainedPair] = ()) -> TrainingReport:
    """Return what a selection came to."""
    return TrainingReport(
        used=selection.used,
        duplicates=selection.duplicates,
        conversations=selection.conversations,
        pairs=tuple(pairs),
    )


class Run:
    """Writes what a selection chooses for the claimed document. Nobody finds it before it is whole."""

    def __init__(self, means: Means, claim: Ingestion, wanted: TrainingFilter) -> None:
        self.claim = claim
        self._means = means
        self._selection = Selection(means, claim.tenant_id, wanted)
        self._binder = Binder(claim.document)
        self._chunks: list[Chunk] = []
        self._marks_all = wanted.policy is not TrainingPolicy.RATED  # else a pair may be wanted once it is rated

    async def finish(self) -> None:
        """Do all of it.

        Raises:
            FenceLost: The document was deleted, or the lease ran out.
            PalaverError: The store or the embedding failed; the document is as it was.
        """
        while (choice := await self._selection.choose()) is not None:
            for each in choice.used:
                self._chunks += self._binder.chunks(each)
            while len(self._chunks) >= CHUNKS_AT_ONCE:
                await self._put()
            if self._marks_all and choice.done:
                await self._means.store.mark_trained(self.claim, choice.done)
        await self._put()
        await self._publish()

    async def _put(self) -> None:
        some, self._chunks = self._chunks[:CHUNKS_AT_ONCE], self._chunks[CHUNKS_AT_ONCE:]
        if some:
            vectors = await self._means.embeds.embed(self.claim.bot, some)
            await self._means.store.put_chunks(self.claim, some, vectors)

    async def _publish(self) -> None:
        counts = report_of_selection(self._selection).counts()
        metadata = {**self.claim.document.metadata, TRAINING_COUNTS: counts}
        await self._means.store.publish_document(self.claim, metadata=metadata)
