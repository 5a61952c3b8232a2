"""What there is to find for a bot, in the bot's slot: a revision, the embedding that serves, and which documents changed when.

What can be found of a document is decided in the document's own slot; then it is announced: the revision grows and the
document comes to the end of the list of changes, in one step. So whoever knows a revision has been told of every change up
to it, and what is told is looked up in the documents, as they are by then. To announce twice does no harm: a sweep does
it again for the steps that died.
"""

from __future__ import annotations

from collections.abc import Sequence

from palaver.stores.knowledge_orders import BotIndex
from palaver.stores.redis.keys import Keys
from palaver.stores.redis.server import Command
from palaver.stores.redis.session import Session
from palaver.stores.redis.step import Move
from palaver.stores.redis.stored import StoredBot, StoredDocument

EMBEDDER = "embedder"


def state_key(keys: Keys, bot_id: str) -> str:
    """A hash: ``revision``, ``embedding`` (none: words alone serve), and who is the ``embedder``."""
    return keys.of("index", bot_id)


def changes_key(keys: Keys, bot_id: str) -> str:
    """The ids of a bot's documents by the revision at which they last changed."""
    return keys.of("changes", bot_id)


def look(keys: Keys, bot_id: str) -> Command:
    """Return the command that reads what there is to find."""
    return ("HMGET", state_key(keys, bot_id), "revision", "embedding")


def index_of(answer: Sequence[bytes | None]) -> BotIndex:
    """Return what was read."""
    revision, embedding = answer
    return BotIndex(revision=int(revision or 0), embedding=embedding.decode() if embedding else None)


async def find_index(db: Session, bot_id: str) -> BotIndex:
    """Return what there is to find for a bot, and read the bot with it."""
    key = db.keys.of(StoredBot.KIND, bot_id)
    kept, answer = await db.ask(("GET", key), look(db.keys, bot_id))
    db.learn(StoredBot, key, kept)
    return index_of(answer)


def announcement(keys: Keys, kept: StoredDocument) -> Move:
    """Tell of a change. The first vectors that a bot gets decide which embedding serves."""
    where = (state_key(keys, kept.bot_id), changes_key(keys, kept.bot_id))
    return Move([], [("ANNOUNCE", *where, kept.id, kept.embedding or "")])
