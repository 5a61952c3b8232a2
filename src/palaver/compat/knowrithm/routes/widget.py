"""``/agent/{id}/embed-code`` and ``/widget.js``: a bot's widget, which is not Knowrithm's but Palaver's own."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from palaver.compat.base import SurfaceRoute
from palaver.compat.knowrithm.answers import answer, named
from palaver.errors import FeatureAbsent
from palaver.serving import Caller
from palaver.wire.widget import snippet


async def embed_code(caller: Caller) -> Response:
    bot = await caller.hub.bots.get(named(caller))
    if bot.widget is None:
        raise FeatureAbsent("This agent talks on no pages: give its bot a widget first, with allowed_origins.")
    return answer({"agent_id": bot.id, "embed_code": snippet(_base(caller), caller.access.tenant_id, bot)})


def _base(caller: Caller) -> str:
    configured, url = caller.serving.settings.public_url, caller.request.url
    return (configured or f"{url.scheme}://{url.netloc}{caller.url('')}").rstrip("/")


async def script(caller: Caller) -> Response:
    """Lead to the script: what it opens it finds beside itself, which is not here."""
    return RedirectResponse(caller.url("/widget.js"))


ROUTES = (
    SurfaceRoute(method="GET", path="/v1/agent/{id}/embed-code", run=embed_code),
    SurfaceRoute(method="GET", path="/v1/widget.js", run=script, scope=None),
)
