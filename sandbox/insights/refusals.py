"""The refusals of the ingestion endpoint.

Its statuses are documented by what exporters make of them (https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication
and the exporters' own retry rules); the words are worded here.
"""

from sandbox.frame.service import Refusal


class NoToken(Refusal):
    """Local authentication is switched off, and the request brings no token that counts."""

    status = 401
    code = "Unauthorized"
    text = "Authentication is required: {reason}."
    guessed = True


class NotAllowed(Refusal):
    """The token is good, but its principal may not send telemetry to this component."""

    status = 403
    code = "Forbidden"
    text = "The principal does not have permission to send telemetry to {resource}."
    guessed = True


class BadEnvelope(Refusal):
    """An item is of no kind that is known, or for another component."""

    status = 400
    code = "BadRequest"
    text = "{detail}"
    guessed = True
