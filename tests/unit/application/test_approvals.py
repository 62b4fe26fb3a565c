"""Approvals: a yes counts for the plan that was shown, for a while, and for nothing else."""

from datetime import timedelta

import msgspec
import pytest

from shared.application.approvals import AnswerInvalid, ApprovalExpired, Approvals, NothingToDecide
from shared.application.audit import Audit
from shared.application.incident_book import IncidentBook
from shared.application.messages import REMEDIATIONS
from shared.application.questions import NotFound
from shared.domain.approvals import Decision
from shared.domain.audit import AuditEntry
from shared.domain.cache_rules import CacheRule
from shared.domain.incidents import Incident, IncidentState
from shared.domain.notice_kinds import NoticeKind
from tests.fakes.application import POLICY, TestApplication, log_alert
from tests.fakes.audit import MemoryAuditRows

APPROVE = POLICY.replace("mode: enforce", "mode: approve")
NGINX = "docker.io/library/nginx"
REDIS = "docker.io/bitnami/redis"


async def waiting(*images: str) -> tuple[TestApplication, dict[str, Incident]]:
    """An application in mode `approve` whose incidents wait for an answer."""
    world = TestApplication(APPROVE)
    world.failing(*images)
    await world.alert()
    await world.work()
    return world, await world.all_incidents()


def answer(incident: Incident, **more: str) -> bytes:
    """A person's answer to the incident's proposal."""
    assert incident.proposal is not None
    return msgspec.json.encode({"by": "Ada", "plan": incident.proposal.plan, "why": "fine"} | more)


