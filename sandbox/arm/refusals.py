"""What Azure Resource Manager itself says when it refuses, whatever the resource.

Codes and words are ARM's own, observed in public reports; a class is marked as guessed where they are not known.
"""

from sandbox.frame.service import Refusal


class MissingToken(Refusal):
    """No bearer token came along."""

    status = 401
    code = "AuthenticationFailed"
    text = "Authentication failed. The 'Authorization' header is missing."


class InvalidToken(Refusal):
    """The token is malformed or not the tenant's."""

    status = 401
    code = "InvalidAuthenticationToken"
    text = "The access token is invalid."


class ExpiredToken(Refusal):
    """The token is out of time."""

    status = 401
    code = "ExpiredAuthenticationToken"
    text = "The access token expiry UTC time is earlier than current UTC time '{now}'."


class WrongAudience(Refusal):
    """The token was made for another service."""

    status = 401
    code = "InvalidAuthenticationTokenAudience"
    text = (
        "The access token has been obtained for wrong audience or resource '{audience}'. It should exactly match with "
        "one of the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net',"
        "'https://management.azure.com/','https://management.azure.com'."
    )


class AuthorizationFailed(Refusal):
    """The caller has no role that allows the action at the scope."""

    status = 403
    code = "AuthorizationFailed"
    text = (
        "The client '{principal}' with object id '{principal}' does not have authorization to perform action "
        "'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials."
    )


class ConditionNotFulfilled(Refusal):
    """The caller has the role, but its condition forbids this role assignment."""

    status = 403
    code = "AuthorizationFailed"
    text = (
        "The client '{principal}' with object id '{principal}' has an authorization with ABAC condition that is not "
        "fulfilled to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently "
        "granted, please refresh your credentials."
    )


class MissingApiVersion(Refusal):
    """No api-version came along."""

    status = 400
    code = "MissingApiVersionParameter"
    text = "The api-version query parameter (?api-version=) is required for all requests."


class InvalidApiVersion(Refusal):
    """ARM's own operations have no such api-version."""

    status = 400
    code = "InvalidApiVersionParameter"
    text = "The api-version '{version}' is invalid. The supported versions are '{supported}'."


class NoRegisteredProvider(Refusal):
    """The resource type has no such api-version."""

    status = 400
    code = "NoRegisteredProviderFound"
    text = (
        "No registered resource provider found for location '{location}' and API version '{version}' for type "
        "'{kind}'. The supported api-versions are '{supported}'. The supported locations are '{location}'."
    )


class SubscriptionNotFound(Refusal):
    """There is no such subscription."""

    status = 404
    code = "SubscriptionNotFound"
    text = "The subscription '{subscription}' could not be found."


class ResourceGroupNotFound(Refusal):
    """There is no such resource group."""

    status = 404
    code = "ResourceGroupNotFound"
    text = "Resource group '{group}' could not be found."


class ResourceNotFound(Refusal):
    """There is no such resource."""

    status = 404
    code = "ResourceNotFound"
    text = (
        "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to "
        "https://aka.ms/ARMResourceNotFoundFix"
    )


class ParentResourceNotFound(Refusal):
    """The resource that this one would be part of doesn't exist."""

    status = 404
    code = "ParentResourceNotFound"
    text = (
        "Failed to perform '{verb}' on resource(s) of type '{kind}', because the parent resource '{parent}' could not "
        "be found."
    )


class InvalidRequestContent(Refusal):
    """The body is no JSON, or not of the shape that the operation takes."""

    status = 400
    code = "InvalidRequestContent"
    text = "The request content was invalid and could not be deserialized: '{reason}'."


class InvalidFilter(Refusal):
    """The `$filter` has another form than the operation knows."""

    status = 400
    code = "InvalidFilterInQueryString"
    text = "Invalid $filter '{filter}' specified in the query string."


class Throttled(Refusal):
    """The principal has used up its tokens for this kind of request."""

    status = 429
    code = "SubscriptionRequestsThrottled"
    text = (
        "Number of {kind} requests for subscription '{subscription}' exceeded the limit of '{limit}' for time interval "
        "'{interval}'. Please try again after '{wait}' seconds."
    )


class OperationNotFound(Refusal):
    """There is no such long-running operation."""

    status = 404
    code = "OperationNotFound"
    text = "The operation '{name}' could not be found."
    guessed = True


class InvalidResourceNamespace(Refusal):
    """There is no such provider (observed)."""

    code = "InvalidResourceNamespace"
    status = 404
    text = "The resource namespace '{namespace}' is invalid."


class NoSuchRoute(Refusal):
    """ARM has many more operations than the sandbox emulates."""

    status = 404
    code = "InvalidResourceType"
    text = "The sandbox's Resource Manager has no operation at this path."
    guessed = True
