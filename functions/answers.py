"""HTTP answers: JSON for what worked, problem+json (RFC 9457) for what did not."""

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

    Trouble that may pass is 503 with Retry-After: an action group calls again after 503 and never after 500
    (documented, https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups).
    """
    import msgspec

    from shared.errors import TemporaryError

    if isinstance(error, TemporaryError):
        status, headers = 503, {"Retry-After": str(round(error.retry_after or RETRY_AFTER_S))}
    else:
        status, headers = getattr(error, "status", 500), {}
    body = {
        "type": f"urn:cachewarden:error:{error.code}",
        "title": type(error).__doc__.splitlines()[0] if type(error).__doc__ else error.code,
        "status": status,
        "detail": str(error),
        "code": error.code,
        "hint": error.hint,
    }
    return func.HttpResponse(
        msgspec.json.encode(body), status_code=status, mimetype="application/problem+json", headers=headers
    )
