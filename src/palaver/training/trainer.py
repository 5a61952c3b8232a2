"""The trainer: what a run would use, and runs that go on in the background, one after the other.

A run is a training document in the making. Whoever was asked for it holds its claim and renews the lease until it is
ready, or failed; if the process dies, the lease runs out, nothing of the run is ever found, and it can be asked for again.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from functools import partial

import structlog

from palaver.clock import Clock, SystemClock, from_micros
from palaver.document import Document, DocumentError, DocumentSource, TrainedPair, TrainingReport
from palaver.errors import FenceLost, ModelError, PalaverError
from palaver.ids import new_id
from palaver.sheet import MEDIA_TYPE
from palaver.stores.documents import CUT, NOTHING
from palaver.stores.knowledge_orders import DocumentDraft, Ingestion, TrainingFilter, TrainingPolicy
from palaver.training.means import Means
from palaver.training.run import Run, report_of_selection
from palaver.training.selection import Selection

SAMPLE = 20
"""How many pairs a preview shows."""
BROKEN = DocumentError(code="training_failed", message="The run broke off by an error that the log tells of.")
_log = structlog.get_logger("palaver.training")


class Trainer:
    """Trains the bots of a store. ``step`` and ``renew`` are the bodies of its loops.

    Args:
        owner: Whose the claims are.
        lease_seconds: ``renew`` has to come more often.
    """

    def __init__(self, means: Means, *, owner: str, lease_seconds: float, clock: Clock | None = None) -> None:
        self._means = means
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._clock = clock or SystemClock()
        self._waiting: asyncio.Queue[Run] = asyncio.Queue()
        self._claims: dict[str, Ingestion] = {}

    async def preview(self, tenant_id: str, wanted: TrainingFilter) -> TrainingReport:
        """Return what a run would use, with the first pairs of it. Nothing is stored. Raises ``NotFound`` for the bot."""
        selection = Selection(self._means, tenant_id, wanted)
        sample: list[TrainedPair] = []
        while (choice := await selection.choose()) is not None:
            sample += [each.pair for each in choice.used[: SAMPLE - len(sample)]]
        return report_of_selection(selection, sample)

    async def start(self, tenant_id: str, wanted: TrainingFilter) -> Document | None:
        """Begin a run and return its document while it is ``processing``; None where nothing is new. ``step`` does the rest.

        Raises:
            NotFound: For the bot.
            Conflict: ``training_in_progress``.
        """
        if not await self._has_news(tenant_id, wanted):
            return None
        draft = self._draft(wanted)
        beginning = asyncio.ensure_future(
            self._means.store.begin_training(tenant_id, draft, self._owner, self._lease_seconds)
        )
        # A caller that is cancelled here (a client hung up) must not leave a run that nobody does.
        beginning.add_done_callback(partial(self._begun, wanted))
        return (await asyncio.shield(beginning)).document

    def _begun(self, wanted: TrainingFilter, beginning: asyncio.Future[Ingestion]) -> None:
        """A run was stored or refused."""
        if beginning.cancelled() or beginning.exception() is not None:
            return
        claim = beginning.result()
        self._claims[claim.document.id] = claim
        self._waiting.put_nowait(Run(self._means, claim, wanted))

    async def _has_news(self, tenant_id: str, wanted: TrainingFilter) -> bool:
        selection = Selection(self._means, tenant_id, wanted)
        while not selection.used and await selection.choose() is not None:
            pass
        return selection.used > 0

    def _draft(self, wanted: TrainingFilter) -> DocumentDraft:
        today = from_micros(self._clock.micros()).date()
        rated = {"min_rating": wanted.min_rating} if wanted.policy is TrainingPolicy.RATED else {}
        return DocumentDraft(
            id=new_id("doc"),
            bot_id=wanted.bot_id,
            title=f"Conversations until {today}",
            source=DocumentSource.TRAINING,
            media_type=MEDIA_TYPE,
            sha256=hashlib.sha256(NOTHING).hexdigest(),
            metadata={"policy": wanted.policy.value, **rated},
        )

    async def step(self) -> None:
        """Wait for a run, and do it to its end."""
        run = await self._waiting.get()
        try:
            await self._do(run)
        except asyncio.CancelledError:
            for claim in list(self._claims.values()):
                await self._fail(claim, CUT)
            raise
        finally:
            del self._claims[run.claim.document.id]

    async def _do(self, run: Run) -> None:
        try:
            await run.finish()
        except FenceLost:
            _log.info("training_ended_early", document_id=run.claim.document.id)
        except PalaverError as error:
            _log.warning("training_failed", document_id=run.claim.document.id, code=error.code, said=_said(error))
            await self._fail(run.claim, DocumentError(code=error.code, message=error.message))
        except Exception:
            await self._fail(run.claim, BROKEN)
            raise

    async def _fail(self, claim: Ingestion, error: DocumentError) -> None:
        with suppress(FenceLost):
            await self._means.store.fail_document(claim, error)

    async def renew(self) -> None:
        """Renew the leases of the runs that wait or go on. One that was lost ends with its next write."""
        if self._claims:
            await self._means.store.renew_ingestions(list(self._claims.values()), self._lease_seconds)


def _said(error: PalaverError) -> str:
    return error.provider_text if isinstance(error, ModelError) else error.message
