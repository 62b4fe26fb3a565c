"""The incident book: what a worker saw last may be old by the time it writes."""

import pytest

from shared.application.incident_book import IncidentBook
from shared.application.notification import Notification
from shared.application.ports import Stored
from shared.application.records import record
from shared.domain.failures import Cause, Diagnosis, PullFailure
from shared.domain.images import ImageReference
from shared.domain.incidents import Incident, IncidentState, Proof
from shared.domain.plans import CreateCacheRule, Outcome, Plan, Status
from shared.domain.policy import Mode
from shared.domain.policy_file import load_policy
from shared.errors import TemporaryError
from tests.fakes.application import POLICY, REGISTRY, TestApplication
from tests.fakes.fuse import Killed
from tests.fakes.stores import MemoryIncidents

RULE = "rule-1"
PULL_FROM = "contoso.azurecr.io/docker-hub/library/nginx:1.27"
FIRST = ImageReference("docker.io", "library/nginx", "1.27")
PLAN = Plan(actions=(CreateCacheRule(RULE, "docker.io/library/nginx", "docker-hub/library/nginx", None),))


class DyingIncidents(MemoryIncidents):
    """Incidents whose writer is killed at the next write of a state."""

    dies_at: IncidentState | None = None

    async def replace(self, stored: Stored[Incident], incident: Incident) -> Stored[Incident]:
        """Replace it, or die first."""
        if incident.state is self.dies_at:
            self.dies_at = None
            raise Killed
        return await super().replace(stored, incident)


async def planned(world: TestApplication, incidents: MemoryIncidents) -> tuple[IncidentBook, str]:
    """A book with one incident that is planned for in mode `approve`, and the incident's id."""
    book = IncidentBook(incidents=incidents, notification=world.app.notification, clock=world.clock)
    now = world.clock.now()
    failure = PullFailure(Diagnosis(cause=Cause.RATE_LIMITED), "/clusters/prod", now, now)
    incident = await record(incidents, REGISTRY, FIRST, failure, now)
    outcome = Outcome(str(FIRST), Status.PLANNED, rule=RULE, pull_from=PULL_FROM)
    await book.planned(incident.id, [outcome], Mode.APPROVE, PLAN)
    return book, incident.id


class TestQuestions:
    """`IncidentBook.awaiting_approval`."""

    async def test_a_question_that_a_crash_repeats_is_the_same_on_the_next_day(self) -> None:
        """The notice goes out before the state is stored; whoever repeats the step must not tell people twice."""
        world = TestApplication()
        incidents = DyingIncidents(world.clock)
        book, key = await planned(world, incidents)

        incidents.dies_at = IncidentState.AWAITING_APPROVAL
        with pytest.raises(Killed):
            await book.awaiting_approval(key, PLAN, contested=False)
        world.clock.advance(86_400)
        await book.awaiting_approval(key, PLAN, contested=False)
        await world.work()

        assert len(world.topic.sent) == 1

    async def test_the_same_question_once_more_is_another_one(self) -> None:
        """Nobody answered, and it is asked anew: on the same day as on the next."""
        world = TestApplication()
        book, key = await planned(world, world.incidents)

        await book.awaiting_approval(key, PLAN, contested=False)
        await book.asked_too_long_ago(key)
        await book.awaiting_approval(key, PLAN, contested=False)
        await world.work()

        assert len({notice.id for notice in world.topic.sent}) == 2

    async def test_trouble_is_not_written_on_what_waits_for_a_person(self) -> None:
        """A slow worker's trouble came after another one had asked: nothing is tried again."""
        world = TestApplication()
        book, key = await planned(world, world.incidents)
        asked = await book.awaiting_approval(key, PLAN, contested=False)

        assert asked == await book.waiting(key, TemporaryError("busy"))


class TestVerified:
    """`IncidentBook.verified`."""

    async def test_a_reference_that_came_meanwhile_is_planned_for_first(self) -> None:
        """One proof of two is not the end, and nobody is told that it is."""
        world = TestApplication()
        notification = Notification(
            policy=load_policy(POLICY, path="policy.yaml"),
            outbox=world.outbox,
            queue=world.queue,
            channels={"topic": world.topic},
            leases=world.leases,
            states=world.channel_states,
            clock=world.clock,
        )
        book = IncidentBook(incidents=world.incidents, notification=notification, clock=world.clock)
        now = world.clock.now()
        failure = PullFailure(Diagnosis(cause=Cause.RATE_LIMITED), "/clusters/prod", now, now)
        first = ImageReference("docker.io", "library/nginx", "1.27")
        incident = await record(world.incidents, REGISTRY, first, failure, now)
        pull_from = "contoso.azurecr.io/docker-hub/library/nginx:1.27"
        await book.planned(
            incident.id, [Outcome(str(first), Status.PLANNED, rule="rule-1", pull_from=pull_from)], Mode.ENFORCE, Plan()
        )
        await book.applied(incident.id)
        await record(world.incidents, REGISTRY, ImageReference("docker.io", "library/nginx", "1.28"), failure, now)

        settled = await book.verified(incident.id, [Proof(str(first), pull_from, "sha256:0", "cache", now)])

        assert settled.state is IncidentState.PLANNED
        assert [proof.image for proof in settled.proofs] == [str(first)]
        assert world.queue.sent == []
