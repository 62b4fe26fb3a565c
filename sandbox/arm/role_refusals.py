"""What role assignments refuse, in the words of Microsoft.Authorization."""

from sandbox.frame.service import Refusal


class RoleAssignmentExists(Refusal):
    """The principal has that role at that scope already; the id is written without hyphens (observed)."""

    status = 409
    code = "RoleAssignmentExists"
    text = "The role assignment already exists. The ID of the conflicting role assignment is {id}."


class RoleAssignmentNotFound(Refusal):
    """No role assignment of that name was written at that scope."""

    status = 404
    code = "RoleAssignmentNotFound"
    text = "The role assignment '{name}' is not found."


class RoleAssignmentUpdateNotPermitted(Refusal):
    """The name is taken by an assignment of another role, principal or scope."""

    status = 400
    code = "RoleAssignmentUpdateNotPermitted"
    text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."


class PrincipalNotFound(Refusal):
    """The principal isn't known, or not yet; said only when the request leaves `principalType` out (observed)."""

    status = 400
    code = "PrincipalNotFound"
    text = (
        "Principal {principal} does not exist in the directory {tenant}. Check that you have the correct principal ID. "
        "If you are creating this principal and then immediately assigning a role, this error might be related to a "
        "replication delay. In this case, set the role assignment principalType property to a value, such as "
        "ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype"
    )


class UnmatchedPrincipalType(Refusal):
    """The principal is of another kind than the request says."""

    status = 400
    code = "UnmatchedPrincipalType"
    text = (
        "The PrincipalId '{principal}' has type 'ServicePrincipal' , which is different from specified PrinciaplType "
        "'{kind}'."
    )


class RoleDefinitionDoesNotExist(Refusal):
    """There is no such role."""

    status = 400
    code = "RoleDefinitionDoesNotExist"
    text = "The specified role definition with ID '{role}' does not exist."


class InvalidRoleAssignmentId(Refusal):
    """The name of a role assignment is no GUID."""

    status = 400
    code = "InvalidRoleAssignmentId"
    text = "The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."


class InvalidCondition(Refusal):
    """The condition can't be parsed."""

    status = 400
    code = "InvalidRoleAssignmentCondition"
    text = "The role assignment condition is invalid: {reason}."
    guessed = True


class UnsupportedFilter(Refusal):
    """The `$filter` has another form than role assignments know."""

    status = 400
    code = "UnsupportedQuery"
    text = (
        "The filter '{filter}' is not supported. Supported filters are either 'atScope()' or 'principalId eq "
        "'{{value}}' or assignedTo('{{value}}')'."
    )
