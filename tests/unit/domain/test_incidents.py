"""Incidents: how failures gather on one, and the steps that its life may take."""

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.approvals import Decision
from shared.domain.failures import Cause, Diagnosis, PullFailure, Workload
from shared.domain.gathering import knows, observe, open_incident
from shared.domain.images import ImageReference
from shared.domain.incidents import (
    MOST_IMAGES,
    MOST_OTHERS,
    MOST_TIMELINE,
    MOST_WORKLOADS,
    IllegalTransition,
    Incident,
    IncidentState,
    Proof,
    incident_id,
    note,
    transition,
)
from shared.domain.plans import Plan
from shared.domain.reopening import reopen

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
REGISTRY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso"

tags = st.sampled_from(["1.27", "1.28", "latest"])
workloads = st.builds(Workload, resource_id=st.just("/clusters/prod"), name=st.sampled_from(["web", "api", "job"]))


def nginx(tag: str) -> ImageReference:
    """An image of one repository."""
    return ImageReference("docker.io", "library/nginx", tag)


def failure(*wanted_by: Workload, count: int = 1) -> PullFailure:
    """A failure by Docker Hub's pull limit."""
    return PullFailure(
        diagnosis=Diagnosis(cause=Cause.RATE_LIMITED),
        resource_id="/clusters/prod",
        first_seen=NOW - timedelta(minutes=5),
        last_seen=NOW,
        count=count,
        workloads=wanted_by,
    )


def opened(tag: str = "1.27") -> Incident:
    """A fresh incident."""
    return open_incident(REGISTRY, nginx(tag), failure(), NOW)


def verified(tag: str = "1.27") -> Incident:
    """An incident whose one image is proven."""
    incident = opened(tag)
    for state in (IncidentState.PLANNED, IncidentState.APPLIED, IncidentState.VERIFIED):
        incident = transition(incident, state, NOW, "on")
    proof = Proof(image=str(nginx(tag)), pull_from="contoso.azurecr.io/x", digest="sha256:0", origin="cache", at=NOW)
    return msgspec.structs.replace(incident, proofs=(proof,))


class TestIdentity:
    """What makes an incident one."""

    def test_the_registry_counts_without_regard_to_case(self) -> None:
        """ARM writes ids in any case."""
        assert incident_id(REGISTRY, "docker.io/library/nginx") == incident_id(
            REGISTRY.upper(), "docker.io/library/nginx"
        )

    def test_tags_of_a_repository_share_an_incident(self) -> None:
        """The key is the registry and the source repository."""
        assert opened("1.27").id == opened("1.28").id


class TestObserve:
    """More failures of the same repository."""

    @given(st.lists(st.tuples(tags, st.lists(workloads, max_size=3)), max_size=10))
    def test_each_workload_stays_with_the_reference_that_it_wanted(
        self, seen: list[tuple[str, list[Workload]]]
    ) -> None:
        """A line for one tag must not land on a workload of another."""
        incident = opened()
        wanted: dict[str, set[Workload]] = {}
        for tag, wanted_by in seen:
            incident = observe(incident, nginx(tag), failure(*wanted_by), NOW)
            wanted.setdefault(str(nginx(tag)), set()).update(wanted_by)

        assert {image: set(incident.workloads.get(image, ())) for image in wanted} == wanted
        assert set(incident.images) == {str(nginx("1.27")), *wanted}

    def test_the_same_reading_of_the_logs_twice_does_not_count_twice(self) -> None:
        """Windows overlap, so the largest reading counts."""
        incident = observe(
            observe(opened(), nginx("1.27"), failure(count=7), NOW), nginx("1.27"), failure(count=7), NOW
        )

        assert incident.failures == 7

    def test_what_strangers_can_make_many_of_is_bounded(self) -> None:
        """References, workloads and the timeline."""
        incident = opened()
        for number in range(MOST_IMAGES + MOST_TIMELINE):
            web = Workload(resource_id="/clusters/prod", name=f"web-{number}")
            incident = observe(incident, nginx(f"t{number}"), failure(), NOW)
            incident = observe(incident, nginx("1.27"), failure(web), NOW)
            incident = note(incident, NOW, "x", f"line {number}")

        assert len(incident.images) == MOST_IMAGES
        assert len(incident.others) == MOST_TIMELINE + 1
        assert len(incident.workloads[str(nginx("1.27"))]) == MOST_WORKLOADS
        assert len(incident.timeline) == MOST_TIMELINE
        assert incident.timeline[0].event == "incident.detected"

    def test_references_beyond_the_bound_are_counted_each_once(self) -> None:
        """As far as they are kept; beyond that the incident says that it knows them, so that nobody circles."""
        incident = opened()
        for number in range(MOST_IMAGES + MOST_OTHERS + 5):
            assert not knows(incident, nginx(f"t{number}")) or len(incident.others) == MOST_OTHERS
            incident = observe(incident, nginx(f"t{number}"), failure(), NOW)
            assert observe(incident, nginx(f"t{number}"), failure(), NOW) == incident
            assert knows(incident, nginx(f"t{number}"))

        assert len(incident.others) == MOST_OTHERS
        assert not {*incident.others} & {*incident.images}

    def test_only_the_first_reference_beyond_the_bound_opens_a_verified_incident_again(self) -> None:
        """People are told of the repository, which holds for all that follow."""
        images = tuple(str(nginx(f"t{number}")) for number in range(MOST_IMAGES))
        proofs = tuple(msgspec.structs.replace(verified().proofs[0], image=image) for image in images)
        full = msgspec.structs.replace(verified(), images=images, proofs=proofs)

        first = observe(full, nginx("1.28"), failure(), NOW)
        second = observe(msgspec.structs.replace(full, others=first.others), nginx("1.29"), failure(), NOW)

        assert (first.state, second.state) == (IncidentState.DETECTED, IncidentState.VERIFIED)
        assert second.others == (str(nginx("1.28")), str(nginx("1.29")))

    def test_a_proven_reference_that_fails_again_is_evidence(self) -> None:
        """The workload still pulls from the upstream; people were told."""
        assert observe(verified(), nginx("1.27"), failure(), NOW).state is IncidentState.VERIFIED

    def test_a_reference_without_proof_opens_a_verified_incident_again(self) -> None:
        """And the time that its cure may take starts anew."""
        later = NOW + timedelta(hours=3)

        incident = observe(verified(), nginx("1.28"), failure(), later)

        assert (incident.state, incident.active_since) == (IncidentState.DETECTED, later)

    @pytest.mark.parametrize("state", [IncidentState.BLOCKED, IncidentState.FAILED])
    def test_what_could_not_be_cured_is_tried_again_when_it_fails_again(self, state: IncidentState) -> None:
        """Somebody may have changed what was in the way."""
        incident = transition(opened(), state, NOW, "no", reason="denied_by_policy")

        again = observe(incident, nginx("1.27"), failure(), NOW)

        assert (again.state, again.reason) == (IncidentState.DETECTED, None)


