"""Access policies: the older way to say who may do what in a vault, for all of its secrets at once and without roles.

The trap they reproduce: in such a vault a role assignment succeeds and opens nothing, and in one with roles an access
policy succeeds and opens nothing (documented).
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from sandbox.arm.refusals import InvalidRequestContent
from sandbox.identity.tokens import TENANT_ID


class Permissions(msgspec.Struct, frozen=True):
    """What a policy allows; only secrets exist here."""

    secrets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()


class AccessPolicy(msgspec.Struct, frozen=True, rename="camel"):
    """One principal's permissions."""

    tenant_id: str
    object_id: str
    permissions: Permissions


class AccessPolicies(msgspec.Struct, frozen=True, rename="camel"):
    """The properties of a request that changes policies."""

    access_policies: tuple[AccessPolicy, ...]


class PolicyBody(msgspec.Struct, frozen=True):
    """The body of `PUT …/accessPolicies/{add|replace|remove}`."""

    properties: AccessPolicies


class VaultPolicies:
    """The access policies of all vaults, by ARM id without regard to case; `use` has a vault look at them."""

    def __init__(self) -> None:
        self._in_use: set[str] = set()
        self._held: dict[str, dict[str, AccessPolicy]] = defaultdict(dict)

    def use(self, vault_id: str) -> None:
        """Have a vault go by its access policies and not by roles."""
        self._in_use.add(vault_id.lower())

    def in_use(self, vault_id: str) -> bool:
        """Whether a vault goes by its access policies."""
        return vault_id.lower() in self._in_use

    def allow(self, vault_id: str, principal_id: str, *permissions: str) -> None:
        """Let a principal do this with the vault's secrets, besides what it may already."""
        wanted = AccessPolicy(TENANT_ID, principal_id, Permissions(permissions))
        self.change(vault_id, "add", (wanted,))

    def allows(self, vault_id: str, principal_id: str, permission: str) -> bool:
        """Whether a policy gives a principal a permission on secrets."""
        held = self._held[vault_id.lower()].get(principal_id.lower())
        return held is not None and bool({permission, "all"} & {name.lower() for name in held.permissions.secrets})

    def change(self, vault_id: str, operation: str, policies: Iterable[AccessPolicy]) -> None:
        """Add permissions, replace or remove them, principal by principal; raises InvalidRequestContent."""
        held = self._held[vault_id.lower()]
        for policy in policies:
            if policy.tenant_id.lower() != TENANT_ID.lower():
                raise InvalidRequestContent(reason="the tenant of an access policy should be the vault's")
            key = policy.object_id.lower()
            before = held[key].permissions.secrets if key in held else ()
            given = policy.permissions.secrets
            secrets = {
                "add": tuple(dict.fromkeys((*before, *given))),
                "replace": given,
                "remove": tuple(name for name in before if name not in given),
            }[operation]
            held[key] = AccessPolicy(policy.tenant_id, policy.object_id, Permissions(secrets))

    def documents(self, vault_id: str) -> list[dict[str, Any]]:
        """The policies as ARM shows them."""
        found: list[dict[str, Any]] = msgspec.to_builtins(tuple(self._held[vault_id.lower()].values()))
        return found
