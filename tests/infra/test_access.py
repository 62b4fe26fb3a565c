"""Least privilege: the sandbox's app has the roles of the templates, and what the demo needs is among them.

The sandbox enforces roles, so every other test of the whole app is a test that nothing is missing. That nothing is too
much can be told only from all requests of all tests: `test_whole_run.py`.
"""

import re

import pytest

from sandbox import scenario
from sandbox.arm.access import AccessControl
from sandbox.arm.roles import (
    BUILT_IN_ROLES,
    CACHEWARDEN_OPERATOR,
    CACHEWARDEN_SITE_READER,
    CACHEWARDEN_VAULT_POLICY_WRITER,
    RoleDefinition,
)
from shared.application.doctor.roles import ON_REGISTRY
from tests.fixtures.demo import Played
from tests.infra.actions import Need, arm_need, needs, patterns_for
from tests.infra.templates import INFRA, data, module, template, templates

APP = "00000000-0000-0000-0000-00000000000a"
ROLES = data("roles.json")
BY_ID = {role.id: role for role in BUILT_IN_ROLES}
ABAC = "[roles.builtIn.registryRepositoryReader, roles.builtIn.registryCatalogLister]"
"""What takes AcrPull's place on a registry with ABAC, which the sandbox's is not."""


@pytest.fixture(scope="module")
def granted() -> AccessControl:
    """The roles of the sandbox's app."""
    access = AccessControl()
    scenario.grant_app_roles(access, APP)
    return access


@pytest.fixture(scope="module")
def needed(played: Played) -> set[Need]:
    """What the app's requests of the demo needed."""
    return needs(played[1] / "exchanges.jsonl")


def given_by_templates() -> set[tuple[str, str]]:
    """The roles that the templates give the app outside its own storage, with the scope's kind."""
    files = {
        "registry-access": "registry",
        "workspace-access": "workspace",
        "vault-access": "vault",
        "secret-access": "secret",
        "topic": "topic",
        "monitoring": "component",
    }
    found = set()
    for name, scope in files.items():
        text = module(name).text.replace(
            "[roles.builtIn.registryRepositoryReader, roles.builtIn.registryCatalogLister]", ""
        )
        found |= {(ROLES["builtIn"][role], scope) for role in re.findall(r"roles\.builtIn\.(\w+)", text)}
    return found | {(CACHEWARDEN_OPERATOR.id, "registry"), (CACHEWARDEN_SITE_READER.id, "site")}


def kind_of(scope: str) -> str:
    """What an ARM id names."""
    if "/secrets/" in scope:
        return "secret"
    return {
        "registries": "registry",
        "workspaces": "workspace",
        "vaults": "vault",
        "topics": "topic",
        "sites": "site",
        "components": "component",
    }[scope.split("/")[-2]]