class TestTimeline:
    """What is kept of what happened."""

    @given(st.lists(st.sampled_from("abc"), max_size=MOST_TIMELINE))
    def test_no_line_is_lost_to_those_that_repeat(self, texts: list[str]) -> None:
        """Each is there with its first time, and the newest stands last."""
        incident = msgspec.structs.replace(opened(), timeline=())
        for number, text in enumerate(texts):
            incident = note(incident, NOW + timedelta(minutes=number), "e", text)

        firsts = {text: NOW + timedelta(minutes=texts.index(text)) for text in texts}
        assert {entry.text: entry.at for entry in reversed(incident.timeline)} == firsts
        assert [entry.text for entry in incident.timeline[-1:]] == texts[-1:]

    @pytest.mark.parametrize("cycle", [("failed", "blocked"), ("1.27 failed", "blocked", "1.28 failed", "blocked")])
    def test_an_image_that_keeps_failing_pushes_nothing_out(self, cycle: tuple[str, ...]) -> None:
        """Of what comes again and again the first time and the latest are kept."""
        incident = note(msgspec.structs.replace(opened(), timeline=()), NOW, "e", "approved by Ada")
        for number in range(100 * len(cycle)):
            incident = note(incident, NOW + timedelta(minutes=number), "e", cycle[number % len(cycle)])

        assert [entry.text for entry in incident.timeline] == ["approved by Ada", *cycle, *cycle]
        assert incident.timeline[-1].at == NOW + timedelta(minutes=100 * len(cycle) - 1)


class TestTransition:
    """The state machine."""

    @given(st.lists(st.sampled_from(IncidentState), max_size=12))
    def test_no_path_reaches_verified_without_applied(self, steps: list[IncidentState]) -> None:
        """Nothing is called proven that was never there."""
        incident, path = opened(), [IncidentState.DETECTED]
        for step in steps:
            try:
                incident = transition(incident, step, NOW, "step")
            except IllegalTransition:
                continue
            if incident.state is not path[-1]:
                path.append(incident.state)

        for before, after in itertools.pairwise(path):
            if after is IncidentState.VERIFIED:
                assert before is IncidentState.APPLIED

    def test_what_was_undone_is_contested_until_somebody_agrees(self) -> None:
        """Neither time nor a no ends it; a question that the mode asks is none of that kind."""
        asked = reopen(verified(), NOW, "deleted", question=Plan(actions=(), outcomes=()))
        assert asked.is_contested
        assert transition(asked, IncidentState.PLANNED, NOW, "the question has expired").is_contested
        assert asked.proposal is not None
        for decision in Decision:
            answered = msgspec.structs.replace(asked.proposal, decision=decision)
            contested = decision is not Decision.APPROVED
            assert msgspec.structs.replace(asked, proposal=answered).is_contested is contested
        by_mode = msgspec.structs.replace(asked.proposal, contested=False)
        assert not msgspec.structs.replace(asked, proposal=by_mode).is_contested

    def test_a_step_that_does_not_exist_is_refused(self) -> None:
        """A bug shows at once."""
        with pytest.raises(IllegalTransition, match="detected to verified"):
            transition(opened(), IncidentState.VERIFIED, NOW, "no")

    def test_the_same_line_twice_in_a_row_stands_once(self) -> None:
        """Trouble that repeats does not push the story out."""
        once = note(opened(), NOW, "incident.waiting", "throttled")

        assert note(once, NOW + timedelta(seconds=9), "incident.waiting", "throttled") == once
