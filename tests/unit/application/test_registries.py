"""Which registry serves whom, through the whole run: two for one cluster, one for many, none."""

import msgspec

from shared.domain.incidents import Incident, IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import CLUSTER, POLICY, REGISTRY, TestApplication, log_alert
from tests.fakes.azure import FakeRegistry

FABRIKAM = REGISTRY.replace("contoso", "fabrikam")
STAGING = CLUSTER.replace("prod", "staging")
NGINX = "docker.io/library/nginx"
TARGET = "docker-hub/library/nginx"


def two_registries(*, mode: str = "") -> tuple[TestApplication, FakeRegistry, FakeRegistry]:
    """An application whose two registries serve the same cluster; `mode` is an override of the second one's."""
    second = f"  - id: {FABRIKAM}\n    serves: [{CLUSTER}]\n" + (f"    mode: {mode}\n" if mode else "")
    world = TestApplication(POLICY.replace("sources:\n", f"{second}sources:\n"))
    contoso = world.registries.held[REGISTRY]
    return world, contoso, world.registries.add(FABRIKAM, "fabrikam.azurecr.io")


async def cured(world: TestApplication, *images: str) -> dict[str, Incident]:
    """The incidents by their registry's id after an alert about the images, when nothing is left to do."""
    world.failing(*images)
    await world.alert(log_alert(alert="-".join(images)))
    await world.work()
    return {incident.registry_id: incident async for incident in world.incidents.newest(10)}


def told_by(world: TestApplication) -> dict[str, Notice]:
    """The last notice about each registry."""
    return {notice.registry_id: notice for notice in world.topic.sent}


class TestTwoForOne:
    """Two registries serve one cluster."""

    async def test_a_failure_is_cured_in_both(self) -> None:
        """Each gets a rule and a credential set with an identity of its own, is pulled through, and told."""
        world, *registries = two_registries()

        incidents = await cured(world, "nginx:1.27")

        assert {key: incident.state for key, incident in incidents.items()} == {
            REGISTRY: IncidentState.VERIFIED,
            FABRIKAM: IncidentState.VERIFIED,
        }
        for registry in registries:
            [rule], [credential_set] = registry.rules.values(), registry.sets.values()
            assert (rule.source, rule.target, rule.credential_set) == (NGINX, TARGET, credential_set.name)
            assert {who for _, _, who in world.vault_access.readers} >= {credential_set.principal_id}
            [hand_off] = told_by(world)[registry.id].hand_off
            assert hand_off.pull_from == f"{registry.login_server}/{TARGET}:1.27"
            assert hand_off.pull_from in world.content.pulled

    async def test_one_that_refuses_keeps_no_lost_rule_of_the_other_from_being_found(self) -> None:
        """The sweep looks at each, and shows that one could not be looked at."""
        world, contoso, fabrikam = two_registries()
        await cured(world, "nginx:1.27")
        contoso.rules.clear()
        fabrikam.rules.clear()
        world.registries.down[REGISTRY] = PermanentError("not allowed", code="Forbidden")

        world.clock.advance(1200)
        swept = await world.app.sweep.run()
        await world.work()

        assert "lost-cures" in swept.failed
        assert (len(contoso.rules), len(fabrikam.rules)) == (0, 1)

    async def test_each_is_worked_on_in_its_own_mode(self) -> None:
        """One is cured at once; in the other a person agrees first, to that one's plan only."""
        world, contoso, fabrikam = two_registries(mode="approve")

        waiting = (await cured(world, "nginx:1.27"))[FABRIKAM]

        assert len(contoso.rules) == 1
        assert (fabrikam.rules, fabrikam.sets) == ({}, {})
        assert {key: notice.kind for key, notice in told_by(world).items()} == {
            REGISTRY: NoticeKind.INCIDENT_VERIFIED,
            FABRIKAM: NoticeKind.INCIDENT_AWAITING_APPROVAL,
        }
        assert waiting.proposal is not None
        answer = msgspec.json.encode({"by": "ada", "plan": waiting.proposal.plan})
        await world.app.approvals.approve(waiting.id, answer, signed_in=None)
        await world.work()
        assert [rule.target for rule in fabrikam.rules.values()] == [TARGET]
        assert told_by(world)[FABRIKAM].kind is NoticeKind.INCIDENT_VERIFIED
        assert len(contoso.puts) == 2

    async def test_what_one_has_already_is_used_there_and_made_in_the_other(self) -> None:
        """Each is read by itself."""
        world, contoso, fabrikam = two_registries()
        await cured(world, "nginx:1.27")
        fabrikam.rules.clear()
        fabrikam.sets.clear()

        await cured(world, "nginx:1.28")

        assert len(contoso.puts) == 2
        assert len(fabrikam.puts) == 4

    async def test_trouble_with_one_holds_up_nothing_in_the_other(self) -> None:
        """The one in trouble is cured when that is over."""
        world, _, fabrikam = two_registries()
        world.registries.down[FABRIKAM] = TemporaryError("throttled", code="TooManyRequests")

        incidents = await cured(world, "nginx:1.27")

        assert incidents[REGISTRY].state is IncidentState.VERIFIED
        assert incidents[FABRIKAM].state is not IncidentState.VERIFIED
        assert any("TooManyRequests" in entry.text for entry in incidents[FABRIKAM].timeline)
        world.registries.down.clear()
        assert (await cured(world, "nginx:1.28"))[FABRIKAM].state is IncidentState.VERIFIED
        assert [rule.target for rule in fabrikam.rules.values()] == [TARGET]


