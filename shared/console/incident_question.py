"""The question that an incident asks, its form, and what became of a plan that was answered."""

from datetime import datetime

from markupsafe import Markup

from shared.application.reports import IncidentReport
from shared.console.html import Child, el
from shared.console.page import ROOT, section
from shared.console.words import moment
from shared.domain.approvals import Decision, Proposal
from shared.domain.incidents import Incident, IncidentState
from shared.domain.telling import described


def asked_of_you(report: IncidentReport, now: datetime, *, token: str, decides: bool, named: bool) -> Markup | None:
    """What a person is asked, with the form to answer; None where nothing is asked."""
    proposal = report.incident.proposal
    if proposal is None or report.incident.state is not IncidentState.AWAITING_APPROVAL:
        return None
    note = ["The question stands until ", moment(report.answer_by, now), "."] if report.answer_by else None
    if not decides:
        answer: Child = el("p", "Your role shows the console; answering takes the role Cachewarden.Approver.")
    elif not token:
        answer = el("p", "Open this page in a browser to answer.")
    else:
        answer = _form(report.incident, proposal, token, named=named)
    return section("A person has to agree", el("div", _actions(proposal), answer, class_="card wait"), note=note)


def plan_of(incident: Incident, now: datetime) -> Markup | None:
    """A plan that was answered, or that is only observed; None where there is none, or it is still asked about."""
    proposal = incident.proposal
    if proposal is None or incident.state is IncidentState.AWAITING_APPROVAL:
        return None
    said = {Decision.APPROVED: "Approved", Decision.REJECTED: "Rejected"}.get(proposal.decision)
    note: Child = [f"{said} by {proposal.decided_by}: {proposal.why or 'no reason given'}."] if said else None
    written = el("p", "Written ", moment(proposal.proposed_at, now), ".", class_="soft")
    return section("Plan", _actions(proposal), written, note=note)


def _actions(proposal: Proposal) -> Markup:
    """The plan, an action each with its reason."""
    steps = [
        el("li", el("strong", _sentence(described(action))), el("p", action.why) if action.why else None)
        for action in proposal.actions
    ]
    return el("ol", steps, class_="steps") if steps else el("p", "Nothing is missing.")


def _form(incident: Incident, proposal: Proposal, token: str, *, named: bool) -> Markup:
    """An answer to exactly the plan that is shown."""
    by = el(
        "label",
        "Your name",
        el("input", name="by", required=True, maxlength=200, autocomplete="name"),
        el("small", "It is recorded as you write it: the function key does not say who you are."),
    )
    why = el(
        "label",
        "Why",
        el("textarea", name="why", maxlength=1000),
        el("small", "For the audit trail; may be left empty."),
    )
    page = f"{ROOT}/incidents/{incident.id}"
    return el(
        "form",
        el("input", type="hidden", name="token", value=token),
        el("input", type="hidden", name="plan", value=proposal.plan),
        None if named else by,
        why,
        el(
            "div",
            el("button", "Approve", class_="main", formaction=f"{page}/approve"),
            el("button", "Reject", formaction=f"{page}/reject"),
            class_="buttons",
        ),
        el("p", "Plan ", el("code", proposal.plan[:12]), class_="soft"),
        method="post",
        action=f"{page}/approve",
        class_="ask",
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
