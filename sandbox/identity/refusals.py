"""What App Service's identity endpoint says when it gives no token.

The shape and the words of an unknown identity are observed (MicrosoftDocs/azure-docs#43543,
Azure-Samples/azure-search-openai-demo#2148); the words for a bad header and a bad version are guesses.
"""

from sandbox.frame.service import Refusal


class WrongHeader(Refusal):
    """The `X-IDENTITY-HEADER` is missing or not the one that the platform handed to the app."""

    status = 401
    code = "Unauthorized"
    text = "The X-IDENTITY-HEADER is missing or wrong."
    guessed = True


class BadVersion(Refusal):
    """The api-version is missing or unknown."""

    status = 400
    code = "UnsupportedApiVersion"
    text = "The HTTP resource that matches the request URI does not support the API version '{version}'."
    guessed = True


class ResourceMissing(Refusal):
    """No `resource` is asked for."""

    status = 400
    code = "BadRequest"
    text = "Resource parameter is missing."
    guessed = True


class TwoIdentities(Refusal):
    """More than one of `client_id`, `principal_id` and `mi_res_id` is given."""

    status = 400
    code = "BadRequest"
    text = "Only one of client_id, principal_id and mi_res_id may be given."
    guessed = True


class IdentityNotFound(Refusal):
    """The app has no such identity."""

    status = 400
    code = "BadRequest"
    text = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."


class NoSystemIdentity(Refusal):
    """No identity is named, and the app has no system-assigned one."""

    status = 400
    code = "BadRequest"
    text = "No MSI found for specified ClientId/ResourceId."


class UnknownResource(Refusal):
    """The tenant has no such resource; Entra ID's own error, passed on."""

    status = 400
    code = "BadRequest"
    text = "AADSTS500011: The resource principal named {resource} was not found in the tenant named {tenant}."
