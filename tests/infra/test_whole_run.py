"""Nothing too much, nothing missing: the app's roles against every request that it made in the whole test run.

These tests run after all others, and skip with a reason where not all of them ran in this process.
"""

import pytest

from sandbox import scenario
from sandbox.arm.access import AccessControl
from sandbox.arm.roles import BUILT_IN_ROLES, CACHEWARDEN_VAULT_POLICY_WRITER, RoleDefinition
from tests.fixtures.whole_run import exchanges_of_the_whole_run
from tests.infra.actions import Need, needs, patterns_for

pytestmark = pytest.mark.after_all_others

APP = "00000000-0000-0000-0000-00000000000a"
SPARE = {
    "EventGrid Data Sender": {"Microsoft.EventGrid/topics/read"},
    "Key Vault Secrets Officer": {"Microsoft.KeyVault/vaults/*/read"},
    "Key Vault Secrets User": {"Microsoft.KeyVault/vaults/secrets/readMetadata/action"},
    "Log Analytics Data Reader": {
        "Microsoft.OperationalInsights/workspaces/read",
        "Microsoft.OperationalInsights/workspaces/tables/data/read",  # what a query reads, not what is asked for
    },
    "Monitoring Metrics Publisher": {
        "Microsoft.Insights/Metrics/Write",
        "Microsoft.Insights/Register/Action",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
    },
    "Role Based Access Control Administrator": {"Microsoft.Authorization/roleAssignments/delete"},
}
"""What a built-in role brings that no request needs: there is no narrower role. Support tickets come with most."""


@pytest.fixture(scope="module")
def needed(request: pytest.FixtureRequest) -> set[Need]:
    """What the app's requests needed, over the whole run."""
    return needs(*exchanges_of_the_whole_run(request.session))


@pytest.fixture(scope="module")
def roles() -> list[RoleDefinition]:
    """The roles of the sandbox's app, which are those of the templates (`test_access.py`), and the one on demand."""
    access = AccessControl()
    scenario.grant_app_roles(access, APP)
    given = {one.role for one in access.assignments(principal_id=APP)}
    return [role for role in BUILT_IN_ROLES if role.id in given or role is CACHEWARDEN_VAULT_POLICY_WRITER]


def test_nothing_is_missing(needed: set[Need], roles: list[RoleDefinition]) -> None:
    """Each permission that a served request needed is granted by a role of the templates."""
    assert len(needed) > 20
    assert [need for need in sorted(needed) if not any(patterns_for(role, need) for role in roles)] == []


def test_a_role_of_ours_has_no_action_that_no_request_needed(needed: set[Need], roles: list[RoleDefinition]) -> None:
    """An action that nothing asks for any more goes."""
    for role in filter(lambda role: role.custom, roles):
        assert unused(role, needed) == set(), role.name


def test_what_a_built_in_role_brings_beyond_the_needed_is_known(needed: set[Need], roles: list[RoleDefinition]) -> None:
    """And each is there for a request, or it would not be given."""
    built_in = [role for role in roles if not role.custom]

    assert {role.name: unused(role, needed) for role in built_in if unused(role, needed)} == SPARE
    assert all(any(patterns_for(role, need) for need in needed) for role in built_in)


def unused(role: RoleDefinition, needed: set[Need]) -> set[str]:
    """The actions of a role that no request needed."""
    used = {pattern for need in needed for pattern in patterns_for(role, need)}
    return {*role.actions, *role.data_actions} - used - {"Microsoft.Support/*"}
