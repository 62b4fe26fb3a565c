"""Remediation, from an alert to the proof: what is created, in which order, and what happens when things go wrong."""

import asyncio

import pytest

from shared.application.apply import CredentialUnhealthy
from shared.application.messages import (
    NOTIFICATIONS,
    REMEDIATIONS,
    AlertMessage,
    RegistryMessage,
    read_notification,
    read_remediation,
)
from shared.application.ports import NotServed, PullRefused
from shared.application.remediation import Pace
from shared.domain.cache_rules import CacheRule
from shared.domain.incidents import IncidentState, registry_key
from shared.domain.notice_kinds import NoticeKind
from shared.domain.registries import CredentialSet
from shared.errors import PermanentError, TemporaryError
from shared.queries import SOURCES
from tests.fakes.application import POLICY, REGISTRY, WORKSPACE, TestApplication, log_alert

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
            "principal-of-" + world.registries.puts[0]
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


class TestRepetition:
    """Everything is at least once."""

    async def test_the_same_message_twice_changes_nothing(self) -> None:
        """One PUT per rule, one notice, one set of pulls."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)

        for _ in range(2):
            await world.app.remediation.handle(read_remediation(body))
            await world.work()

        assert len(world.registries.puts) == 2
        assert len(world.topic.sent) == 1
        assert len(world.content.pulled) == 1
        assert len(world.logs.windows) == len(SOURCES)

    async def test_another_alert_for_the_same_failure_is_evidence_and_not_work(self) -> None:
        """The workload still pulls from Docker Hub: nothing to create, and people have been told."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        await world.alert(log_alert(alert="a2"))
        await world.work()

        assert len(world.registries.puts) == 2
        assert len(world.topic.sent) == 1
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_another_tag_of_a_cured_repository_is_proven_and_told(self) -> None:
        """The rule covers it already; the hand-off for the new tag is new."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        world.failing("nginx:1.28")
        await world.alert(log_alert(alert="a2"))
        await world.work()

        assert len(world.registries.puts) == 2
        assert world.content.pulled == [
            "contoso.azurecr.io/docker-hub/library/nginx:1.27",
            "contoso.azurecr.io/docker-hub/library/nginx:1.28",
        ]
        assert len(world.topic.sent) == 2
        assert {h.image for h in world.topic.sent[-1].hand_off} == {f"{NGINX}:1.27", f"{NGINX}:1.28"}

    async def test_two_instances_on_the_same_queue_make_one_rule(self) -> None:
        """They take turns on the messages."""
        world = TestApplication()
        other = world.another()
        world.failing("nginx:1.27")
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)
        message = read_remediation(body)

        await asyncio.gather(world.app.remediation.handle(message), other.remediation.handle(message))
        await world.work(world.app, other)

        assert len(world.registries.puts) == 2
        assert len({notice.id for notice in world.topic.sent}) == 1
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_who_does_not_get_the_lease_leaves_its_evidence_and_a_message(self) -> None:
        """Nothing is lost while another worker holds the registry."""
        world = TestApplication()
        world.failing("nginx:1.27")
        lease = await world.leases.acquire(f"registry-{registry_key(REGISTRY)}", "somebody", 60)
        assert lease is not None
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)

        await world.app.remediation.handle(read_remediation(body))

        assert world.registries.puts == []
        assert (await world.all_incidents())[NGINX].state is IncidentState.DETECTED
        [waiting] = world.queue.sent
        message = read_remediation(waiting.body)
        assert isinstance(message, RegistryMessage)
        assert message.registry_id == REGISTRY
        assert waiting.delay_s > 0
        await world.leases.release(lease)
        await world.work()
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED


class TestCrash:
    """A worker dies between any two steps; the message comes again and the end is the same."""

    @pytest.mark.parametrize(
        "call",
        [
            "registries.read",
            "registries.create_credential_set",
            "registries.create_cache_rule",
            "registries.credential_set",
            "vault_access.grant",
            "content.repositories",
            "content.manifest",
            "logs.query",
        ],
    )
    async def test_the_end_is_the_same_when_the_process_dies_at(self, call: str) -> None:
        """An error that nobody expects leaves everything as it is, like a kill; the next delivery goes on."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)
        port, _, method = call.partition(".")
        getattr(world, port).trouble[method].append(_Killed())

        with pytest.raises((_Killed, BaseExceptionGroup)):
            await world.app.remediation.handle(read_remediation(body))
        await world.app.remediation.handle(read_remediation(body))
        await world.work()

        assert [rule.source for rule in world.registries.rules.values()] == [NGINX]
        assert len(world.registries.puts) == 2
        assert len(world.topic.sent) == 1
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED


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


class TestChannels:
    """A broken channel never fails a remediation."""

    async def test_a_channel_in_trouble_brings_its_message_back(self) -> None:
        """The incident is verified all the same; the row waits."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.topic.trouble["send"].append(TemporaryError("503"))
        await world.alert()
        await world.app.remediation.handle(read_remediation(world.queue.take(REMEDIATIONS)[0]))
        [body] = world.queue.take(NOTIFICATIONS)
        await world.app.notification.deliver(read_notification(body))
        assert world.topic.sent == []
        assert world.queue.take(NOTIFICATIONS) == [body]
        await world.app.notification.deliver(read_notification(body))

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        assert len(world.topic.sent) == 1

    async def test_the_same_notification_message_twice_is_sent_once(self) -> None:
        """Redelivery of a message whose row was sent does nothing."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.app.remediation.handle(read_remediation(world.queue.take(REMEDIATIONS)[0]))
        [body] = world.queue.take(NOTIFICATIONS)
        for _ in range(2):
            await world.app.notification.deliver(read_notification(body))

        assert len(world.topic.sent) == 1

    async def test_a_channel_that_refuses_for_good_is_recorded(self) -> None:
        """The report of the incident says so, and nothing is retried."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.topic.trouble["send"].append(PermanentError("no such topic", code="TopicGone"))

        await world.alert()
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        report = await world.app.reports.incident(incident.id)
        assert [status.status for status in report.notices] == ["TopicGone: no such topic"]


class _Killed(BaseException):
    """Stands for kill -9: no handler may catch it and write anything more."""
