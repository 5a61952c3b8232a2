"""What is kept where. Redis Cluster puts keys with the same braces into one slot, which is as far as one step reaches.

    {1a2b}:conv_…1a2b             a conversation, and with it everything inside: its ids end alike
        row, metadata, revision       a hash; every change of anything inside makes a new revision
    {1a2b}:conv_…1a2b:turns       ids of turns by index, the deleted ones too
    {1a2b}:conv_…1a2b:messages    ids of messages by seq, the deleted ones too
    {1a2b}:conv_…1a2b:path        those of the active path
    {1a2b}:conv_…1a2b:keys        idempotency key → fingerprint and turn
    {1a2b}:turn_…1a2b             a turn as JSON
    {1a2b}:turn_…1a2b:live        while it runs: fence, until, micros, owner, stop, held
    {1a2b}:turn_…1a2b:log         a stream; the number of an event is its id
    {1a2b}:msg_…1a2b              a message as JSON
    {t/acme}:…                    a tenant's bots and entities, their names, and the keys of its creates
    {s/acme/<sha256>}:…           bytes, who refers to them, and from where
    {all}:…                       tenants, API keys, the schema, the secret, notes, the counters of places
    list:…                        indexes over many conversations, each a key of its own, written behind the rows

Lists are sorted sets whose members all have score 0: they are read in the order of their bytes, which begin with what
is sorted by and the place, sixteen digits each. So a page begins exactly behind a position.
"""

from __future__ import annotations

from dataclasses import dataclass

from palaver.conversation import ConversationStatus, TurnStatus
from palaver.ids import family


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of keys; all begin with the prefix of the store."""

    prefix: str

    def inside(self, any_id: str, part: str = "") -> str:
        """Of a conversation, a turn or a message, or of a part of it."""
        return f"{self.prefix}{{{family(any_id)}}}:{any_id}{part and ':' + part}"

    def tenant(self, tenant_id: str, name: str) -> str:
        """Of a bot, an entity, or of what all of a tenant's have in common."""
        return f"{self.prefix}{{t/{tenant_id}}}:{name}"

    def content(self, tenant_id: str, sha256: str, name: str) -> str:
        """Of bytes."""
        return f"{self.prefix}{{s/{tenant_id}/{sha256}}}:{name}"

    def all(self, name: str) -> str:
        """Of what there is once."""
        return f"{self.prefix}{{all}}:{name}"

    def listing(self, name: str) -> str:
        """Of an index over all tenants."""
        return f"{self.prefix}list:{name}"

    def conversations(self, tenant_id: str, what: str) -> str:
        """Of an index of a tenant's conversations: all, those with a status, of a bot, of an entity …"""
        return f"{self.prefix}list:conversations/{tenant_id}/{what}"

    def turns(self, tenant_id: str, status: TurnStatus | None) -> str:
        """Of an index of a tenant's turns."""
        return f"{self.prefix}list:turns/{tenant_id}/{status or 'all'}"

    def queued(self, owner: str) -> str:
        """Of the queued turns that a process accepted."""
        return f"{self.prefix}list:queued/{owner}"

    def counter(self, kind: str) -> str:
        """Of the number of the last place that something of a kind took."""
        return self.all(f"places/{kind}")

    @property
    def channel(self) -> str:
        """Where wake-ups are published."""
        return f"{self.prefix}wake"


TALKING = "talking"
"""Tenants that ever had a turn: nothing is taken out of this list."""
LEASES = "leases"
STALLED = "stalled"
LOGS = "logs"
IDLING = "idling"
UNFINISHED = "unfinished"
UNUSED = "unused"
GONE_CONVERSATIONS = "gone/conversations"
GONE_TURNS = "gone/turns"
GONE_BOTS = "gone/bots"


def of_bot(bot_id: str) -> str:
    """The conversations of a bot, deleted ones too."""
    return f"bot/{bot_id}"


def active_of_bot(bot_id: str) -> str:
    """The active conversations of a bot."""
    return f"active/{bot_id}"


def of_entity(entity_id: str) -> str:
    """The conversations of an entity."""
    return f"entity/{entity_id}"


def of_external_id(external_id: str) -> str:
    """The conversations that have an external id."""
    return f"external/{external_id}"


def with_status(status: ConversationStatus) -> str:
    """The conversations that have a status."""
    return f"status/{status}"


def digits(number: int) -> str:
    """Return a number as lists are sorted by it."""
    return f"{number:016d}"
