"""What Azure's error codes mean for us: which pass by themselves, and what a person can do about the others.

A code decides, never the HTTP status: a failed long-running operation of ARM carries its code in an answer with status
200, and a 409 can mean "busy, come back" as well as "never". A code that stands in neither table is permanent: trying
again what nobody understands only hides it.
"""

from typing import Final

TEMPORARY_CODES: Final = frozenset(
    {
        # ARM: throttling, its own errors, and a resource that something else is changing right now
        "TooManyRequests",
        "SubscriptionRequestsThrottled",
        "AnotherOperationInProgress",
        "ConflictingConcurrentWriteNotAllowed",
        "RetryableError",
        "InternalServerError",
        "ServerTimeout",
        "GatewayTimeout",
        "ServiceUnavailable",
        # role assignments: Entra ID has not replicated the new principal yet (documented)
        "PrincipalNotFound",
        # Azure Storage: the codes of its documentation
        "InternalError",
        "ServerBusy",
        "OperationTimedOut",
        "TableBeingDeleted",
        "QueueBeingDeleted",
        # Log Analytics
        "ThrottledError",
    }
)
"""Codes of refusals that pass without anybody's doing; compared without regard to case."""

HINTS: Final[dict[str, str]] = {
    # ARM
    "AuthorizationFailed": "Give the identity that asked the role that docs/deploy.md names for this resource.",
    "LinkedAuthorizationFailed": "Give the app's identity read access to the resource that the request refers to.",
    "AuthenticationFailed": "The token or key was refused; look at the app's identity and at its clock.",
    "InvalidAuthenticationToken": "The token was refused; look at the cloud and audience in the settings.",
    "InvalidAuthenticationTokenAudience": "The token was made for another service; look at the audience settings.",
    "RequestDisallowedByPolicy": "An Azure Policy forbids it; ask its owner for an exemption.",
    "ScopeLocked": "Remove the resource lock, or make the change by hand.",
    "MissingSubscriptionRegistration": "Register the provider Microsoft.ContainerRegistry in the subscription.",
    "ResourceNotFound": "Look at the id in the policy: the resource is not there, or was deleted.",
    "ParentResourceNotFound": "Look at the registry id in the policy: there is no such registry.",
    "ResourceGroupNotFound": "Look at the id in the policy: there is no such resource group.",
    "SubscriptionNotFound": "Look at the id in the policy: the identity sees no such subscription.",
    "InvalidSubscriptionId": "Look at the id in the policy: this is no subscription id.",
    # ACR's artifact cache
    "TargetRepositoryAlreadyPresentInRegistry": "Delete that repository, or choose another target in the policy.",
    "TargetRepositoryPrefixMatchesExistingRegistries": (
        "Delete the repositories below that prefix, or choose another target prefix in the policy."
    ),
    "EnforceDockerAuthentication": "Docker Hub needs credentials: name a credential for this upstream in the policy.",
    "UpstreamNotSupported": "ACR does not cache this upstream; take it out of the policy.",
    "GenericRepositoryNameInvalid": "The repository name is not one that ACR takes; pull it through another name.",
    "CannotCreateCacheRuleWithManagedIdentity": "Use a credential set; the preview feature is not registered.",
    "CannotSetResourceIdentity": "A credential set takes a system-assigned identity only.",
    # role assignments
    "RoleAssignmentUpdateNotPermitted": "Delete the role assignment of that name; it is for another role or principal.",
    "RoleAssignmentLimitExceeded": "The subscription has no role assignments left; delete what is unused.",
    # Log Analytics
    "InsufficientAccessError": "Give the app's identity Log Analytics Reader on the workspace; it may take an hour.",
    "PathNotFoundError": "Look at the workspace id in the policy: there is no such workspace.",
    "WorkspaceNotFoundError": "Look at the workspace id in the policy: there is no such workspace.",
    # storage
    "AuthorizationPermissionMismatch": (
        "Give the app's identity Storage Table Data Contributor and Storage Queue Data Contributor."
    ),
    "AuthorizationFailure": "The storage account's network rules or keys refuse the app.",
    "TableNotFound": "The table was deleted while it was in use.",
}
"""What a person can do, by code."""

_TEMPORARY = frozenset(code.lower() for code in TEMPORARY_CODES)
_HINTS = {code.lower(): hint for code, hint in HINTS.items()}


def passes_by_itself(code: str, status: int | None, message: str) -> bool:
    """Whether a refusal can end without anybody's doing; the status speaks only where the code is unknown to us."""
    if code.lower() in _TEMPORARY:
        return True
    if code.lower() in _HINTS:
        return False
    if status == 409:  # noqa: PLR2004 - "busy" and "never" share it; ACR's code for busy is not known, so its words count
        return "in progress" in message.lower() or "another operation" in message.lower()
    return status in {408, 429} or (status is not None and status >= 500)  # noqa: PLR2004 - HTTP


def hint_for(code: str) -> str:
    """What a person can do about a refusal, empty when nothing is known."""
    return _HINTS.get(code.lower(), "")
