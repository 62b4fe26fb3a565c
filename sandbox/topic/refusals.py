"""The custom topic's refusals.

The statuses and the body's shape are documented (https://learn.microsoft.com/azure/event-grid/post-to-custom-topic);
the two texts about keys are seen in public error reports, the other texts are worded here.
"""

from sandbox.frame.service import Refusal


class Unauthorized(Refusal):
    """There is no credential in the request."""

    status = 401
    code = "Unauthorized"
    text = "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key."


class KeyNotAuthorized(Refusal):
    """The key, signature or token is not one of this topic."""

    status = 401
    code = "Unauthorized"
    text = "The request authorization key is not authorized for {host}. This is due to the reason: {reason}"


class SenderNotAllowed(Refusal):
    """The token is good, but its principal may not send to this topic."""

    status = 403
    code = "Forbidden"
    text = (
        "The principal associated with access token presented with the incoming request does not have permission to "
        "send data to {resource}."
    )
    guessed = True


class BadEvents(Refusal):
    """The body is not what the topic's schema asks for."""

    status = 400
    code = "BadRequest"
    text = "{detail}"
    guessed = True


class WrongContentType(Refusal):
    """The content type belongs to another schema than the topic's."""

    status = 415
    code = "UnsupportedMediaType"
    text = "The content type {found!r} is not supported by this topic; expected {expected}."
    guessed = True


class TooLarge(Refusal):
    """An event, or all of them together, exceed 1 MB."""

    status = 413
    code = "RequestEntityTooLarge"
    text = "The maximum size (1048576) has been exceeded."
    guessed = True
