"""The incident book: what a worker saw last may be old by the time it writes."""

from shared.application.incident_book import IncidentBook
from shared.application.notification import Notification
from shared.application.records import record
from shared.domain.failures import Cause, Diagnosis, PullFailure
from shared.domain.images import ImageReference
from shared.domain.incidents import IncidentState, Proof
from shared.domain.plans import Outcome, Status
from shared.domain.policy_file import load_policy
from tests.fakes.application import POLICY, REGISTRY, TestApplication


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
        await book.planned(incident.id, [Outcome(str(first), Status.PLANNED, rule="rule-1", pull_from=pull_from)])
        await book.applied(incident.id)
        await record(world.incidents, REGISTRY, ImageReference("docker.io", "library/nginx", "1.28"), failure, now)

        settled = await book.verified(incident.id, [Proof(str(first), pull_from, "sha256:0", "cache", now)])

        assert settled.state is IncidentState.PLANNED
        assert [proof.image for proof in settled.proofs] == [str(first)]
        assert world.queue.sent == []
