"""Remediation when the outside is in trouble, and what it leaves alone, with the reason."""

import pytest

from shared.application.apply import CredentialUnhealthy
from shared.application.messages import (
    REMEDIATIONS,
    AlertMessage,
    RegistryMessage,
    read_remediation,
)
from shared.application.registry_ports import PullRefused
from shared.application.remediation import Pace
from shared.domain.cache_rules import CacheRule
from shared.domain.incidents import IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.domain.registries import CredentialSet
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import REGISTRY, TestApplication, log_alert

NGINX = "docker.io/library/nginx"
REDIS = "docker.io/bitnami/redis"


class TestTrouble:
    """An outside system fails at each call."""

    @pytest.mark.parametrize(
        "call",
        [
            "registries.read",
            "registries.create_credential_set",
            "registries.create_cache_rule",
            "vault_access.granted",
            "vault_access.grant",
            "content.repositories",
            "content.manifest",
        ],
    )
    async def test_trouble_that_passes_ends_in_the_cure(self, call: str) -> None:
        """It is written on the incident, and the registry is looked at again; the message itself is done."""
        world = TestApplication()
        world.failing("nginx:1.27")
        port, _, method = call.partition(".")
        getattr(world, port).trouble[method].append(TemporaryError("throttled", code="Throttled", retry_after=7))

        await world.alert()
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert incident.state is IncidentState.VERIFIED
        assert len(world.topic.sent) == 1

    async def test_the_wait_that_the_service_asks_for_is_kept(self) -> None:
        """Retry-After becomes the delay of the next look."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.registries.trouble["create_cache_rule"].append(TemporaryError("throttled", retry_after=7))
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)

        await world.app.remediation.handle(read_remediation(body))

        assert [(m.queue, m.delay_s) for m in world.queue.sent] == [(REMEDIATIONS, 7)]

    async def test_trouble_that_does_not_pass_fails_the_incident_in_the_end(self) -> None:
        """After an hour people are told, with the last error and what to do about it."""
        world = TestApplication(pace=Pace(give_up=60))
        world.failing("nginx:1.27")
        world.registries.trouble["read"] = [TemporaryError("down", code="ServiceUnavailable") for _ in range(99)]

        await world.alert()
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert incident.state is IncidentState.FAILED
        assert incident.reason == "ServiceUnavailable"
        assert [notice.kind for notice in world.topic.sent] == [NoticeKind.INCIDENT_FAILED]
        assert world.queue.sent == []

    async def test_a_refusal_fails_only_what_needs_it(self) -> None:
        """One rule that ARM refuses does not keep the other from being made."""
        world = TestApplication()
        world.failing("nginx:1.27", "bitnami/redis:7")
        world.registries.trouble["create_cache_rule"].append(
            PermanentError(
                "Conflict: already present", code="TargetRepositoryAlreadyPresentInRegistry", hint="Delete it."
            )
        )

        await world.alert()
        await world.work()

        incidents = await world.all_incidents()
        assert sorted(incident.state for incident in incidents.values()) == ["failed", "verified"]
        [failed] = [i for i in incidents.values() if i.state is IncidentState.FAILED]
        assert failed.reason == "TargetRepositoryAlreadyPresentInRegistry"
        assert "Delete it." in failed.detail

    async def test_a_credential_set_that_is_refused_takes_its_rules_down(self) -> None:
        """They are not even tried, and people learn what the cause is."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.registries.trouble["create_credential_set"] = [PermanentError("no", code="AuthorizationFailed")]

        await world.alert()
        await world.work()

        assert "create_cache_rule" not in world.registries.calls
        assert (await world.all_incidents())[NGINX].reason == "AuthorizationFailed"

    async def test_a_rule_and_a_credential_set_of_one_name(self) -> None:
        """A rule that is refused fails nothing that needs the credential set of the same name."""
        world = TestApplication()
        username, token = (
            f"https://contoso-kv.vault.azure.net/secrets/dockerhub-{part}" for part in ("username", "token")
        )
        world.registries.sets["shared"] = CredentialSet("shared", "docker.io", username, token, principal_id="p")
        world.vault_access.readers |= {("", secret.rpartition("/")[2], "p") for secret in (username, token)}
        for name, credential_set, repository in (
            ("shared", None, "library/nginx"),
            ("redis", "shared", "bitnami/redis"),
        ):
            rule = CacheRule(name, f"docker.io/{repository}", f"docker-hub/{repository}", credential_set)
            world.registries.rules[name] = rule
        world.registries.trouble["attach_credential_set"] = [PermanentError("no", code="AuthorizationFailed")]
        world.failing("nginx:1.27", "bitnami/redis:7")

        await world.alert()
        await world.work()

        incidents = await world.all_incidents()
        assert incidents[NGINX].reason == "AuthorizationFailed"
        assert (incidents[REDIS].state, incidents[REDIS].rule) == (IncidentState.VERIFIED, "redis")

    async def test_a_credential_set_that_stays_unhealthy_makes_no_rule(self) -> None:
        """A rule over an unhealthy set would break pulls; after the patience people are told why."""
        world = TestApplication(pace=Pace(give_up=60))
        world.failing("nginx:1.27")
        world.vault_access.trouble["grant"] = [TemporaryError("no") for _ in range(99)]

        await world.alert()
        await world.work()

        assert world.registries.rules == {}
        assert (await world.all_incidents())[NGINX].state is IncidentState.FAILED

    async def test_a_pull_that_is_refused_for_good_fails_the_incident(self) -> None:
        """The rule is there and the proof is not."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.content.trouble["manifest"] = [PullRefused("denied", code="DENIED")]

        await world.alert()
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert (incident.state, incident.reason) == (IncidentState.FAILED, "DENIED")

    async def test_an_unhealthy_set_says_what_a_person_can_do(self) -> None:
        """The hint goes where the person looks."""
        assert "Key Vault Secrets User" in CredentialUnhealthy("x").hint


class TestLeftAlone:
    """What is not ours is left alone, with the reason."""

    async def test_what_the_policy_does_not_allow_is_blocked_and_told(self) -> None:
        """Nothing is created; the notice says why."""
        world = TestApplication()
        world.failing("evil/miner:1", "library/nightly-build:1")

        await world.alert()
        await world.work()

        assert world.registries.puts == []
        assert {i.reason for i in (await world.all_incidents()).values()} == {"denied_by_policy"}
        assert {notice.kind for notice in world.topic.sent} == {NoticeKind.INCIDENT_BLOCKED}

    async def test_a_blocked_repository_that_fails_again_is_not_told_again(self) -> None:
        """The same notice has the same id, and the outbox knows it."""
        world = TestApplication()
        world.failing("evil/miner:1")
        await world.alert()
        await world.work()

        await world.alert(log_alert(alert="a2"))
        await world.work()

        assert len(world.topic.sent) == 1

    async def test_a_resource_that_no_registry_serves_opens_no_incident(self) -> None:
        """The delivery's record says so."""
        world = TestApplication()
        world.failing("nginx:1.27", resource_id="/subscriptions/other/managedclusters/dev")

        await world.alert()
        await world.work()

        assert await world.all_incidents() == {}

    async def test_a_resolved_alert_changes_no_state(self) -> None:
        """It is noted and never acted on."""
        world = TestApplication()
        world.failing("nginx:1.27")

        await world.alert(log_alert(condition="Resolved"))
        await world.work()

        assert world.logs.windows == []
        assert world.registries.puts == []

    async def test_logs_that_show_nothing_yet_are_asked_again_and_then_left(self) -> None:
        """Rows arrive late; three looks are enough."""
        world = TestApplication()

        await world.alert()
        await world.work()

        assert len(set(world.logs.windows)) == 3
        assert world.queue.sent == []

    async def test_a_source_that_refuses_its_query_does_not_hide_the_others(self) -> None:
        """One table's query is refused; what the others show is cured all the same."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.logs.refused_tables.add("Syslog")

        await world.alert()
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_a_workspace_that_refuses_every_query_is_recorded(self) -> None:
        """The identity lacks the role: the delivery's record says so, and nothing is retried for ever."""
        world = TestApplication()
        world.logs.trouble["query"] = [PermanentError("no access", code="InsufficientAccessError")] * 99

        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)
        message = read_remediation(body)
        assert isinstance(message, AlertMessage)
        await world.app.remediation.handle(message)

        delivery = await world.deliveries.begin(message.delivery, world.clock.now())
        assert (delivery.outcome, delivery.summary) == ("failed", "InsufficientAccessError: no access")
        assert world.queue.sent == []

    async def test_a_registry_that_left_the_policy_is_left_alone(self) -> None:
        """A message of yesterday's policy does nothing."""
        world = TestApplication()

        await world.app.remediation.handle(RegistryMessage(registry_id=REGISTRY + "2"))

        assert world.registries.calls == []

    async def test_a_payload_that_is_gone_ends_the_message(self) -> None:
        """Nothing can be done, and nothing is retried for ever."""
        world = TestApplication()

        await world.app.remediation.handle(AlertMessage(delivery="d1"))

        assert world.queue.sent == []
        assert (await world.deliveries.begin("d1", world.clock.now())).outcome == "ignored"
