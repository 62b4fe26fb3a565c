"""`cachewarden doctor` against the sandbox: with the app's own identity, and as a person on a laptop.

What is broken here is broken in the emulated service itself, and mended there; the unit tests have every other case.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue.aio import QueueServiceClient

from sandbox import deployment, scenario
from sandbox.arm.registries import Network
from sandbox.arm.roles import ACR_PULL, CACHEWARDEN_OPERATOR, LOG_ANALYTICS_DATA_READER, RoleDefinition
from sandbox.frame.faults import FaultRule
from sandbox.hub.personal_tokens import NewPersonalToken
from sandbox.world import World

ROOT = Path(__file__).parents[3]
PERSONS = ("SSL_CERT_FILE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "CACHEWARDEN_ARM_ENDPOINT")
"""What of the environment a person on a laptop has as well: the sandbox's way to sign in, and its address."""

type Findings = dict[str, dict[str, Any]]


class Patient:
    """A deployment in the sandbox, and the command run on it."""

    def __init__(self, world: World, environment: Mapping[str, str], storage: str) -> None:
        self.world = world
        self.environment = dict(environment)
        self.storage = storage

    async def run(self, *arguments: str, person: bool = False, **settings: str) -> subprocess.CompletedProcess[str]:
        """The command with the app's identity, or as a person who names the app."""
        given = self.environment
        if person:
            given = {name: given[name] for name in PERSONS} | {"AZURE_CLIENT_ID": self.world.person.client_id}
            arguments = ("--app", scenario.APP_ID, *arguments)
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "shared.cli", "doctor", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **given, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    async def findings(self, *arguments: str, person: bool = False, code: int = 0, **settings: str) -> Findings:
        """What it finds, by what it found it about."""
        done = await self.run("--json", *arguments, person=person, **settings)
        assert (done.returncode, done.stderr) == (code, ""), done.stdout
        return {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}

    def take_role(self, role: RoleDefinition) -> str:
        """Take a role from the app's identity; the scope at which it was."""
        access, app = self.world.access, self.world.app_identity.object_id
        for one in list(access.assignments(principal_id=app)):
            if one.role == role.id:
                access.revoke(one.scope, one.name)
                return one.scope
        raise AssertionError(f"the app has no role {role.name}")

    def describe(self, resource_id: str, **properties: Any) -> None:
        """Change a resource as somebody does in the portal."""
        found = self.world.arm.inventory.find(resource_id)
        assert found is not None
        self.world.arm.inventory.describe(resource_id, found.properties | properties)


@pytest.fixture
async def patient(world: World, storage_account: str, tmp_path: Path) -> Patient:
    """All is well: the queues are there, and every role is."""
    await deployment.make_queues(storage_account)
    environment = world.environment(storage=storage_account, policy=world.write_policy(tmp_path / "policy.yaml"))
    return Patient(world, environment, storage_account)


def unwell(findings: Findings) -> dict[str, str]:
    """The verdicts of what is not well."""
    return {name: finding["verdict"] for name, finding in findings.items() if finding["verdict"] != "ok"}


