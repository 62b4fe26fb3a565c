"""Visits to the console: the host's request as the console's, and its answer as the host's."""

import azure.functions as func

from functions.answers import is_signing_in


async def visited(req: func.HttpRequest, *, is_keyed: bool) -> func.HttpResponse:
    """The console's answer; `is_keyed` where the host lets nobody through without the function key."""
    from shared.bootstrap import production
    from shared.console.access import Request
    from shared.console.desk import answer

    request = Request(
        method=req.method,
        path=req.route_params.get("path") or "",
        query=dict(req.params),
        headers={name.lower(): value for name, value in req.headers.items()},
        body=req.get_body(),
        is_keyed=is_keyed,
        is_signing_in=is_signing_in(),
    )
    response = await answer(production, request)
    return func.HttpResponse(
        response.body, status_code=response.status, headers=response.headers, mimetype="text/html", charset="utf-8"
    )
