"""Nothing of one tenant reaches another through a drop-in surface: every route of each, with foreign ids wherever one fits.

The probes of a surface are ``WALK`` in ``walks/<its name>.py``: by the name of the route (``POST /chat``), with paths below the
prefix. Where its clients show their key in another way than ``Authorization: Bearer``, ``shown(headers)`` there says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from types import ModuleType

import pytest

from palaver.compat import SURFACES, Surface
from server.foreign import CANARY, Probe, asked, furnished, said, snapshot, unknown_like
from server.world import World


def walk_of(surface: Surface) -> ModuleType:
    return import_module(f"compat.walks.{surface.name}")


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
async def test_a_foreign_id_is_like_an_unknown_one_on_every_route(world: World, surface: Surface) -> None:
    """With another tenant's ids every route answers exactly as with unknown ones, shows none of its bytes, changes nothing."""
    walk = walk_of(surface)
    shown = getattr(walk, "shown", lambda headers: headers)
    a, b = await world.key("admin", tenant="a"), await world.key("admin", tenant="b")
    mine, theirs = await furnished(world, a, "a", "plain"), await furnished(world, b, "b", CANARY)
    own = {f"own_{name}": value for name, value in mine.items()}
    nobodys = unknown_like(theirs)
    before, calls = await snapshot(world, theirs, b), world.model.call_count
    for route in surface.routes:
        probes: Mapping[str, tuple[Probe, ...]] = walk.WALK
        assert route.name in probes, f"{route.name} is not walked: add it"
        for each in probes[route.name]:
            probe = replace(each, path=surface.prefix + each.path)
            foreign = await asked(world, route.method, probe, {**theirs, **own}, shown(a))
            assert foreign.status_code == probe.status, (probe, foreign.text)
            echoed = foreign.request.url.path + foreign.request.url.query.decode() + foreign.request.content.decode()
            assert CANARY in echoed or CANARY not in foreign.text, probe
            assert probe.status != 200 or not any(value in foreign.text for value in theirs.values()), probe
            absent = await asked(world, route.method, probe, {**nobodys, **own, "cursor": theirs["cursor"]}, shown(a))
            assert said(foreign, theirs) == said(absent, nobodys), probe
    assert world.model.call_count == calls
    assert await snapshot(world, theirs, b) == before


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_the_walk_has_no_route_that_is_gone(surface: Surface) -> None:
    """The table names routes that exist."""
    assert set(walk_of(surface).WALK) == {route.name for route in surface.routes}


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
async def test_a_visitor_and_a_stranger_stay_outside(world: World, surface: Surface) -> None:
    """Once there are keys every route that has a scope is closed: 401 without a key, 403 for a visitor."""
    walk = walk_of(surface)
    shown = getattr(walk, "shown", lambda headers: headers)
    a = await world.key("admin", tenant="a")
    mine = await furnished(world, a, "a", "plain")
    visitor = await world.key("visitor", tenant="a", bot_id=mine["bot"], entity_id=mine["ent"])
    for route in surface.routes:
        path = surface.prefix + route.path.replace("{", "").replace(":path}", "").replace("}", "")
        for headers, status in (({}, 401), (shown(visitor), 403)):
            answer = await world.http.request(route.method, path, json={}, headers=headers)
            assert route.scope is None or answer.status_code == status, (route.name, answer.text)
