"""Least privilege: the app has what its requests need, and nothing that none of them needs.

The sandbox enforces roles, and its app has those of the templates; so every other test of the whole app is a test that
nothing is missing. Here stands that this is so, and that nothing is too much.
"""

import re

import pytest

from sandbox import scenario
from sandbox.arm.access import AccessControl, covers
from sandbox.arm.roles import BUILT_IN_ROLES, CACHEWARDEN_OPERATOR, CACHEWARDEN_SITE_READER, RoleDefinition
from shared.application.doctor.roles import ON_REGISTRY
from tests.fixtures.demo import Played
from tests.infra.actions import Need, arm_need, needs
from tests.infra.templates import INFRA, data, module, template, templates

APP = "00000000-0000-0000-0000-00000000000a"
ROLES = data("roles.json")
BY_ID = {role.id: role for role in BUILT_IN_ROLES}
ABAC = "[roles.builtIn.registryRepositoryReader, roles.builtIn.registryCatalogLister]"
"""What takes AcrPull's place on a registry with ABAC, which the sandbox's is not."""
SPARE = {
    "Role Based Access Control Administrator": {"Microsoft.Authorization/roleAssignments/delete"},
    "Key Vault Secrets Officer": {"everything else with a secret, on three secrets that the app owns"},
}
"""What a built-in role brings that nobody asks for: there is no narrower one."""


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
    """The roles that the templates give the app outside its own storage and telemetry, with the scope's kind."""
    files = {
        "registry-access": "registry",
        "workspace-access": "workspace",
        "vault-access": "vault",
        "secret-access": "secret",
        "topic": "topic",
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
    return {"registries": "registry", "workspaces": "workspace", "vaults": "vault", "topics": "topic", "sites": "site"}[
        scope.split("/")[-2]
    ]


class TestSameRoles:
    """The sandbox's app and the templates' app."""

    @pytest.mark.parametrize(
        ("key", "role"), [("operator", CACHEWARDEN_OPERATOR), ("siteReader", CACHEWARDEN_SITE_READER)]
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
                assert any(allows(BY_ID[one.role], need) for one in granted.assignments(principal_id=APP)), need


class TestNothingTooMuch:
    """Every role that is given."""

    def test_each_action_of_the_operator_role_is_used(self, needed: set[Need]) -> None:
        """An action that no request needs any more goes."""
        assert set(CACHEWARDEN_OPERATOR.actions) == {
            need.action
            for need in needed
            if covers(scenario.REGISTRY_ID, need.scope) and not need.action.endswith("/pull/read")
        }

    def test_each_role_is_there_for_a_request(self, granted: AccessControl, needed: set[Need]) -> None:
        """Or is a secret's, for a rotation, or a site's, of which the demo has none that fails."""
        for one in granted.assignments(principal_id=APP):
            if kind_of(one.scope) not in {"secret", "site"}:
                assert any(allows(BY_ID[one.role], need) for need in needed), BY_ID[one.role].name

    def test_roles_with_more_than_is_used_are_known(self, granted: AccessControl) -> None:
        """A role that writes or deletes more than asked for is one of those for which there is no narrower one."""
        wide = {
            BY_ID[one.role].name
            for one in granted.assignments(principal_id=APP)
            for action in (*BY_ID[one.role].actions, *BY_ID[one.role].data_actions)
            if action.endswith(("/delete", "/*")) and not action.startswith("Microsoft.Support")
        }

        assert wide == set(SPARE)


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


def allows(role: RoleDefinition, need: Need) -> bool:
    """Whether a role has the permission."""
    patterns = role.data_actions if need.data else role.actions
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), need.action, re.IGNORECASE) for one in patterns)
