"""HTTP answers: JSON for what worked, problem+json (RFC 9457) for what did not."""

from http import HTTPStatus
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from shared.errors import CachewardenError

RETRY_AFTER_S = 5


def answer(status: int, body: object) -> func.HttpResponse:
    """The body as JSON; msgspec Structs, datetimes and tuples included."""
    import msgspec

    return func.HttpResponse(msgspec.json.encode(body), status_code=status, mimetype="application/json")


def problem(error: "CachewardenError") -> func.HttpResponse:
    """What went wrong, where, and what was expected.

    What is not the caller's fault is 503 with Retry-After, a broken policy included: an action group calls again after
    503 and never after 500 (documented, https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups).
    """
    import msgspec

    from shared.errors import CallerError, TemporaryError

    if isinstance(error, CallerError):
        status, headers = error.status, {}
    else:
        wait = error.retry_after if isinstance(error, TemporaryError) else None
        status, headers = HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(round(wait or RETRY_AFTER_S))}
    body = {
        "type": f"urn:cachewarden:error:{error.code}",
        "title": (type(error).__doc__ or error.code).splitlines()[0],
        "status": status,
        "detail": str(error),
        "code": error.code,
        "hint": error.hint,
    }
    return func.HttpResponse(
        msgspec.json.encode(body), status_code=status, mimetype="application/problem+json", headers=headers
    )
