"""Drift: somebody changes a rule that an incident relies on."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from shared.application.approvals import ApprovalExpired
from shared.application.assembly import Application
from shared.application.messages import REMEDIATIONS
from shared.domain.drift import Change, DriftRecord, key_of
from shared.domain.event_readers import RESOURCE_EVENTS
from shared.domain.incidents import IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice
from tests.fakes.application import POLICY, REGISTRY, TestApplication, log_alert
from tests.fixtures.events import ANNA, BERT, NGINX, changed, cloud, cured, outcome

REDIS = "docker.io/library/redis"


async def undone_twice() -> tuple[TestApplication, str]:
    """A world in which the same person has deleted a rule twice, so that a person is asked; and the rule's name."""
    world = await cured()
    [name] = world.registries.rules
    for number in (1, 2):
        del world.registries.rules[name]
        await world.app.events.accept(RESOURCE_EVENTS, changed(name, number=number))
        await world.work()
    return world, name


class TestDrift:
    """Somebody changes a rule that an incident relies on."""

    async def test_a_deleted_rule_is_made_again_and_told_with_who_and_when(self) -> None:
        """In mode enforce; the person is an object id, and nothing of the claims is anywhere."""
        world = await cured()
        [name] = world.registries.rules
        del world.registries.rules[name]

        await world.app.events.accept(RESOURCE_EVENTS, changed(name.upper()))
        await world.work()

        assert list(world.registries.rules) == [name]
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        [notice] = [n for n in world.topic.sent if n.kind is NoticeKind.INCIDENT_DRIFT]
        assert notice.facts["changed by"] == ANNA
        assert notice.facts["changed at"] == "2026-11-24T08:59:00+00:00"
        everything = msgspec.json.encode([world.topic.sent, list((await world.all_incidents()).values())])
        report = await world.app.reports.incident((await world.all_incidents())[NGINX].id)
        assert notice.id in {each.id for each in report.notices}
        assert b"Anna" not in everything
        assert b"203.0.113.7" not in everything

    async def test_our_own_writes_change_nothing(self) -> None:
        """They are events as well, and leave everything in order."""
        world = await cured()
        before = await world.all_incidents()
        [name] = world.registries.rules

        await world.app.events.accept(RESOURCE_EVENTS, changed(name, verb="Write"))
        await world.work()

        assert await world.all_incidents() == before
        assert await outcome(world) == ("ignored", "in_order")

    async def test_an_event_that_lies_changes_nothing(self) -> None:
        """ARM says that the rule is there."""
        world = await cured()
        puts = len(world.registries.puts)
        [name] = world.registries.rules

        await world.app.events.accept(RESOURCE_EVENTS, changed(name))
        await world.work()

        assert len(world.registries.puts) == puts
        assert [n.kind for n in world.topic.sent] == [NoticeKind.INCIDENT_VERIFIED]

    async def test_a_rule_that_lost_its_credential_set_gets_it_back(self) -> None:
        """A write can undo as much as a deletion."""
        world = await cured()
        [(name, rule)] = world.registries.rules.items()
        world.registries.rules[name] = msgspec.structs.replace(rule, credential_set=None)

        await world.app.events.accept(RESOURCE_EVENTS, changed(name, verb="Write"))
        await world.work()

        assert world.registries.rules[name] == rule

    async def test_a_deleted_credential_set_is_made_again(self) -> None:
        """The rules that used it are covered no longer."""
        world = await cured()
        [name] = world.registries.sets
        del world.registries.sets[name]

        await world.app.events.accept(RESOURCE_EVENTS, changed(name, kind="credentialSets"))
        await world.work()

        assert list(world.registries.sets) == [name]
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    @pytest.mark.parametrize(
        ("mode", "state"), [("observe", IncidentState.PLANNED), ("approve", IncidentState.AWAITING_APPROVAL)]
    )
    async def test_it_is_only_reported_as_the_mode_says(self, mode: str, state: IncidentState) -> None:
        """Nothing is created without a yes."""
        world = await cured()
        world.app = world.another(POLICY.replace("mode: enforce", f"mode: {mode}"))
        [name] = world.registries.rules
        del world.registries.rules[name]

        await world.app.events.accept(RESOURCE_EVENTS, changed(name))
        await world.work()

        assert world.registries.rules == {}
        assert (await world.all_incidents())[NGINX].state is state
        assert NoticeKind.INCIDENT_DRIFT in {n.kind for n in world.topic.sent}

    async def test_no_tug_of_war(self) -> None:
        """After the second change by the same person a person has to agree; nothing repairs it until then."""
        world, _ = await undone_twice()

        incident = (await world.all_incidents())[NGINX]
        assert world.registries.rules == {}
        assert incident.state is IncidentState.AWAITING_APPROVAL
        drift = [n for n in world.topic.sent if n.kind is NoticeKind.INCIDENT_DRIFT]
        assert [n.reason for n in drift] == [None, "contested"]

        world.failing("nginx:1.27", "nginx:1.28")
        await world.alert(log_alert(alert="a2"))
        world.clock.advance(10 * 24 * 3600)
        await world.app.sweep.run()
        await world.work()
        assert world.registries.rules == {}

        asked = (await world.all_incidents())[NGINX].proposal
        assert asked is not None

    async def test_a_new_failure_is_no_reason_to_go_on_with_it(self) -> None:
        """Another image wants the set that somebody keeps deleting: a person is asked, and their yes makes it."""
        world = await cured()
        [name] = world.registries.sets
        for number in (1, 2):
            del world.registries.sets[name]
            await world.app.events.accept(RESOURCE_EVENTS, changed(name, kind="credentialSets", number=number))
            await world.work()

        world.failing("redis:7")
        await world.alert(log_alert(alert="a2"))
        await world.work()

        incident = (await world.all_incidents())[REDIS]
        assert world.registries.sets == {}
        assert incident.state is IncidentState.AWAITING_APPROVAL
        assert incident.proposal is not None

        answer = msgspec.json.encode({"by": "carla", "plan": incident.proposal.plan})
        await world.app.approvals.approve(incident.id, answer, signed_in=None)
        await world.work()

        assert list(world.registries.sets) == [name]
        assert (await world.all_incidents())[REDIS].state is IncidentState.VERIFIED

    @pytest.mark.parametrize(
        ("days", "state"), [((1, 2), IncidentState.AWAITING_APPROVAL), ((1, 8), IncidentState.VERIFIED)]
    )
    async def test_a_rule_that_somebody_keeps_deleting_is_asked_about(
        self, days: tuple[int, int], state: IncidentState
    ) -> None:
        """Its incident is forgotten and the image fails again; a change of more than a week ago no longer counts."""
        [name] = (await cured()).registries.rules
        world = TestApplication()
        now = world.clock.now()
        changes = tuple(Change(f"d{ago}", ANNA, now - timedelta(days=ago)) for ago in days)
        await world.drift_records.insert(DriftRecord(key_of(REGISTRY, "cacheRules", name), changes))

        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        assert (await world.all_incidents())[NGINX].state is state

    async def test_a_yes_ends_it(self) -> None:
        """The plan that was asked about is carried out."""
        world, name = await undone_twice()
        incident = (await world.all_incidents())[NGINX]
        assert incident.proposal is not None

        answer = msgspec.json.encode({"by": "carla", "plan": incident.proposal.plan})
        await world.app.approvals.approve(incident.id, answer, signed_in=None)
        await world.work()

        assert list(world.registries.rules) == [name]
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    @pytest.mark.parametrize("days", [4, 10], ids=["while the changes count", "when they no longer do"])
    async def test_a_yes_that_comes_too_late_is_none(self, days: int) -> None:
        """The question is put again, with another notice; nothing is repaired before it is answered in time."""
        world, name = await undone_twice()
        first = (await world.all_incidents())[NGINX]
        assert first.proposal is not None
        answer = msgspec.json.encode({"by": "carla", "plan": first.proposal.plan})

        world.clock.advance(timedelta(days=days).total_seconds())
        with pytest.raises(ApprovalExpired):
            await world.app.approvals.approve(first.id, answer, signed_in=None)
        await world.work()

        again = (await world.all_incidents())[NGINX]
        assert world.registries.rules == {}
        assert (again.state, again.questions) == (IncidentState.AWAITING_APPROVAL, first.questions + 1)
        asked = [n for n in world.topic.sent if n.kind is NoticeKind.INCIDENT_AWAITING_APPROVAL]
        assert len({notice.id for notice in asked}) == 2

        await world.app.approvals.approve(first.id, answer, signed_in=None)
        await world.work()
        assert list(world.registries.rules) == [name]

    async def test_a_no_outlasts_the_changes(self) -> None:
        """A new failure, when they no longer count, asks again; nothing is repaired against a person's word."""
        world, _ = await undone_twice()
        asked = (await world.all_incidents())[NGINX]
        assert asked.proposal is not None
        answer = msgspec.json.encode({"by": "carla", "plan": asked.proposal.plan})
        await world.app.approvals.reject(asked.id, answer, signed_in=None)

        world.clock.advance(timedelta(days=10).total_seconds())
        world.failing("nginx:1.28")
        await world.alert(log_alert(alert="later", fired=world.clock.now()))
        await world.work()

        again = (await world.all_incidents())[NGINX]
        assert world.registries.rules == {}
        assert (again.state, again.questions) == (IncidentState.AWAITING_APPROVAL, asked.questions + 1)

    @pytest.mark.parametrize("mode", ["approve", "observe"])
    async def test_a_policy_that_changes_meanwhile_answers_no_question(self, mode: str) -> None:
        """It expires under another mode; when the policy enforces again, nobody has agreed yet."""
        world, _ = await undone_twice()
        for policy in (POLICY.replace("mode: enforce", f"mode: {mode}"), POLICY):
            world.app = world.another(policy)
            for _ in range(10):
                world.clock.advance(timedelta(days=1).total_seconds())
                await world.app.sweep.run()
                await world.work()

        assert world.registries.rules == {}
        assert (await world.all_incidents())[NGINX].state is IncidentState.AWAITING_APPROVAL

    async def test_a_question_that_is_put_again_is_not_lost(self) -> None:
        """The worker was killed between the late answer and the new question: the sweep goes on."""
        world, _ = await undone_twice()
        first = (await world.all_incidents())[NGINX]
        assert first.proposal is not None

        world.clock.advance(timedelta(days=10).total_seconds())
        answer = msgspec.json.encode({"by": "carla", "plan": first.proposal.plan})
        with pytest.raises(ApprovalExpired):
            await world.app.approvals.approve(first.id, answer, signed_in=None)
        world.queue.take(REMEDIATIONS)
        world.clock.advance(timedelta(hours=1).total_seconds())
        await world.app.sweep.run()
        await world.work()

        assert world.registries.rules == {}
        assert (await world.all_incidents())[NGINX].state is IncidentState.AWAITING_APPROVAL

    async def test_two_people_are_two_mistakes(self) -> None:
        """Each is repaired."""
        world = await cured()
        [name] = world.registries.rules
        for number, by in enumerate((ANNA, BERT)):
            del world.registries.rules[name]
            await world.app.events.accept(RESOURCE_EVENTS, changed(name, by=by, number=number))
            await world.work()

        assert list(world.registries.rules) == [name]

    async def test_the_same_event_twice_is_one_change(self) -> None:
        """Event Grid sends at least once; that is no second deletion."""
        world = await cured()
        [name] = world.registries.rules
        del world.registries.rules[name]
        event = changed(name)
        for _ in range(3):
            await world.app.events.accept(RESOURCE_EVENTS, event)
        await world.work()
        await world.app.events.accept(RESOURCE_EVENTS, cloud(event))
        await world.work()

        assert list(world.registries.rules) == [name]
        assert len([n for n in world.topic.sent if n.kind is NoticeKind.INCIDENT_DRIFT]) == 1

    async def test_a_reference_that_was_left_alone_is_no_drift(self) -> None:
        """Our own write is such an event too: what was never covered was not undone."""
        world = await cured()
        [name] = world.registries.rules
        stored = await world.incidents.get((await world.all_incidents())[NGINX].id)
        assert stored is not None
        never = "docker.io/library/nginx:1.28"
        alone = msgspec.structs.replace(
            stored.value,
            images=(*stored.value.images, never),
            through={never: "of-another-registry"},
            left_alone={never: "rule_not_found"},
        )
        await world.incidents.replace(stored, alone)

        await world.app.events.accept(RESOURCE_EVENTS, changed(name, verb="Write"))
        await world.work()

        assert await outcome(world) == ("ignored", "in_order")

    async def test_what_can_not_be_made_again_is_not_promised(self) -> None:
        """The rule has filled its repository, and ACR refuses a rule over one: the notice says what to do."""
        world = await cured()
        [name] = world.registries.rules
        del world.registries.rules[name]
        world.registries.held[REGISTRY].repositories.add("docker-hub/library/nginx")

        await world.app.events.accept(RESOURCE_EVENTS, changed(name))
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert (incident.state, incident.reason) == (IncidentState.BLOCKED, "target_repository_exists")
        [notice] = [n for n in world.topic.sent if n.kind is NoticeKind.INCIDENT_DRIFT]
        assert notice.next_step == f"It can't be repaired as things are: {incident.detail}"

    async def test_a_person_is_not_asked_about_what_can_not_be_made(self) -> None:
        """The second time the rule's repository is filled: there is nothing that a yes could do."""
        world = await cured()
        [name] = world.registries.rules
        for number in (1, 2):
            del world.registries.rules[name]
            if number == 2:
                world.registries.held[REGISTRY].repositories.add("docker-hub/library/nginx")
            await world.app.events.accept(RESOURCE_EVENTS, changed(name, number=number))
            await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.BLOCKED

    async def test_a_contested_question_waits_for_its_answer(self) -> None:
        """The sweep neither takes it back nor puts it again, however old it is."""
        world, _ = await undone_twice()
        asked = (await world.all_incidents())[NGINX]

        world.clock.advance(timedelta(days=10).total_seconds())
        await world.app.sweep.run()
        await world.work()

        assert (await world.all_incidents())[NGINX] == asked


