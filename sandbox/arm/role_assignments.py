"""Writing and deleting role assignments, with the checks that meet a delegated administrator.

The trap it reproduces: a principal that was made a moment ago can be given a role only when the request says what kind
of principal it is, and a delegated administrator only what the condition of its own role allows.
"""

import re
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from sandbox.arm.access import AccessControl, RoleAssignment, covers, normal_scope
from sandbox.arm.bodies import AssignmentProperties
from sandbox.arm.conditions import ConditionError
from sandbox.arm.refusals import AuthorizationFailed, ConditionNotFulfilled
from sandbox.arm.role_refusals import (
    InvalidCondition,
    InvalidRoleAssignmentId,
    PrincipalNotFound,
    RoleAssignmentExists,
    RoleAssignmentNotFound,
    RoleAssignmentUpdateNotPermitted,
    RoleDefinitionDoesNotExist,
    UnmatchedPrincipalType,
    UnsupportedFilter,
)
from sandbox.frame.service import Clock
from sandbox.identity.directory import Directory
from sandbox.identity.tokens import TENANT_ID

_WRITE: Final = "Microsoft.Authorization/roleAssignments/write"
_DELETE: Final = "Microsoft.Authorization/roleAssignments/delete"
_SERVICE_PRINCIPAL: Final = "ServicePrincipal"
_AT_SCOPE: Final = re.compile(r"atScope\(\)", re.IGNORECASE)
_PRINCIPAL: Final = re.compile(r"(?:principalId\s+eq\s+'([^']*)'|assignedTo\('([^']*)'\))", re.IGNORECASE)


class RoleAssignments:
    """Role assignments as their API offers them; `access` holds them."""

    def __init__(self, *, access: AccessControl, directory: Directory, clock: Clock) -> None:
        self._access = access
        self._directory = directory
        self._clock = clock

    def put(self, caller: str, scope: str, name: str, wanted: AssignmentProperties) -> RoleAssignment:
        """Write a new assignment.

        Raises:
            Refusal: when the caller may not, when the principal has the role there already (the same request again
                is refused as well), or when the request is wrong.
        """
        assignment_id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        if not self._access.allows_on_condition(caller, _WRITE, scope):
            raise AuthorizationFailed(principal=caller, action=_WRITE, scope=assignment_id)
        if not _is_guid(name):
            raise InvalidRoleAssignmentId(name=name)
        role = wanted.role_definition_id.rstrip("/").rpartition("/")[2].lower()
        if role not in self._access.definitions:
            raise RoleDefinitionDoesNotExist(role=role)
        kind = self._principal_type(wanted)
        if not self._access.allows(caller, _WRITE, scope, role=role, principal_type=kind):
            raise ConditionNotFulfilled(principal=caller, action=_WRITE, scope=assignment_id)
        assignment = RoleAssignment(
            name=name,
            scope=scope,
            role=role,
            principal_id=wanted.principal_id,
            principal_type=kind,
            created_on=self._clock(),
            condition=wanted.condition,
        )
        self._check_conflicts(assignment)
        try:
            self._access.assign(assignment)
        except ConditionError as error:
            raise InvalidCondition(reason=error) from error
        return assignment

    def get(self, scope: str, name: str) -> RoleAssignment:
        """The assignment of that name written at that scope; raises `RoleAssignmentNotFound`."""
        if (found := self._access.get(scope, name)) is None:
            raise RoleAssignmentNotFound(name=name)
        return found

    def delete(self, caller: str, scope: str, name: str) -> RoleAssignment | None:
        """Delete and return the assignment, None when there is none; needs the caller's right for just this one."""
        assignment_id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        if not self._access.allows_on_condition(caller, _DELETE, scope):
            raise AuthorizationFailed(principal=caller, action=_DELETE, scope=assignment_id)
        found = self._access.get(scope, name)
        if found is None:
            return None
        if not self._access.allows(caller, _DELETE, scope, role=found.role, principal_type=found.principal_type):
            raise ConditionNotFulfilled(principal=caller, action=_DELETE, scope=assignment_id)
        return self._access.revoke(scope, name)

    def select(self, scope: str, query: str = "") -> Iterator[RoleAssignment]:
        """The assignments that hold at a scope or were written below it, as far as `$filter` lets them through.

        `atScope()` leaves out those below; `principalId eq '…'` and `assignedTo('…')` keep one principal's (there are
        no groups here, so they mean the same); an absent filter keeps all.

        Raises:
            UnsupportedFilter: for every other form.
        """
        at_scope, principal = False, None
        for clause in re.split(r"\s+and\s+", query.strip(), flags=re.IGNORECASE) if query.strip() else ():
            if _AT_SCOPE.fullmatch(clause):
                at_scope = True
            elif match := _PRINCIPAL.fullmatch(clause):
                principal = match[1] or match[2] or ""
            else:
                raise UnsupportedFilter(filter=query)
        for assignment in self._access.assignments(principal_id=principal):
            if covers(assignment.scope, scope) or (not at_scope and covers(scope, assignment.scope)):
                yield assignment

    def _principal_type(self, wanted: AssignmentProperties) -> str:
        known = self._directory.find(wanted.principal_id)
        if wanted.principal_type is None:
            if not self._directory.replicated(wanted.principal_id):
                raise PrincipalNotFound(
                    principal=wanted.principal_id.replace("-", ""), tenant=TENANT_ID.replace("-", "")
                )
            return _SERVICE_PRINCIPAL
        if known is not None and wanted.principal_type.lower() != _SERVICE_PRINCIPAL.lower():
            raise UnmatchedPrincipalType(principal=wanted.principal_id.replace("-", ""), kind=wanted.principal_type)
        return wanted.principal_type

    def _check_conflicts(self, wanted: RoleAssignment) -> None:
        for existing in self._access.assignments(principal_id=wanted.principal_id):
            same_scope = normal_scope(existing.scope) == normal_scope(wanted.scope)
            if same_scope and existing.role == wanted.role:
                raise RoleAssignmentExists(id=existing.name.replace("-", ""))
        if self._access.get(wanted.scope, wanted.name) is not None:
            raise RoleAssignmentUpdateNotPermitted


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