class TestInside:
    """With the app's identity and settings."""

    async def test_all_is_well(self, patient: Patient) -> None:
        """But for what the app may not look at, since no cure needs it; nothing was written anywhere."""
        findings = await patient.findings()

        assert unwell(findings) == dict.fromkeys(
            [
                "provider Microsoft.ContainerRegistry",
                "provider Microsoft.EventGrid",
                "provider Microsoft.KeyVault",
                "roles on contoso",
                "events of contoso",
                "events of resource group rg",
                "events of the vault of hub",
                "action group",
                "alert rules",
            ],
            "unknown",
        )
        assert patient.world.app_identity.object_id in findings["identity"]["seen"]
        assert {one.method for one in patient.world.exchanges.exchanges("arm")} == {"GET"}
        assert {one.method for one in patient.world.exchanges.exchanges("vault")} == {"GET"}

    async def test_roles_that_are_missing(self, patient: Patient) -> None:
        """Each is named with its role, scope and principal, and is well again with it."""
        world, app = patient.world, patient.world.app_identity.object_id
        taken = {role: patient.take_role(role) for role in (LOG_ANALYTICS_DATA_READER, ACR_PULL)}

        findings = await patient.findings(code=1)

        assert findings["images of contoso"]["verdict"] == "failing"
        assert findings[f"workspace {scenario.WORKSPACE}"]["verdict"] == "failing"
        [line] = findings["images of contoso"]["mend"]
        assert f"--assignee-object-id {app}" in line
        assert line.endswith(f"--role AcrPull --scope {scenario.REGISTRY_ID}")
        for role, scope in taken.items():
            world.access.grant(app, role, scope)
        assert "failing" not in unwell(await patient.findings()).values()

    async def test_a_token_that_was_revoked(self, patient: Patient) -> None:
        """Docker Hub's own word, and no pull spent; well again with a token that works."""
        hub, vault = patient.world.hub, patient.world.vault
        [account] = hub.logins.accounts.values()
        [token] = hub.personal.of(account)
        hub.personal.delete(account, token.uuid)

        findings = await patient.findings(code=1)

        assert findings["token of hub"]["verdict"] == "failing"
        assert findings["token of hub"]["mend"] == ["cachewarden rotate hub --url https://APP"]
        assert not hub.limits.pulls
        new = hub.personal.create(account, NewPersonalToken(token_label="new", scopes=["repo:public_read"]))
        vault.write(scenario.SECRETS.token, new.text)
        told = await patient.findings()
        assert told["token of hub"]["verdict"] == "ok"
        assert new.text not in json.dumps(told)
        assert scenario.ACCOUNT not in json.dumps(told)

    async def test_a_queue_that_is_gone(self, patient: Patient) -> None:
        """Named with the command that makes it."""
        async with QueueServiceClient.from_connection_string(patient.storage) as service:
            await service.delete_queue("rotations")
            await service.get_queue_client("remediations-poison").send_message("x")

            found = (await patient.findings())["queues"]
            assert found["verdict"] == "warning"
            assert "no queue rotations" in found["seen"]
            assert "about 1 message lies on remediations-poison" in found["seen"]
            assert found["mend"][0].startswith("az storage queue create --name rotations")

            await service.create_queue("rotations")
            await service.get_queue_client("remediations-poison").clear_messages()
            assert (await patient.findings())["queues"]["verdict"] == "ok"

    async def test_one_system_that_is_down(self, patient: Patient) -> None:
        """The others are looked at all the same."""
        patient.world.faults.add(FaultRule(service="logs", status=503, times=100))

        findings = await patient.findings(code=1)

        assert [name for name, verdict in unwell(findings).items() if verdict == "failing"] == [
            f"workspace {scenario.WORKSPACE}"
        ]

    async def test_settings_and_policy_that_are_wrong(self, patient: Patient, tmp_path: Path) -> None:
        """Everything that is wrong with them, before anything is asked."""
        broken = tmp_path / "broken policy.yaml"
        broken.write_text("version: 1\nmode: obsereve\n", encoding="utf-8")

        findings = await patient.findings(code=1, CACHEWARDEN_LEASE="5", CACHEWARDEN_POLICY="")
        assert list(findings) == ["settings"]
        assert "CACHEWARDEN_LEASE is no setting" in findings["settings"]["seen"]
        assert "CACHEWARDEN_POLICY is not set" in findings["settings"]["seen"]

        findings = await patient.findings("--policy", str(broken), code=1)
        assert list(findings) == ["settings", "policy"]
        assert "line 2: mode" in findings["policy"]["seen"]
        assert findings["policy"]["mend"] == [f"cachewarden policy check '{broken}'"]


