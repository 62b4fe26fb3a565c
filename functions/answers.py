"""HTTP answers: JSON for what worked, problem+json (RFC 9457) for what did not.

Whatever is not the caller's fault is 503 with Retry-After, a broken policy and a defect of ours included: an action
group calls again after 503 and never after 500, which would lose the alert
(documented, https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups).
"""

import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import azure.functions as func

if TYPE_CHECKING:
    from shared.application.assembly import Application
    from shared.errors import CachewardenError

RETRY_AFTER_S = 5
_NO_STORE = {"Cache-Control": "no-store"}
_SIGNED_IN = "x-ms-client-principal-name"


def is_signing_in() -> bool:
    """Whether App Service authentication is on, which only the platform can say."""
    return os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"


def signed_in(req: func.HttpRequest) -> str | None:
    """Who App Service authentication says is calling; nobody while it is off, since anybody can send its header then.

    While it is on it drops the header from requests that come from outside (documented).
    """
    return req.headers.get(_SIGNED_IN) if is_signing_in() else None


async def answered(
    ask: "Callable[[Application], Awaitable[Any]]", *, status: int = HTTPStatus.OK, lines: bool = False
) -> func.HttpResponse:
    """What a use case of the running app answers, as JSON with this status, or the problem that it met.

    `lines` asks for JSON lines, an object each; the use case answers with a list then. A `Document` goes out as it is.
    """
    import msgspec

    from shared.application.documents import Document
    from shared.bootstrap import production
    from shared.errors import CachewardenError, TemporaryError
    from shared.telemetry import get_logger

    try:
        encoder = msgspec.json.Encoder()
        told = await ask(await production())
        if isinstance(told, Document):
            return func.HttpResponse(told.text, status_code=status, mimetype=told.media_type, headers=_NO_STORE)
        body = (encoder.encode_lines if lines else encoder.encode)(told)
    except CachewardenError as error:
        return _problem(error)
    except Exception:  # noqa: BLE001 - a defect must not lose the caller's request, see above
        get_logger(__name__).exception("request.failed")
        return _problem(TemporaryError("something unexpected went wrong; it is in the log", code="internal"))
    mimetype = "application/x-ndjson" if lines else "application/json"
    return func.HttpResponse(body, status_code=status, mimetype=mimetype, headers=_NO_STORE)


def _problem(error: "CachewardenError") -> func.HttpResponse:
    """What went wrong, where, and what was expected."""
    import msgspec

    from shared.application.documents import Problem
    from shared.errors import CallerError, TemporaryError

    if isinstance(error, CallerError):
        status, headers = error.status, {}
    else:
        wait = error.retry_after if isinstance(error, TemporaryError) else None
        status, headers = HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(round(wait or RETRY_AFTER_S))}
    body = Problem(
        type=f"urn:cachewarden:error:{error.code}",
        title=(type(error).__doc__ or error.code).splitlines()[0],
        status=status,
        detail=str(error),
        code=error.code,
        hint=error.hint,
    )
    return func.HttpResponse(
        msgspec.json.encode(body), status_code=status, mimetype="application/problem+json", headers=_NO_STORE | headers
    )