class TestOneForMany:
    """One registry serves several clusters."""

    async def test_one_rule_serves_them_all_and_each_workload_has_its_line(self) -> None:
        """The same image failing in two clusters is one incident."""
        world = TestApplication(POLICY.replace(f"[{CLUSTER}]", f"[{CLUSTER}, {STAGING}]"))
        world.failing("nginx:1.27", resource_id=STAGING)
        theirs = {"KubeEvents": {"Pods": '["staging/web-0"]'}, "KubePodInventory": {"Namespace": "staging"}}
        rows = {table: [{**row, **theirs[table]} for row in found] for table, found in world.logs.rows.items()}
        world.failing("nginx:1.27", "bitnami/redis:7.4")
        for table, found in rows.items():
            world.logs.rows[table] += found
        await world.alert()
        await world.work()

        incidents = await world.all_incidents()
        assert {incident.state for incident in incidents.values()} == {IncidentState.VERIFIED}
        [nginx] = [rule for rule in world.registries.rules.values() if rule.source == NGINX]
        assert len(world.registries.rules) == 2
        wanted_by = {w.resource_id for w in incidents[NGINX].workloads[f"{NGINX}:1.27"]}
        assert wanted_by == {CLUSTER, STAGING}
        [hand_off] = next(notice for notice in world.topic.sent if notice.rule == nginx.name).hand_off
        assert {command.rpartition(" ")[2] for command in hand_off.commands} == {"shop", "staging"}


class TestNone:
    """No registry serves the resource."""

    async def test_nothing_is_made_and_the_delivery_says_why(self) -> None:
        """No incident, no message to people: the policy names whom it is for."""
        world = TestApplication()
        world.failing("nginx:1.27", resource_id=STAGING)
        await world.alert()
        await world.work()
        await world.app.sweep.run()
        await world.work()

        assert await world.all_incidents() == {}
        assert (world.registries.puts, world.topic.sent) == ([], [])
        totals = await world.app.reports.deliveries()
        assert totals.ignored == {"no_registry_serves": 1}
        assert totals.add_up

    async def test_what_is_served_beside_it_is_cured(self) -> None:
        """One alert may tell of both."""
        world = TestApplication()
        world.failing("bitnami/redis:7.4", resource_id=STAGING)
        rows = list(world.logs.rows["KubeEvents"])
        world.failing("nginx:1.27")
        world.logs.rows["KubeEvents"] += rows
        await world.alert()
        await world.work()

        assert {source: i.state for source, i in (await world.all_incidents()).items()} == {
            NGINX: IncidentState.VERIFIED
        }
        assert len(world.registries.rules) == 1
