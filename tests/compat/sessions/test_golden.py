"""The bytes of each kind of answer, as they are kept."""

from __future__ import annotations

from compat.golden import golden, transcript
from server.world import World


async def test_the_bytes_are_those_that_are_kept(world: World) -> None:
    """A session from its beginning to its history, and what is refused."""
    begun = await world.http.post("/new_session")
    session_id = begun.json()["session_id"]
    answers = [
        begun,
        await world.http.post("/chat", json={"session_id": session_id, "message": "Grüße?"}),
        await world.http.get("/sessions"),
        await world.http.get(f"/session/{session_id}/history"),
        await world.http.post("/chat", json={"session_id": "unknown", "message": "Hello?"}),
        await world.http.post("/chat", json={"session_id": session_id}),
    ]
    assert transcript(*answers) == golden(__file__, "session.txt")
