"""``/v1/store``"""

from __future__ import annotations

from starlette.responses import Response

from palaver.server.call import Answered, Call, Endpoint, value
from palaver.stores.report import StoreReport
from palaver.tenant import Scope


async def report(call: Call) -> Response:
    found = await call.hub.storage.report()
    return value(found if call.access.includes(Scope.OPERATOR) else found.for_a_tenant())


ROUTES = (
    Endpoint(
        method="GET",
        path="/v1/store",
        run=report,
        summary="Which store it is, and what its acknowledgement means; an operator also sees where it is, and its settings",
        tag="store",
        scope=Scope.ADMIN,
        answers={200: Answered(kind=StoreReport)},
    ),
)