class TestFound:
    """A rule is gone, and no event told of it."""

    @staticmethod
    async def _swept(world: TestApplication, *apps: Application, minutes: float = 20) -> None:
        world.clock.advance(minutes * 60)
        await asyncio.gather(*(app.sweep.run() for app in apps or (world.app,)))
        await world.work(*apps)

    @staticmethod
    def _told(world: TestApplication) -> list[Notice]:
        return [notice for notice in world.topic.sent if notice.kind is NoticeKind.INCIDENT_DRIFT]

    async def test_the_sweep_has_it_made_again_and_told_once(self) -> None:
        """By two instances at once, and again later; an event that comes after all tells of nothing new."""
        world = await cured()
        [name] = world.registries.rules
        del world.registries.rules[name]

        await self._swept(world, world.app, world.another())
        await self._swept(world)
        await world.app.events.accept(RESOURCE_EVENTS, changed(name))
        await world.work()

        assert list(world.registries.rules) == [name]
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        [notice] = self._told(world)
        assert f"the cache rule {name} was found deleted at" in notice.summary
        assert notice.facts["changed by"] == "unknown"
        assert await outcome(world) == ("ignored", "in_order")

    async def test_who_deletes_it_again_is_asked(self) -> None:
        """Nobody knows who it was: the second time is taken for the same person's."""
        world = await cured()
        [name] = world.registries.rules
        for _ in range(2):
            del world.registries.rules[name]
            await self._swept(world)

        assert world.registries.rules == {}
        assert (await world.all_incidents())[NGINX].state is IncidentState.AWAITING_APPROVAL
        assert [notice.reason for notice in self._told(world)] == [None, "contested"]
        assert "has undone this before" in world.topic.sent[-1].detail

    async def test_what_the_policy_no_longer_admits_was_given_up_on_purpose(self) -> None:
        """Rule and policy were both cleaned up."""
        world = await cured()
        world.registries.rules.clear()
        narrower = world.another(POLICY.replace('"library/*", ', ""))

        await self._swept(world, narrower)

        assert self._told(world) == []
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_a_rule_that_is_there_is_not_lost(self) -> None:
        """That its credential set was taken away is seen by an event, or by its pulls."""
        world = await cured()
        [(name, rule)] = world.registries.rules.items()
        world.registries.rules[name] = msgspec.structs.replace(rule, credential_set=None)

        await self._swept(world)

        assert self._told(world) == []

    async def test_a_list_that_is_behind_is_not_believed(self) -> None:
        """What was cured a moment ago may not be listed yet."""
        world = await cured()
        world.registries.rules.clear()

        await self._swept(world, minutes=1)

        assert self._told(world) == []
