"""Visitors: people on other pages, who talk to one bot as one entity, with a token in the place of a key.

A token is ``pv_<expiry>_<whose><bot>_<entity>_<seal>_<tenant>``: numbers and ids in hexadecimal, and an HMAC over all of them.
Nothing is stored for it: however many visitors there are, the list of keys stays as it is. It ends with what it names: with its
bot, its entity, and (``whose`` is ``w``: a visitor whom nobody named) with the widget. One that a key made (``k``) needs no widget.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace

from palaver.clock import Clock, SystemClock, from_micros
from palaver.entity import Entity, EntityType
from palaver.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from palaver.ids import new_id
from palaver.results import Visitor
from palaver.stores.base import Store
from palaver.stores.orders import EntityChange, EntityDraft
from palaver.wire.keys import VISITOR_SECONDS
from palaver.wire.visitors import Introduction, VisitorCreate
from palaver.wire.widget import Widget, widget_of

BEGIN = "pv_"
UNNAMED_SECONDS = 30 * 86_400
CONSENT = "consent"
_SHAPE = re.compile(r"pv_([0-9a-f]{1,16})_([wk])([0-9a-f]{32})_([0-9a-f]{32})_([0-9a-f]{64})_([a-z0-9_.-]{1,64})\Z")
_NOT_VALID = "This visitor's token is not valid."


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who visits which bot, until when (microseconds). ``named``: a key said who it is."""

    tenant_id: str
    bot_id: str
    entity_id: str
    named: bool
    expires_at: int


class Visitors:
    """The visitors of all bots of a store. It checks no scope: its callers do."""

    def __init__(self, store: Store, secret: bytes, clock: Clock | None = None) -> None:
        self._store = store
        self._secret = secret
        self._clock = clock or SystemClock()

    async def widget(self, tenant_id: str, bot_id: str) -> tuple[str, Widget]:
        """Return the name of a bot that is open to visitors, and its widget.

        Raises:
            NotFound: There is no such bot, or it has none.
        """
        bot = await self._store.get_bot(tenant_id, bot_id)
        widget = widget_of(bot)
        if widget is None:
            raise NotFound
        return bot.name, widget

    async def enter(self, tenant_id: str, bot_id: str) -> Visitor:
        """Return a new visitor of a bot's widget. Raises ``NotFound`` where it has none."""
        await self.widget(tenant_id, bot_id)
        draft = EntityDraft(id=new_id("ent"), type=EntityType.USER)
        entity = (await self._store.create_entity(tenant_id, draft)).value
        until = self._after(UNNAMED_SECONDS)
        visit = Visit(tenant_id=tenant_id, bot_id=bot_id, entity_id=entity.id, named=False, expires_at=until)
        return self._visitor(visit, entity)

    async def create(self, tenant_id: str, order: VisitorCreate) -> Visitor:
        """Return an entity as a visitor of a bot. Raises ``NotFound`` where one of them is none of this tenant."""
        await self._store.get_bot(tenant_id, order.bot_id)
        entity = await self._store.get_entity(tenant_id, order.entity_id)
        until = self._after(order.expires_in_seconds or VISITOR_SECONDS)
        visit = Visit(tenant_id=tenant_id, bot_id=order.bot_id, entity_id=entity.id, named=True, expires_at=until)
        return self._visitor(visit, entity)

    async def admit(self, token: str) -> Visit:
        """Return who shows a token.

        Raises:
            Unauthenticated: It is malformed, forged or too old, or what it names is gone; the answer does not say which.
        """
        visit = self._read(token)
        try:
            bot = await self._store.get_bot(visit.tenant_id, visit.bot_id)
            await self._store.get_entity(visit.tenant_id, visit.entity_id)
        except NotFound:
            raise Unauthenticated(_NOT_VALID) from None
        if bot.widget is None and not visit.named:
            raise Unauthenticated(_NOT_VALID)
        return visit

    async def renew(self, visit: Visit) -> Visitor:
        """Return a visitor with a fresh token. One whom a key named keeps the end that this gave: it gives the next one, too."""
        return self._renewed(visit, await self._store.get_entity(visit.tenant_id, visit.entity_id))

    async def introduce(self, visit: Visit, said: Introduction) -> Visitor:
        """Note what a visitor says of itself: it is a lead from now on.

        Raises:
            Forbidden: A key said who it is.
            InvalidInput: ``missing_field``: the widget asks for a consent, which was not given.
        """
        if visit.named:
            raise Forbidden("Who you are was said already, by the page that you are on.")
        _, widget = await self.widget(visit.tenant_id, visit.bot_id)
        if widget.consent is not None and not said.consent:
            raise InvalidInput("This needs your consent.", code="missing_field", path="consent")
        agreed = {} if widget.consent is None else {CONSENT: widget.consent}
        change = EntityChange(type=EntityType.LEAD, name=said.name, email=said.email, metadata=agreed)
        return self._renewed(visit, await self._store.update_entity(visit.tenant_id, visit.entity_id, change))

    def _renewed(self, visit: Visit, entity: Entity) -> Visitor:
        until = visit.expires_at if visit.named else self._after(UNNAMED_SECONDS)
        return self._visitor(replace(visit, expires_at=until), entity)

    def _visitor(self, visit: Visit, entity: Entity) -> Visitor:
        return Visitor(
            bot_id=visit.bot_id, entity=entity, token=self._token(visit), expires_at=from_micros(visit.expires_at)
        )

    def _after(self, seconds: int) -> int:
        return self._clock.micros() + seconds * 1_000_000

    def _token(self, visit: Visit) -> str:
        whose = "k" if visit.named else "w"
        ids = f"{whose}{visit.bot_id.removeprefix('bot_')}_{visit.entity_id.removeprefix('ent_')}"
        told = f"{visit.expires_at:x}_{ids}"
        return f"{BEGIN}{told}_{self._seal(told, visit.tenant_id)}_{visit.tenant_id}"

    def _read(self, token: str) -> Visit:
        found = _SHAPE.match(token)
        if found is None:
            raise Unauthenticated(_NOT_VALID)
        expiry, whose, bot, entity, seal, tenant_id = found.groups()
        if not hmac.compare_digest(seal, self._seal(f"{expiry}_{whose}{bot}_{entity}", tenant_id)):
            raise Unauthenticated(_NOT_VALID)
        if int(expiry, 16) <= self._clock.micros():
            raise Unauthenticated(_NOT_VALID)
        return Visit(
            tenant_id=tenant_id,
            bot_id=f"bot_{bot}",
            entity_id=f"ent_{entity}",
            named=whose == "k",
            expires_at=int(expiry, 16),
        )

    def _seal(self, told: str, tenant_id: str) -> str:
        return hmac.digest(self._secret, f"visitor\0{told}\0{tenant_id}".encode(), hashlib.sha256).hex()
