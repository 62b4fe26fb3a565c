"""What Key Vault says when it refuses, in its own words.

Codes and words are observed in public reports (azure-sdk-for-js#24756 for disabled secrets, go-autorest#525 for the
audience, Terraform's reports for RBAC) unless a class is marked as guessed.
"""

from typing import ClassVar

from sandbox.frame.service import Refusal


class VaultRefusal(Refusal):
    """A refusal with Key Vault's inner code, where it gives one."""

    inner: ClassVar[str] = ""


class MissingToken(VaultRefusal):
    """The challenge: no token came along."""

    status = 401
    code = "Unauthorized"
    text = "AKV10000: Request is missing a Bearer or PoP token."


class InvalidAudience(VaultRefusal):
    """The token was made for something else."""

    status = 401
    code = "Unauthorized"
    text = "AKV10022: Invalid audience. Expected {expected}, found: {found}."


class InvalidToken(VaultRefusal):
    """The token is malformed, not the tenant's, or out of time."""

    status = 401
    code = "Unauthorized"
    text = "AKV10032: Invalid token: {reason}."
    guessed = True


class ForbiddenByRbac(VaultRefusal):
    """The caller lacks the data action at this secret."""

    status = 403
    code = "Forbidden"
    inner = "ForbiddenByRbac"
    text = (
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
        "definitions were changed recently, please observe propagation time.\r\n"
        "Caller: appid={client_id};oid={object_id};iss={issuer}\r\nAction: '{action}'\r\nResource: '{resource}'\r\n"
        "Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\n"
        "Vault: {vault};location={location}\r\n"
    )


class AccessDenied(VaultRefusal):
    """No access policy of the vault gives the caller the permission; the words are observed in public reports."""

    status = 403
    code = "Forbidden"
    inner = "AccessDenied"
    text = (
        "The user, group or application 'appid={client_id};oid={object_id};iss={issuer}' does not have secrets "
        "{permission} permission on key vault '{vault};location={location}'. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125287"
    )


class SecretDisabled(VaultRefusal):
    """The version is disabled: its value can't be read."""

    status = 403
    code = "Forbidden"
    inner = "SecretDisabled"
    text = "Operation get is not allowed on a disabled secret."


class SecretNotFound(VaultRefusal):
    """There is no such secret or version."""

    status = 404
    code = "SecretNotFound"
    text = (
        "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182"
    )


class DeletedSecretNotFound(VaultRefusal):
    """No deleted secret of that name waits for recovery."""

    status = 404
    code = "SecretNotFound"
    text = "Deleted Secret not found: {name}"


class DeletedButRecoverable(VaultRefusal):
    """The name belongs to a secret in soft delete."""

    status = 409
    code = "Conflict"
    inner = "ObjectIsDeletedButRecoverable"
    text = (
        "Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
        "the secret can only be recovered or purged."
    )


class BeingDeleted(VaultRefusal):
    """The secret is on its way into soft delete, or out of it for good."""

    status = 409
    code = "Conflict"
    inner = "ObjectIsBeingDeleted"
    text = "Secret {name} is currently being deleted and cannot be re-created; retry later."
    guessed = True


class BeingRecovered(VaultRefusal):
    """The secret is on its way out of soft delete (observed, terraform-provider-azurerm#12285)."""

    status = 409
    code = "Conflict"
    inner = "ObjectIsBeingRecovered"
    text = "Secret {name} is currently being recovered and cannot be re-created; retry later."


class VersionMissing(VaultRefusal):
    """No api-version came along."""

    status = 400
    code = "BadParameter"
    text = "api-version must be specified"


class VersionUnknown(VaultRefusal):
    """The api-version is none of this service's."""

    status = 400
    code = "BadParameter"
    text = (
        "The specified version ({version}) is not recognized. Consider using the latest supported version ({latest})."
    )


class InvalidName(VaultRefusal):
    """The secret's name has other characters than letters, digits and hyphens, or is too long."""

    status = 400
    code = "BadParameter"
    text = "The request URI contains an invalid name: {name}"


class InvalidBody(VaultRefusal):
    """The body isn't what the operation takes."""

    status = 400
    code = "BadParameter"
    text = "{reason}"
    guessed = True
