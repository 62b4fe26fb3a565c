"""Remediation, from an alert to the proof: what is created, in which order, and in which mode."""

import pytest

from shared.application.registry_ports import NotServed
from shared.application.remediation import Pace
from shared.domain.cache_rules import CacheRule
from shared.domain.incidents import IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.domain.registries import CredentialSet
from tests.fakes.application import POLICY, WORKSPACE, TestApplication

NGINX = "docker.io/library/nginx"
REDIS = "docker.io/bitnami/redis"


class TestCure:
    """The main path."""

    async def test_an_alert_becomes_rules_that_a_pull_goes_through(self) -> None:
        """Two failing images become two rules that share one credential set, and both incidents are verified."""
        world = TestApplication()
        world.failing("nginx:1.27", "bitnami/redis@sha256:" + "a" * 64)

        await world.alert()
        await world.work()

        assert {(rule.source, rule.target) for rule in world.registries.rules.values()} == {
            (NGINX, "docker-hub/library/nginx"),
            (REDIS, "docker-hub/bitnami/redis"),
        }
        [credential_set] = world.registries.sets
        assert {rule.credential_set for rule in world.registries.rules.values()} == {credential_set}
        incidents = await world.all_incidents()
        assert {source: incident.state for source, incident in incidents.items()} == {
            NGINX: IncidentState.VERIFIED,
            REDIS: IncidentState.VERIFIED,
        }
        assert sorted(world.content.pulled) == [
            "contoso.azurecr.io/docker-hub/bitnami/redis:sha256:" + "a" * 64,
            "contoso.azurecr.io/docker-hub/library/nginx:1.27",
        ]

    async def test_what_a_later_action_needs_comes_first(self) -> None:
        """Credential set, then its access to the vault, then the rule."""
        world = TestApplication()
        world.failing("nginx:1.27")

        await world.alert()
        await world.work()

        calls = [*world.registries.calls]
        assert calls.index("create_credential_set") < calls.index("create_cache_rule")
        assert world.vault_access.calls.count("grant") == 1
        assert "credential_set" in calls[calls.index("create_credential_set") : calls.index("create_cache_rule")]

    async def test_a_rule_waits_until_its_credential_set_is_healthy(self) -> None:
        """A grant takes a while to reach the vault; the fake registry fails a rule that comes too early."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.registries.healthy_after = 4

        await world.alert()
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_where_a_pull_fails_the_credential_set_s_verdict_is_told(self) -> None:
        """A rule that somebody made with a set that does not work: the registry's words do not name the set."""
        world = TestApplication(pace=Pace(give_up=60))
        world.failing("nginx:1.27")
        theirs = "https://their-kv.vault.azure.net/secrets"
        world.registries.sets["theirs"] = CredentialSet("theirs", "docker.io", f"{theirs}/name", f"{theirs}/token")
        world.registries.rules["hub"] = CacheRule("hub", NGINX, "docker-hub/library/nginx", "theirs")
        world.content.trouble["manifest"] = [NotServed("authentication required", code="UNAUTHORIZED")] * 100

        await world.alert()
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert (incident.state, incident.reason) == (IncidentState.FAILED, "credential_unhealthy")
        assert "authentication required; the credential set theirs is not healthy" in incident.detail

    async def test_of_an_index_the_usual_platform_is_warmed(self) -> None:
        """ACR stores an index and the manifests of the platforms that are pulled."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.content.platforms = {"linux/arm64": "sha256:" + "b" * 64, "linux/amd64": "sha256:" + "a" * 64}

        await world.alert()
        await world.work()

        assert [pulled.rpartition("nginx:")[2] for pulled in world.content.pulled] == ["1.27", "sha256:" + "a" * 64]

    async def test_somebody_else_s_credential_set_is_not_granted_anything(self) -> None:
        """Its identity is not even asked about."""
        world = TestApplication()
        world.failing("nginx:1.27")
        theirs = "https://their-kv.vault.azure.net/secrets"
        world.registries.sets["theirs"] = CredentialSet(
            "theirs", "docker.io", f"{theirs}/name", f"{theirs}/token", principal_id="them"
        )

        await world.alert()
        await world.work()

        assert {principal for _, _, principal in world.vault_access.readers} == {
            f"principal-of-{world.registries.puts[0]}-in-contoso.azurecr.io"
        }
        assert "granted" not in world.vault_access.calls[: world.vault_access.calls.index("grant")]

    async def test_people_are_told_once_per_incident_with_the_reference_to_use(self) -> None:
        """The notice names the new reference and the line that puts it in place."""
        world = TestApplication()
        world.failing("nginx:1.27")

        await world.alert()
        await world.work()

        [notice] = world.topic.sent
        assert notice.kind is NoticeKind.INCIDENT_VERIFIED
        [hand_off] = notice.hand_off
        assert hand_off.pull_from == "contoso.azurecr.io/docker-hub/library/nginx:1.27"
        assert any(command.startswith("kubectl set image") for command in hand_off.commands)
        assert hand_off.pull_from in hand_off.commands[0]

    async def test_the_window_asked_for_covers_the_alert_and_has_a_floor(self) -> None:
        """Never empty, even for a test action whose window starts where it ends."""
        world = TestApplication()
        world.failing("nginx:1.27")

        await world.alert()
        await world.work()

        workspace, start, end = world.logs.windows[0]
        assert workspace == WORKSPACE
        assert (end - start).total_seconds() >= 15 * 60


THROUGH = (
    'Failed to pull image "contoso.azurecr.io/docker-hub/library/nginx:1.27": failed to pull and unpack image '
    '"contoso.azurecr.io/docker-hub/library/nginx:1.27": unexpected status from HEAD request to '
    "https://contoso.azurecr.io/v2/docker-hub/library/nginx/manifests/1.27: 429 Too Many Requests - Server message: "
    "toomanyrequests: too many requests to source registry for cache rule docker-io-nginx"
)


class TestThroughRule:
    """The registry itself was limited while it pulled through a rule that is there."""

    async def test_a_rule_without_credentials_gets_them(self) -> None:
        """It pulled anonymously, and shared the limit with everybody; no second rule is made."""
        world = TestApplication()
        world.registries.rules["docker-io-nginx"] = CacheRule("docker-io-nginx", NGINX, "docker-hub/library/nginx")
        world.failing_with({"contoso.azurecr.io/docker-hub/library/nginx:1.27": THROUGH})

        await world.alert()
        await world.work()

        [rule] = world.registries.rules.values()
        assert rule.credential_set in world.registries.sets
        [incident] = (await world.all_incidents()).values()
        assert incident.state is IncidentState.VERIFIED

    async def test_a_rule_that_is_gone_is_told(self) -> None:
        """The text names a rule that the registry does not have."""
        world = TestApplication()
        world.failing_with({"contoso.azurecr.io/docker-hub/library/nginx:1.27": THROUGH})

        await world.alert()
        await world.work()

        [incident] = (await world.all_incidents()).values()
        assert (incident.state, incident.reason) == (IncidentState.BLOCKED, "rule_not_found")

    async def test_a_rule_that_is_still_limited_fails_with_whose_limit_it_is(self) -> None:
        """Nothing is missing: the account's own limit is reached, and a person has to know."""
        world = TestApplication(pace=Pace(give_up=60))
        world.registries.rules["docker-io-nginx"] = CacheRule(
            "docker-io-nginx", NGINX, "docker-hub/library/nginx", "their-set"
        )
        limited = NotServed(
            "too many requests to source registry for cache rule docker-io-nginx", code="TOOMANYREQUESTS"
        )
        world.content.trouble["manifest"] = [limited] * 99
        world.failing_with({"contoso.azurecr.io/docker-hub/library/nginx:1.27": THROUGH})

        await world.alert()
        await world.work()

        [incident] = (await world.all_incidents()).values()
        assert (incident.state, incident.reason) == (IncidentState.FAILED, "TOOMANYREQUESTS")


class TestModes:
    """`observe` tells, `approve` waits, both create nothing."""

    @pytest.mark.parametrize(
        ("mode", "state"),
        [("observe", IncidentState.PLANNED), ("approve", IncidentState.AWAITING_APPROVAL)],
    )
    async def test_nothing_is_created(self, mode: str, state: IncidentState) -> None:
        """The plan is on the incident, and no message is left behind."""
        world = TestApplication(POLICY.replace("mode: enforce", f"mode: {mode}"))
        world.failing("nginx:1.27")

        await world.alert()
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert incident.state is state
        assert incident.pull_from == {f"{NGINX}:1.27": "contoso.azurecr.io/docker-hub/library/nginx:1.27"}
        assert world.registries.puts == []
        assert world.queue.sent == []
