"""Approvals: a person's yes or no to what the plan of an incident would do.

A yes only takes the incident back among the planned ones. What is then done is planned anew, and when that is more than
was agreed to, the person is asked again.
"""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import msgspec

from shared.application.audit import Audit
from shared.application.incident_book import IncidentBook
from shared.application.incident_ports import Incidents
from shared.application.messages import REMEDIATIONS, RegistryMessage
from shared.application.ports import Clock, Queue
from shared.application.questions import NotFound
from shared.domain.approvals import Decision, Proposal
from shared.domain.incidents import Incident, IncidentState, shown
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.errors import CallerError
from shared.telemetry.names import Work
from shared.telemetry.spans import traced


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an approval or a rejection.

    Attributes:
        by: who answers.
        plan: the hash of the plan that is meant; a rejection needs none.
        why: for the audit trail.
    """

    by: str
    plan: str = ""
    why: str = ""


class AnswerInvalid(CallerError):
    """The body of an approval or a rejection can't be read."""

    code = "answer_invalid"
    hint = 'Send {"by": "who", "plan": "the hash of the plan", "why": "for the record"}.'


class NothingToDecide(CallerError):
    """The incident waits for no answer, or for one to another plan."""

    code = "nothing_to_decide"
    hint = "Look at the incident again: its proposal names the plan that is asked about."
    status = 409


class ApprovalExpired(CallerError):
    """The question is too old; it is asked again with a fresh plan."""

    code = "approval_expired"
    hint = "Look at the incident again in a moment: it gets a new proposal."
    status = 409


class Approvals:
    """Takes people's answers."""

    def __init__(  # noqa: PLR0913 - the ports that it uses, each by name
        self,
        *,
        book: IncidentBook,
        incidents: Incidents,
        audit: Audit,
        queue: Queue,
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._book = book
        self._incidents = incidents
        self._audit = audit
        self._queue = queue
        self._clock = clock
        self._lifetime = lifetime

    @traced(Work.APPROVAL)
    async def approve(self, key: str, body: bytes, *, signed_in: str | None) -> Incident:
        """Let the incident's plan be carried out; the same yes again changes nothing.

        Args:
            key: the incident's id.
            body: an `Answer` as JSON.
            signed_in: who the platform says is calling, which counts more than the body.

        Raises:
            AnswerInvalid, NotFound, NothingToDecide, ApprovalExpired: with what was found and expected.
        """
        answer = _read(body, signed_in)
        incident, proposal = await self._asked(key)
        if answer.plan != proposal.plan:
            raise NothingToDecide(f"plan: {answer.plan!r} found; the incident asks about {proposal.plan!r}")
        if proposal.decision is Decision.APPROVED:  # the same yes again: only its message may be lost
            await self._continue(incident)
            return shown(incident)
        if proposal.is_expired(self._clock.now(), self._lifetime):
            await self._book.asked_too_long_ago(key)
            await self._continue(incident)
            raise ApprovalExpired(f"the plan was proposed at {proposal.proposed_at:%Y-%m-%dT%H:%M:%SZ}")
        async with self._audited("approve_plan", key, answer, proposal):
            said = await self._book.answered(key, proposal.plan, Decision.APPROVED, by=answer.by, why=answer.why)
            decided = _as_said(said, Decision.APPROVED)
        await self._continue(decided)
        return decided

    @traced(Work.APPROVAL)
    async def reject(self, key: str, body: bytes, *, signed_in: str | None) -> Incident:
        """Leave the image alone until its plan is another one; parameters and errors as for `approve`."""
        answer = _read(body, signed_in)
        _, proposal = await self._asked(key)
        if answer.plan and answer.plan != proposal.plan:
            raise NothingToDecide(f"plan: {answer.plan!r} found; the incident asks about {proposal.plan!r}")
        async with self._audited("reject_plan", key, answer, proposal):
            said = await self._book.answered(key, proposal.plan, Decision.REJECTED, by=answer.by, why=answer.why)
            return _as_said(said, Decision.REJECTED)

    def _audited(self, kind: str, key: str, answer: Answer, proposal: Proposal) -> AbstractAsyncContextManager[object]:
        """Nothing outside is changed yet; who let it happen, and why, is part of the trail all the same."""
        why = answer.why or "no reason given"
        return self._audit.change(kind, f"incidents/{key}", by=answer.by, why=why, after={"plan": proposal.plan})

    async def _asked(self, key: str) -> tuple[Incident, Proposal]:
        stored = await self._incidents.get(key)
        if stored is None:
            raise NotFound("there is no incident of that id")
        incident, proposal = stored.value, stored.value.proposal
        repeated = proposal is not None and proposal.decision is Decision.APPROVED
        if proposal is None or not (incident.state is IncidentState.AWAITING_APPROVAL or repeated):
            raise NothingToDecide(f"the incident is {incident.state}")
        return incident, proposal

    async def _continue(self, incident: Incident) -> None:
        message = msgspec.json.encode(RegistryMessage(registry_id=incident.registry_id))
        await self._queue.send(REMEDIATIONS, message)


def _as_said(incident: Incident, decision: Decision) -> Incident:
    """The incident, unless somebody else's answer, or another plan, came first."""
    proposal = incident.proposal
    if proposal is None or proposal.decision is not decision:
        raise NothingToDecide(f"the incident is {incident.state}: another answer or plan came first")
    return shown(incident)


def _read(body: bytes, signed_in: str | None) -> Answer:
    try:
        answer = read_json(body, Answer)
    except JsonUnreadable as error:
        raise AnswerInvalid(f"the body is no answer: {error}") from error
    by = _line(signed_in or answer.by, 200)
    if not by:
        raise AnswerInvalid("by: nothing found; the name of whoever answers expected")
    return msgspec.structs.replace(answer, by=by, why=_line(answer.why, 1000))


def _line(text: str, longest: int) -> str:
    """One line of printable text, for an audit trail that nobody can forge a second line in."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest]