class TestSameRoles:
    """The sandbox's app and the templates' app."""

    @pytest.mark.parametrize(
        ("key", "role"),
        [
            ("operator", CACHEWARDEN_OPERATOR),
            ("siteReader", CACHEWARDEN_SITE_READER),
            ("vaultPolicyWriter", CACHEWARDEN_VAULT_POLICY_WRITER),
        ],
    )
    def test_the_custom_roles_are_the_same(self, key: str, role: RoleDefinition) -> None:
        """With the same actions in both, and no data actions."""
        assert (ROLES[key]["name"], tuple(ROLES[key]["actions"])) == (role.name, role.actions)
        [definition] = module("custom-role").of_type("Microsoft.Authorization/roleDefinitions").values()
        [permission] = definition["properties"]["permissions"]
        assert (permission["notActions"], permission["dataActions"]) == ([], [])

    def test_the_doctor_asks_for_the_same_actions(self) -> None:
        """What it calls missing is what the role gives."""
        assert set(ON_REGISTRY) == set(ROLES["operator"]["actions"])

    def test_access_policies_are_written_only_on_demand(self) -> None:
        """The role that can open a whole vault is made and given only where the deployer says so."""
        main = template(INFRA / "main.bicep")
        assert main.section("parameters")["mayWriteVaultPolicies"]["default"] in {False, "false"}
        conditions = re.findall(r"module (vaultPolic\w+) '[^']+' = if \((\w+)\)", main.text)
        assert dict(conditions) == dict.fromkeys(("vaultPolicyWriterRole", "vaultPolicies"), "mayWriteVaultPolicies")

    def test_each_role_is_given_in_both(self, granted: AccessControl) -> None:
        """On the same kinds of scopes."""
        in_sandbox = {(one.role, kind_of(one.scope)) for one in granted.assignments(principal_id=APP)}

        assert in_sandbox == given_by_templates()

    def test_the_secrets_are_the_same(self, granted: AccessControl) -> None:
        """Written and read ones, as main.bicep has them by default."""
        main = template(INFRA / "main.bicep").section("parameters")
        by_role: dict[str, set[str]] = {}
        for one in granted.assignments(principal_id=APP):
            if "/secrets/" in one.scope:
                by_role.setdefault(one.role, set()).add(one.scope.rpartition("/")[2])

        assert by_role == {
            ROLES["builtIn"]["keyVaultSecretsOfficer"]: set(main["writtenSecrets"]["default"].split(",")),
            ROLES["builtIn"]["keyVaultSecretsUser"]: {
                *main["readSecrets"]["default"].split(","),
                *scenario.CHANNEL_SECRETS,
            },
        }

    def test_the_condition_is_the_same(self) -> None:
        """Word for word, but for line breaks."""
        text = (INFRA / "only-secrets-user.condition").read_text(encoding="utf-8")

        assert "".join(text.split()) == "".join(scenario.ONLY_SECRETS_USER.split())
        [grantor] = module("vault-access").of_type("Microsoft.Authorization/roleAssignments").values()
        assert grantor["properties"]["condition"] == "condition"
        assert grantor["properties"]["conditionVersion"] == "2.0"

    def test_roles_go_to_service_principals_on_single_resources(self) -> None:
        """Never to a person, never on a group or a subscription; and every id is one of the list."""
        assert len(set(ROLES["builtIn"].values())) == len(ROLES["builtIn"])
        for one in templates():
            for name, body in one.of_type("Microsoft.Authorization/roleAssignments").items():
                assert body["properties"]["principalType"] == "ServicePrincipal", name
                assert body.get("scope"), name
            assert not re.search(r"roleDefinitions', '", one.text), one.name


class TestNothingMissing:
    """Every permission that a request of the demo needed."""

    def test_is_granted(self, granted: AccessControl, needed: set[Need]) -> None:
        """At its scope, where the request names one."""
        assert len(needed) > 10
        for need in needed:
            if need.scope.startswith("/subscriptions/"):
                assert granted.allows_on_condition(APP, need.action, need.scope), need
            else:
                assert any(patterns_for(BY_ID[one.role], need) for one in granted.assignments(principal_id=APP)), need


class TestReading:
    """How needs are read from requests."""

    @pytest.mark.parametrize(
        ("method", "path", "action"),
        [
            ("GET", "/subscriptions/s/resourceGroups/g/providers/A.B/regs/r", "A.B/regs/read"),
            ("GET", "/subscriptions/s/resourceGroups/g/providers/A.B/regs/r/rules", "A.B/regs/rules/read"),
            ("PUT", "/subscriptions/s/resourceGroups/g/providers/A.B/regs/r/rules/x", "A.B/regs/rules/write"),
            (
                "POST",
                "/subscriptions/s/resourceGroups/g/providers/A.B/regs/r/importImage",
                "A.B/regs/importImage/action",
            ),
            (
                "PUT",
                "/subscriptions/s/providers/K.V/vaults/v/providers/Microsoft.Authorization/roleAssignments/1",
                "Microsoft.Authorization/roleAssignments/write",
            ),
        ],
    )
    def test_arm(self, method: str, path: str, action: str) -> None:
        """Provider, types and verb."""
        assert arm_need(method, path).action == action