class TestLaptop:
    """As a person, with the settings of the deployed app."""

    async def test_all_is_well(self, patient: Patient) -> None:
        """But for what a person has no business with: secrets."""
        findings = await patient.findings(person=True)

        assert unwell(findings) == dict.fromkeys(
            [
                f"secret {scenario.SECRETS.username} of hub",
                f"secret {scenario.SECRETS.token} of hub",
                f"secret {scenario.SECRETS.owner} of hub",
                "token of hub",
            ],
            "unknown",
        )
        assert {one.method for one in patient.world.exchanges.exchanges("arm")} == {"GET", "POST"}
        agents = {
            one.request_headers["User-Agent"].partition("/")[0] for one in patient.world.exchanges.exchanges("arm")
        }
        assert agents == {"cachewarden-doctor"}  # a person's looks are no need of the app
        [post] = patient.world.exchanges.exchanges("arm", method="POST")
        assert "/config/appsettings/list" in post.url

    async def test_the_apps_roles(self, patient: Patient) -> None:
        """The identity's, not the person's."""
        scope = patient.take_role(CACHEWARDEN_OPERATOR)

        found = (await patient.findings(person=True, code=1))["roles on contoso"]

        app = patient.world.app_identity.object_id
        assert found["verdict"] == "failing"
        [line] = found["mend"]
        assert line.endswith(f"--role 'Cachewarden Operator' --scope {scope}")
        assert f"--assignee-object-id {app}" in line
        patient.world.access.grant(app, CACHEWARDEN_OPERATOR, scope)
        assert (await patient.findings(person=True))["roles on contoso"]["verdict"] == "ok"

    async def test_what_points_at_the_app(self, patient: Patient) -> None:
        """A subscription that is gone, an alert rule and an action group that are off."""
        inventory = patient.world.arm.inventory
        gone = inventory.find(deployment.subscription_id("vault"))
        assert gone is not None
        inventory.remove(gone.id)
        patient.describe(deployment.RULE_ID, enabled=False)
        patient.describe(deployment.ACTION_GROUP_ID, enabled=False)

        findings = await patient.findings(person=True, code=1)

        assert findings["events of the vault of hub"]["seen"] == "nothing calls vault_events"
        assert findings["events of contoso"]["verdict"] == "ok"
        assert deployment.RULE_ID in findings["alert rules"]["mend"][0]
        assert deployment.ACTION_GROUP_ID in findings["action group"]["mend"][0]

    async def test_firewalls(self, patient: Patient) -> None:
        """A registry and a vault that let nobody through, not even Azure's own services."""
        registry = patient.world.arm.registry(scenario.SUBSCRIPTION, scenario.GROUP, scenario.REGISTRY)
        registry.network = Network(default_action="Deny", bypass="None")
        patient.describe(scenario.VAULT_ID, networkAcls={"defaultAction": "Deny", "bypass": "None"})

        findings = await patient.findings(person=True, code=1)

        assert findings["network of contoso"]["mend"] == ["az acr update --name contoso --allow-trusted-services true"]
        assert findings["vault of hub"]["verdict"] == "failing"
        assert findings["vault of hub"]["mend"][0].endswith("--bypass AzureServices")

    async def test_a_provider_that_is_not_registered(self, patient: Patient) -> None:
        """Nothing of it can be made before it is."""
        patient.world.arm.settings.unregistered = {"Microsoft.EventGrid"}

        found = (await patient.findings(person=True, code=1))["provider Microsoft.EventGrid"]

        assert found["mend"] == [
            f"az provider register --subscription {scenario.SUBSCRIPTION} --namespace Microsoft.EventGrid"
        ]

    async def test_who_may_not_even_see_the_app(self, patient: Patient) -> None:
        """Nothing can be said; the error says what is missing."""
        for one in list(patient.world.access.assignments(principal_id=patient.world.person.object_id)):
            patient.world.access.revoke(one.scope, one.name)

        done = await patient.run(person=True)

        assert done.returncode == 2
        assert "AuthorizationFailed" in done.stderr

    async def test_strict(self, patient: Patient) -> None:
        """What nobody could see fails as well."""
        assert (await patient.run("--strict", person=True)).returncode == 1


class TestShown:
    """What people read."""

    async def test_what_is_wrong_with_what_mends_it(self, patient: Patient) -> None:
        """The command on a line of its own, and the counts last; no colours in a pipe."""
        patient.describe(deployment.ACTION_GROUP_ID, enabled=False)

        done = await patient.run(person=True)

        assert done.returncode == 1
        assert "\x1b" not in done.stdout
        assert "failing  action group: ag-cachewarden-cure is switched off\n" in done.stdout
        mend = f"az monitor action-group update --ids {deployment.ACTION_GROUP_ID} --set enabled=true"
        assert f"  mend       {mend}\n" in done.stdout
        assert done.stdout.splitlines()[-1].endswith("1 failing")