class TestApprove:
    """`Approvals.approve`."""

    async def test_people_are_asked_with_the_plan(self) -> None:
        """The notice holds the hash that an answer has to name, and every action with its reason."""
        world, incidents = await waiting("nginx:1.27")

        [notice] = world.topic.sent
        assert notice.kind is NoticeKind.INCIDENT_AWAITING_APPROVAL
        assert notice.proposal == incidents[NGINX].proposal
        assert notice.proposal is not None
        assert [type(action).__name__ for action in notice.proposal.actions] == [
            "CreateCredentialSet",
            "GrantVaultAccess",
            "CreateCacheRule",
        ]

    async def test_a_yes_is_carried_out_and_stands_in_the_audit_trail(self) -> None:
        """Who and why."""
        world, incidents = await waiting("nginx:1.27")

        await world.app.approvals.approve(incidents[NGINX].id, answer(incidents[NGINX]), signed_in=None)
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert incident.state is IncidentState.VERIFIED
        assert "approved by Ada: fine" in [entry.text for entry in incident.timeline]
        [_, decided] = [e for e in await world.app.audit.entries(None, None) if e.kind == "approve_plan"]
        assert incident.proposal is not None
        assert (decided.by, decided.why, decided.after) == ("Ada", "fine", {"plan": incident.proposal.plan})

    async def test_the_same_yes_twice_is_one(self) -> None:
        """A repeated call is answered the same and makes nothing twice."""
        world, incidents = await waiting("nginx:1.27")

        for _ in range(2):
            await world.app.approvals.approve(incidents[NGINX].id, answer(incidents[NGINX]), signed_in=None)
        await world.work()

        assert len(world.registries.puts) == 2

    async def test_the_same_yes_days_later_is_answered_the_same(self) -> None:
        """It was in time, and what it led to is done: nothing has expired."""
        world, incidents = await waiting("nginx:1.27")
        said = answer(incidents[NGINX])
        await world.app.approvals.approve(incidents[NGINX].id, said, signed_in=None)
        await world.work()

        world.clock.advance(timedelta(days=4).total_seconds())

        again = await world.app.approvals.approve(incidents[NGINX].id, said, signed_in=None)
        assert again.state is IncidentState.VERIFIED

    async def test_the_second_yes_needs_less_than_was_proposed(self) -> None:
        """The first approved incident makes the credential set that both proposals hold."""
        world, incidents = await waiting("nginx:1.27", "bitnami/redis:7")

        for source in (NGINX, REDIS):
            await world.app.approvals.approve(incidents[source].id, answer(incidents[source]), signed_in=None)
            await world.work()

        assert {i.state for i in (await world.all_incidents()).values()} == {IncidentState.VERIFIED}

    async def test_a_plan_that_changed_needs_a_new_yes(self) -> None:
        """Somebody took the rule's name meanwhile: what would be done now is not what was agreed to."""
        world, incidents = await waiting("nginx:1.27")
        name = incidents[NGINX].rule or ""
        world.registries.rules[name] = CacheRule(name, "ghcr.io/a/b", "ghcr/a/b")

        await world.app.approvals.approve(incidents[NGINX].id, answer(incidents[NGINX]), signed_in=None)
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert incident.state is IncidentState.AWAITING_APPROVAL
        assert incident.proposal != incidents[NGINX].proposal
        assert world.registries.puts == []
        assert len(world.topic.sent) == 2

    async def test_an_answer_to_another_plan_is_refused(self) -> None:
        """What was read is what is approved."""
        world, incidents = await waiting("nginx:1.27")

        with pytest.raises(NothingToDecide, match="plan"):
            await world.app.approvals.approve(
                incidents[NGINX].id, answer(incidents[NGINX], plan="0" * 64), signed_in=None
            )

        assert world.queue.take(REMEDIATIONS) == []

    @pytest.mark.parametrize("what", ["approve", "reject"])
    async def test_a_plan_that_changes_while_the_answer_is_written_is_not_answered(self, what: str) -> None:
        """Nobody has seen it."""
        world, incidents = await waiting("nginx:1.27")
        key = incidents[NGINX].id
        other = "0" * 64

        class AskedAnew(MemoryAuditRows):
            """Between the look at the question and the answer's record the question is another one."""

            async def add(self, entry: AuditEntry) -> None:
                stored = await world.incidents.get(key)
                assert stored is not None
                assert stored.value.proposal is not None
                proposal = msgspec.structs.replace(stored.value.proposal, plan=other)
                await world.incidents.replace(stored, msgspec.structs.replace(stored.value, proposal=proposal))
                await super().add(entry)

        approvals = Approvals(
            book=IncidentBook(incidents=world.incidents, notification=world.app.notification, clock=world.clock),
            incidents=world.incidents,
            audit=Audit(rows=AskedAnew(), clock=world.clock),
            queue=world.queue,
            clock=world.clock,
            lifetime=timedelta(days=1),
        )
        say = approvals.approve if what == "approve" else approvals.reject
        with pytest.raises(NothingToDecide, match="another answer or plan"):
            await say(key, answer(incidents[NGINX]), signed_in=None)

        after = (await world.all_incidents())[NGINX]
        assert after.state is IncidentState.AWAITING_APPROVAL
        assert after.proposal is not None
        assert (after.proposal.plan, after.proposal.decision) == (other, Decision.PENDING)

    async def test_an_old_question_is_asked_again(self) -> None:
        """The registry may be another one by now; people get a fresh plan."""
        world, incidents = await waiting("nginx:1.27")
        world.clock.advance(timedelta(days=4).total_seconds())

        with pytest.raises(ApprovalExpired):
            await world.app.approvals.approve(incidents[NGINX].id, answer(incidents[NGINX]), signed_in=None)
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert incident.state is IncidentState.AWAITING_APPROVAL
        assert incident.proposal is not None
        assert incident.proposal.proposed_at == world.clock.now()
        assert len(world.topic.sent) == 2

    async def test_nobody_is_asked_again_where_the_policy_enforces_by_then(self) -> None:
        """The question stays for as long as it may be answered; then the cure is made without one."""
        world, incidents = await waiting("nginx:1.27")
        freer = world.another(POLICY)
        await freer.sweep.run()
        await world.work(freer)
        assert (await world.all_incidents())[NGINX].state is IncidentState.AWAITING_APPROVAL

        world.clock.advance(4 * 86_400)
        await freer.sweep.run()
        await world.work(freer)

        cured = (await world.all_incidents())[NGINX]
        assert (cured.state, cured.questions) == (IncidentState.VERIFIED, incidents[NGINX].questions)

    async def test_whom_the_platform_signed_in_counts_more_than_the_body(self) -> None:
        """Nobody approves in another's name."""
        world, incidents = await waiting("nginx:1.27")

        incident = await world.app.approvals.approve(
            incidents[NGINX].id, answer(incidents[NGINX]), signed_in="grace@contoso.com"
        )

        assert incident.proposal is not None
        assert (incident.proposal.decision, incident.proposal.decided_by) == (Decision.APPROVED, "grace@contoso.com")

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"by": 1}', b'{"by": " ", "plan": "x"}', b'{"by": "a", "x": 1}'])
    async def test_what_is_no_answer_is_refused(self, body: bytes) -> None:
        """With what was expected."""
        world, incidents = await waiting("nginx:1.27")

        with pytest.raises(AnswerInvalid):
            await world.app.approvals.approve(incidents[NGINX].id, body, signed_in=None)

    async def test_an_incident_that_is_not_there_can_t_be_approved(self) -> None:
        """404."""
        world, incidents = await waiting("nginx:1.27")

        with pytest.raises(NotFound):
            await world.app.approvals.approve("0-0", answer(incidents[NGINX]), signed_in=None)

    async def test_an_audit_line_can_t_be_forged(self) -> None:
        """Line breaks in a name or a reason end as blanks."""
        world, incidents = await waiting("nginx:1.27")

        incident = await world.app.approvals.approve(
            incidents[NGINX].id, answer(incidents[NGINX], why="ok\napproved by Eve: x"), signed_in=None
        )

        assert incident.timeline[-1].text == "approved by Ada: ok approved by Eve: x"


class TestReject:
    """`Approvals.reject`."""

    async def test_a_no_rests_until_the_plan_is_another_one(self) -> None:
        """The image goes on failing; nobody is asked the same again."""
        world, incidents = await waiting("nginx:1.27")

        await world.app.approvals.reject(incidents[NGINX].id, answer(incidents[NGINX], why="not ours"), signed_in=None)
        told = len(world.topic.sent)
        await world.alert(log_alert(alert="a2"))
        await world.work()

        incident = (await world.all_incidents())[NGINX]
        assert (incident.state, incident.reason) == (IncidentState.BLOCKED, "rejected")
        assert "not ours" in incident.detail
        assert [n.kind for n in world.topic.sent[told:]] == [NoticeKind.INCIDENT_BLOCKED]
        assert world.registries.puts == []
        [_, decided] = await world.app.audit.entries(None, None)
        assert (decided.kind, decided.by, decided.why) == ("reject_plan", "Ada", "not ours")
