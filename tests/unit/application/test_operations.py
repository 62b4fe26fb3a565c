"""Operations that Azure goes on with while their worker is gone."""

import msgspec
import pytest

from shared.application.incident_book import IncidentBook
from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.reports import Question
from shared.domain.cache_rules import rule_name
from shared.domain.incidents import Incident, IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.errors import CachewardenError, PermanentError, TemporaryError
from tests.fakes.application import POLICY, REGISTRY, TestApplication, log_alert
from tests.fakes.azure import SIGNATURE
from tests.fakes.fuse import Killed

NGINX = "docker.io/library/nginx"
REDIS = "docker.io/bitnami/redis"
REFUSED = PermanentError("making it: NoSuchThing: not today", code="NoSuchThing")


async def killed_while_waiting(world: TestApplication, *images: str, operations_before: int = 1) -> Incident:
    """The incident of nginx as a worker leaves it that is killed while Azure makes its rule."""
    world.failing(*(images or ("nginx:1.27",)))
    await world.alert()
    await _killed(world, operations_before)
    return (await world.all_incidents())[NGINX]


async def _killed(world: TestApplication, operations_before: int) -> None:
    [body] = world.queue.take(REMEDIATIONS)
    world.registries.trouble["until_ended"] = [*[None] * operations_before, Killed()]
    with pytest.raises((Killed, BaseExceptionGroup)):
        await world.app.remediation.handle(read_remediation(body))
    await world.queue.send(REMEDIATIONS, body)


class TestRestart:
    """The successor takes up what was accepted."""

    async def test_it_waits_for_the_end_and_sends_nothing_twice(self) -> None:
        """One PUT for the set, one for the rule; the operation is on the incident meanwhile and gone in the end."""
        world = TestApplication()
        left = await killed_while_waiting(world)
        assert left.state is IncidentState.PLANNED
        assert left.operation is not None
        assert left.operation.resource == f"cacheRules/{left.rule}"

        await world.work()

        cured = (await world.all_incidents())[NGINX]
        assert (cured.state, cured.operation) == (IncidentState.VERIFIED, None)
        assert len(world.registries.puts) == 2

    async def test_what_failed_while_nobody_looked_is_told_in_azure_s_words(self) -> None:
        """The operation's own error, and no second attempt to learn it."""
        world = TestApplication()
        left = await killed_while_waiting(world)
        resource = f"cacheRules/{left.rule}"
        world.registries.failures[resource] = REFUSED
        world.registries.end(REGISTRY, resource)

        await world.work()

        failed = (await world.all_incidents())[NGINX]
        assert (failed.state, failed.reason, failed.operation) == (IncidentState.FAILED, "NoSuchThing", None)
        assert "not today" in failed.detail
        assert len(world.registries.puts) == 2
        last = [entry for entry in await world.app.audit.entries(None, None) if entry.kind == "resume_operation"][-1]
        assert (last.result, last.resource) == ("refused", f"{REGISTRY}/{resource}")

    async def test_a_credential_set_that_failed_fails_all_that_need_it(self) -> None:
        """Whichever incident carried its operation."""
        world = TestApplication()
        await killed_while_waiting(world, "nginx:1.27", "bitnami/redis:7.4", operations_before=0)
        [name] = world.registries.sets
        world.registries.failures[f"credentialSets/{name}"] = REFUSED

        await world.work()

        incidents = await world.all_incidents()
        assert {incident.reason for incident in incidents.values()} == {"NoSuchThing"}
        assert world.registries.rules == {}

    async def test_when_the_image_fails_again_it_is_tried_again(self) -> None:
        """What an old operation failed of counts for the run that took it up."""
        world = TestApplication()
        left = await killed_while_waiting(world)
        world.registries.failures[f"cacheRules/{left.rule}"] = REFUSED
        await world.work()

        world.failing("nginx:1.27")
        await world.alert(log_alert(alert="a2"))
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_in_mode_approve_nobody_is_asked_twice(self) -> None:
        """The yes still counts for what is left."""
        world = TestApplication(POLICY.replace("mode: enforce", "mode: approve"))
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        asked = (await world.all_incidents())[NGINX]
        assert asked.proposal is not None
        answer = msgspec.json.encode({"by": "ada", "plan": asked.proposal.plan})
        await world.app.approvals.approve(asked.id, answer, signed_in=None)
        await _killed(world, 1)
        assert (await world.all_incidents())[NGINX].operation is not None

        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        assert len(world.registries.puts) == 2
        assert [notice.kind for notice in world.topic.sent].count(NoticeKind.INCIDENT_AWAITING_APPROVAL) == 1


