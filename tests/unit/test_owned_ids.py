"""Ids that tell whose they are."""

from __future__ import annotations

from palaver.ids import is_id, new_id
from palaver.owned_ids import OwnedIds


def test_an_id_is_its_owners_alone() -> None:
    """It has the form of every id, sorts by time, and nobody else's; nor is an id that was made without an owner."""
    ids = OwnedIds(b"secret")
    made = [ids.new("att", "bot_1 ent_1") for _ in range(100)]
    assert len(set(made)) == 100
    for each in made:
        assert is_id("att", each)
        assert ids.is_of(each, "bot_1 ent_1")
        assert not ids.is_of(each, "bot_1 ent_2")
        assert not OwnedIds(b"other").is_of(each, "bot_1 ent_1")
    assert not ids.is_of(new_id("att"), "bot_1 ent_1")
    assert not ids.is_of(made[0][:-11] + "0" + made[0][-10:], "bot_1 ent_1") or made[0][-11] == "0"
