"""The contract of a store: what is counted of conversations. The rules of ``stores/base.py`` hold here, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from palaver.conversation import Turn
from palaver.page import Slice, Window
from palaver.stores.figures import FiguresQuery, Tally, UnfoundFilter


class FigureRows(Protocol):
    """What is counted of conversations; ``stores.figures`` says what that is.

    Every step that changes a figure marks its conversation as uncounted, too: a turn that ends, an append, a rating, an end, a
    delete, a restore, an entity that is forgotten. So do conversations that came by ``put_records``, or with an older schema.
    """

    async def count_figures(self, owner: str, lease_seconds: float, limit: int) -> int:
        """Count up to ``limit`` uncounted conversations anew, and add to the roll-ups what has changed.

        A conversation is counted in one step, so that a call that is cut leaves it counted or uncounted. One owner counts at a
        time: its lease is renewed by each call that finds something. One in which a turn runs may be left for later.

        Returns how many were counted; 0 where nothing is to do, or another's lease holds.

        A purge leaves nothing of a conversation in its sheet or in the roll-ups.
        """
        ...

    async def figures(self, tenant_id: str, wanted: FiguresQuery) -> Sequence[Tally]:
        """Return the sums that are asked for, by their keys; those that are empty are left out.

        They are what counting all conversations now would give, counted or not. Conversations of a deleted bot don't
        count; those of an entity that was forgotten count as nobody's.

        Raises:
            StoreUnavailable: Also where so much is counted anew just now that no moment could be read.
        """
        ...

    async def page_unfound(self, tenant_id: str, wanted: UnfoundFilter, window: Window) -> Slice[Turn]:
        """List the turns that ``Figure.UNFOUND`` counts, those asked last first: as many as ``figures`` says, at any time.

        Of what is not of that time nothing is read.
        """
        ...
