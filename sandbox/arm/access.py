"""Azure RBAC: role assignments, and whether a principal may do something somewhere.

The trap it avoids: an emulator that lets everybody do everything hides a missing role until the first real
deployment. All services ask this one place, ARM for actions, the data planes for data actions.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import uuid4

import msgspec

from sandbox.arm.conditions import Condition, parse_condition
from sandbox.arm.roles import BUILT_IN_ROLES, RoleDefinition
from sandbox.arm.vault_policies import VaultPolicies
from sandbox.frame.service import Clock, system_clock


class RoleAssignment(msgspec.Struct, frozen=True):
    """A role given to a principal on a scope and everything below it.

    Attributes:
        name: its GUID.
        scope: the ARM id that it holds for: a subscription, group, resource, or a vault's secret.
        role: the GUID of the role definition, in lower case.
        principal_id: the object id of who holds it.
        principal_type: `ServicePrincipal`, `User` or `Group`.
        created_on: when it was written; it holds only after the propagation time.
        condition: an ABAC condition (version 2.0), None when there is none.
    """

    name: str
    scope: str
    role: str
    principal_id: str
    principal_type: str
    created_on: datetime
    condition: str | None = None


class AccessControl:
    """The tenant's role definitions and assignments, and the policies of vaults that go by those.

    `propagation_s` is how long a new assignment takes to hold; in Azure it is up to ten minutes, here none by default.
    """

    def __init__(
        self,
        *,
        definitions: Iterable[RoleDefinition] = BUILT_IN_ROLES,
        clock: Clock = system_clock,
        propagation_s: float = 0,
    ) -> None:
        self.vault_policies = VaultPolicies()
        self.definitions = {definition.id: definition for definition in definitions}
        self.propagation_s = propagation_s
        self._clock = clock
        self._assignments: dict[tuple[str, str], RoleAssignment] = {}

    def allows(  # noqa: PLR0913 - the question that RBAC answers has this many parts
        self,
        principal_id: str,
        action: str,
        scope: str,
        *,
        data: bool = False,
        role: str = "",
        principal_type: str = "",
    ) -> bool:
        """Whether the principal may do `action` (a data action with `data`) at `scope`, by any of its assignments.

        `role` and `principal_type` describe the role assignment that is being written or deleted; only the conditions
        of role assignments look at them.
        """
        return any(
            assignment.condition is None
            or _condition(assignment.condition).holds(action=action, role=role, principal_type=principal_type)
            for assignment in self._granting(principal_id, action, scope, data=data)
        )

    def allows_on_condition(self, principal_id: str, action: str, scope: str) -> bool:
        """Whether the principal may do `action` at least in some cases: conditions are taken as fulfilled."""
        return any(self._granting(principal_id, action, scope, data=False))

    def held(self, principal_id: str, scope: str) -> list[RoleDefinition]:
        """The roles that a principal holds at a scope by now."""
        matured = self._clock() - timedelta(seconds=self.propagation_s)
        return [
            self.definitions[one.role]
            for one in self.assignments(above=scope, principal_id=principal_id)
            if one.created_on <= matured
        ]

    def assign(self, assignment: RoleAssignment) -> None:
        """Write an assignment; one of the same name at the same scope is replaced.

        Raises:
            KeyError: when there is no such role definition.
            ConditionError: when the condition can't be understood.
        """
        _ = self.definitions[assignment.role]
        if assignment.condition is not None:
            _condition(assignment.condition)
        self._assignments[(normal_scope(assignment.scope), assignment.name.lower())] = assignment

    def grant(
        self, principal_id: str, role: RoleDefinition, scope: str, *, condition: str | None = None
    ) -> RoleAssignment:
        """Give a service principal a role, as a scenario does before it starts; effective at once."""
        created_on = self._clock() - timedelta(seconds=self.propagation_s)
        assignment = RoleAssignment(
            str(uuid4()), scope, role.id, principal_id, "ServicePrincipal", created_on, condition
        )
        self.assign(assignment)
        return assignment

    def get(self, scope: str, name: str) -> RoleAssignment | None:
        """The assignment of that name written at exactly that scope."""
        return self._assignments.get((normal_scope(scope), name.lower()))

    def revoke(self, scope: str, name: str) -> RoleAssignment | None:
        """Delete and return the assignment of that name at exactly that scope; None when there is none."""
        return self._assignments.pop((normal_scope(scope), name.lower()), None)

    def assignments(
        self, *, above: str | None = None, below: str | None = None, principal_id: str | None = None
    ) -> Iterator[RoleAssignment]:
        """The assignments that hold at `above` (inherited ones too), or written at `below` and underneath it."""
        for assignment in self._assignments.values():
            if principal_id is not None and assignment.principal_id.lower() != principal_id.lower():
                continue
            if above is not None and not covers(assignment.scope, above):
                continue
            if below is not None and not covers(below, assignment.scope):
                continue
            yield assignment

    def _granting(self, principal_id: str, action: str, scope: str, *, data: bool) -> Iterator[RoleAssignment]:
        matured = self._clock() - timedelta(seconds=self.propagation_s)
        for assignment in self.assignments(above=scope, principal_id=principal_id):
            if assignment.created_on <= matured and _grants(self.definitions[assignment.role], action, data=data):
                yield assignment


def normal_scope(scope: str) -> str:
    """A scope as it is compared: lower case, one leading slash, none at the end; the root is empty."""
    return "/" + scope.strip("/").lower() if scope.strip("/") else ""


def covers(scope: str, other: str) -> bool:
    """Whether `other` is `scope` or lies below it; by whole path segments, without regard to case."""
    upper, lower = normal_scope(scope), normal_scope(other)
    return lower == upper or lower.startswith(upper + "/")


def _grants(definition: RoleDefinition, action: str, *, data: bool) -> bool:
    granted = definition.data_actions if data else definition.actions
    withheld = definition.not_data_actions if data else definition.not_actions
    return any(_matches(pattern, action) for pattern in granted) and not any(
        _matches(pattern, action) for pattern in withheld
    )


def _matches(pattern: str, action: str) -> bool:
    return _compiled(pattern).fullmatch(action) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)


@lru_cache(maxsize=256)
def _condition(text: str) -> Condition:
    return parse_condition(text)