class TestUntold:
    """Where the operation tells nothing, the rule does."""

    async def test_an_operation_that_is_forgotten_is_tried_again(self) -> None:
        """Making it again tells why it fails."""
        world = TestApplication()
        left = await killed_while_waiting(world)
        world.registries.failures[f"cacheRules/{left.rule}"] = REFUSED
        world.registries.forgets = True

        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        assert len(world.registries.puts) == 3

    async def test_a_rule_that_counted_as_there_and_was_not_made_is_planned_for_again(self) -> None:
        """Its worker died before the operation was written down; who looks next finds it being made, then failed."""
        world = TestApplication()
        left = await killed_while_waiting(world)
        assert left.operation is not None
        book = IncidentBook(incidents=world.incidents, notification=world.app.notification, clock=world.clock)
        await book.operation_ended(left.id, left.operation)
        [body] = world.queue.take(REMEDIATIONS)
        rule = world.registries.rules[left.rule or ""]
        await world.app.remediation.handle(read_remediation(body))
        assert (await world.all_incidents())[NGINX].state is IncidentState.APPLIED
        world.registries.rules[rule.name] = msgspec.structs.replace(rule, provisioning_state="Failed")

        await world.work()

        cured = (await world.all_incidents())[NGINX]
        assert cured.state is IncidentState.VERIFIED
        assert any("planned for again" in entry.text for entry in cured.timeline)
        assert len(world.registries.puts) == 3


class TestInOneRun:
    """An operation whose worker lives."""

    @pytest.mark.parametrize(
        ("failure", "state"),
        [(TemporaryError("try again"), IncidentState.VERIFIED), (REFUSED, IncidentState.FAILED)],
        ids=["temporary", "permanent"],
    )
    async def test_its_end_is_seen_once(self, failure: CachewardenError, state: IncidentState) -> None:
        """A failure that passes is no loop: the operation is done with, and the next run makes the rule again."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        world.registries.failures[f"cacheRules/{rule_name(NGINX, 'docker-hub/library/nginx')}"] = failure

        await world.app.remediation.handle(read_remediation(world.queue.take(REMEDIATIONS)[0]))
        assert (await world.all_incidents())[NGINX].operation is None
        await world.work()

        assert (await world.all_incidents())[NGINX].state is state

    async def test_trouble_with_asking_leaves_it_on_the_incident(self) -> None:
        """The next message asks again, and nothing is created twice."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        world.registries.trouble["until_ended"] = [TemporaryError("throttled", code="TooManyRequests")]
        [body] = world.queue.take(REMEDIATIONS)
        await world.app.remediation.handle(read_remediation(body))
        assert (await world.all_incidents())[NGINX].operation is not None

        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        assert len(world.registries.puts) == 2


class TestSecrecy:
    """The address at which Azure tells of an operation may carry a signature."""

    async def test_nobody_is_shown_it(self, caplog: pytest.LogCaptureFixture) -> None:
        """Neither reports nor answers to approvals, notices, the audit trail or the log."""
        caplog.set_level("DEBUG")
        world = TestApplication()
        left = await killed_while_waiting(world)
        assert left.operation is not None
        assert SIGNATURE in left.operation.status

        report = await world.app.reports.incident(left.id)
        newest = await world.app.reports.newest(Question())
        await world.work()
        seen = [report, newest, world.topic.sent, await world.app.audit.entries(None, None)]

        assert report.incident.state is IncidentState.PLANNED
        assert all(SIGNATURE not in msgspec.json.encode(one).decode() for one in seen)
        assert caplog.records
        assert SIGNATURE not in caplog.text
