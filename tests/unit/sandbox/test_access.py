"""Azure RBAC: which assignments count, what wildcards in actions mean, and what conditions let through."""

import pytest

from sandbox.arm.access import AccessControl, covers
from sandbox.arm.conditions import ConditionError, parse_condition
from sandbox.arm.roles import (
    BUILT_IN_ROLES,
    CACHEWARDEN_OPERATOR,
    CONTRIBUTOR,
    KEY_VAULT_SECRETS_OFFICER,
    KEY_VAULT_SECRETS_USER,
    OWNER,
    READER,
    RoleDefinition,
)
from tests.fakes.clock import ManualClock

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
WRITE = "Microsoft.Authorization/roleAssignments/write"
ROLE = "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
KIND = "@Request[Microsoft.Authorization/roleAssignments:PrincipalType]"


class TestScopes:
    """Where an assignment holds."""

    @pytest.mark.parametrize(
        ("scope", "other", "expected"),
        [
            ("/subscriptions/s", VAULT, True),
            ("/subscriptions/S/", VAULT, True),
            (VAULT, VAULT.upper(), True),
            (VAULT, f"{VAULT}/secrets/a", True),
            (VAULT, f"{VAULT}2", False),
            (f"{VAULT}/secrets/a", VAULT, False),
            (f"{VAULT}/secrets/a", f"{VAULT}/secrets/ab", False),
            ("/", VAULT, True),
        ],
    )
    def test_scope_covers_what_is_below(self, scope: str, other: str, *, expected: bool) -> None:
        """By whole segments and without regard to case."""
        assert covers(scope, other) is expected


class TestActions:
    """What a role allows."""

    @pytest.mark.parametrize(
        ("role", "action", "data", "expected"),
        [
            (KEY_VAULT_SECRETS_USER, GET, True, True),
            (KEY_VAULT_SECRETS_USER, GET.lower(), True, True),
            (KEY_VAULT_SECRETS_USER, GET, False, False),
            (KEY_VAULT_SECRETS_USER, "Microsoft.KeyVault/vaults/secrets/setSecret/action", True, False),
            (KEY_VAULT_SECRETS_OFFICER, "Microsoft.KeyVault/vaults/secrets/purge/action", True, True),
            (OWNER, WRITE, False, True),
            (OWNER, GET, True, False),
            (CONTRIBUTOR, "Microsoft.ContainerRegistry/registries/cacheRules/delete", False, True),
            (CONTRIBUTOR, WRITE, False, False),
            (READER, "Microsoft.KeyVault/vaults/read", False, True),
            (READER, "Microsoft.KeyVault/vaults/write", False, False),
            (CACHEWARDEN_OPERATOR, "Microsoft.ContainerRegistry/registries/cacheRules/write", False, True),
            (CACHEWARDEN_OPERATOR, "Microsoft.ContainerRegistry/registries/cacheRules/delete", False, False),
        ],
    )
    def test_role_allows(self, role: RoleDefinition, action: str, *, data: bool, expected: bool) -> None:
        """Actions and data actions are different things; what is withheld is not granted."""
        access = AccessControl()
        access.grant("p", role, VAULT)

        assert access.allows("p", action, VAULT, data=data) is expected

    def test_only_the_holder_may(self) -> None:
        """A role holds for its principal."""
        access = AccessControl()
        access.grant("p", OWNER, VAULT)

        assert not access.allows("q", WRITE, VAULT)

    def test_product_deletes_nothing(self) -> None:
        """The product's own role has no deletion in it."""
        assert not [action for action in CACHEWARDEN_OPERATOR.actions if "delete" in action.lower() or "*" in action]

    def test_roles_have_ids_of_their_own(self) -> None:
        """No two definitions share an id."""
        assert len({role.id for role in BUILT_IN_ROLES}) == len(BUILT_IN_ROLES)

    def test_revoked_role_is_gone(self) -> None:
        """A revoked assignment allows nothing any more."""
        access = AccessControl(clock=ManualClock().now)
        assignment = access.grant("p", OWNER, VAULT)
        revoked = access.revoke(VAULT.upper(), assignment.name.upper())

        assert revoked == assignment
        assert not access.allows("p", WRITE, VAULT)


class TestConditions:
    """Conditions on role assignments."""

    @pytest.mark.parametrize(
        ("text", "role", "kind", "expected"),
        [
            (f"{ROLE} ForAnyOfAnyValues:GuidEquals {{a, b}}", "B", "", True),
            (f"{ROLE} ForAnyOfAnyValues:GuidEquals {{a, b}}", "c", "", False),
            (f"{KIND} ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal'}}", "", "serviceprincipal", True),
            ("!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})", "", "", False),
            ("ActionMatches{'Microsoft.Authorization/*'}", "", "", True),
            ("ActionMatches{'x'} OR ActionMatches{'*'} AND ActionMatches{'x'}", "", "", False),
            ("(ActionMatches{'x'} OR ActionMatches{'*'}) && !ActionMatches{'x'}", "", "", True),
            ("ActionMatches{'*'} || ActionMatches{'x'}", "", "", True),
        ],
    )
    def test_conditions(self, text: str, role: str, kind: str, *, expected: bool) -> None:
        """Attributes, actions, negation and both connectives in both spellings."""
        assert parse_condition(text).holds(action=WRITE, role=role, principal_type=kind) is expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nonsense",
            "(ActionMatches{'x'}",
            "ActionMatches{'x'} ActionMatches{'y'}",
            "ActionMatches{'x'} AND",
            "ActionMatches{'x'} AND )",
            "@Request[Microsoft.Authorization/roleAssignments:PrincipalId] ForAnyOfAnyValues:GuidEquals {a}",
            "@Principal[Microsoft.Directory/x] StringEquals 'y'",
        ],
    )
    def test_other_texts_are_no_conditions(self, text: str) -> None:
        """What can't be understood is an error and never true."""
        with pytest.raises(ConditionError):
            parse_condition(text)
