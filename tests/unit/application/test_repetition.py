"""Remediation again: the same message, another worker, a crash between any two steps, a channel in trouble."""

import asyncio

import pytest

from shared.application.messages import (
    NOTIFICATIONS,
    REMEDIATIONS,
    RegistryMessage,
    read_notification,
    read_remediation,
)
from shared.domain.incidents import MOST_IMAGES, IncidentState, registry_key
from shared.errors import PermanentError, TemporaryError
from shared.queries import SOURCES
from tests.fakes.application import REGISTRY, TestApplication, log_alert

NGINX = "docker.io/library/nginx"
REDIS = "docker.io/bitnami/redis"


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

    async def test_of_more_tags_than_an_incident_lists_none_is_lost(self) -> None:
        """The listed ones are proven; for all others people are told the repository, and how many there are."""
        world = TestApplication()
        world.failing(*(f"nginx:1.{number}" for number in range(MOST_IMAGES + 3)))
        await world.alert()
        await world.work()

        [notice] = world.topic.sent
        repository, *listed = notice.hand_off
        assert (repository.image, repository.pull_from) == (NGINX, "contoso.azurecr.io/docker-hub/library/nginx")
        assert "newTag" not in repository.kustomize
        assert len(listed) == len(world.content.pulled) == MOST_IMAGES
        assert notice.facts["More references"].startswith("3;")
        [incident] = (await world.all_incidents()).values()
        assert (incident.state, len(incident.others)) == (IncidentState.VERIFIED, 3)

        world.failing(*(f"nginx:1.{number}" for number in range(MOST_IMAGES + 9)))
        await world.alert(log_alert(alert="a2"))
        await world.app.sweep.run()
        await world.work()

        [incident] = (await world.all_incidents()).values()
        assert (incident.state, len(incident.others)) == (IncidentState.VERIFIED, 9)
        assert [told for told in world.topic.sent if told.subject == notice.subject] == [notice]

    async def test_a_tag_beyond_the_list_of_a_cured_repository_is_told(self) -> None:
        """The fifty before it are proven and told; what holds for the repository is new."""
        world = TestApplication()
        for count, alert in ((MOST_IMAGES, "a1"), (MOST_IMAGES + 1, "a2")):
            world.failing(*(f"nginx:1.{number}" for number in range(count)))
            await world.alert(log_alert(alert=alert))
            await world.work()

        assert [len(notice.hand_off) for notice in world.topic.sent] == [MOST_IMAGES, MOST_IMAGES + 1]
        assert world.topic.sent[-1].hand_off[0].image == NGINX
        assert len(world.content.pulled) == MOST_IMAGES

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
            "registries.until_ended",
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
        assert [(each.status, each.error) for each in report.notices] == [("lost", "TopicGone: no such topic")]


class _Killed(BaseException):
    """Stands for kill -9: no handler may catch it and write anything more."""
