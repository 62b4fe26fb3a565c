"""An incident's page: what broke and why, what is asked or was done, the proof, and what is left to people."""

from datetime import datetime

from markupsafe import Markup

from shared.application.notice_reports import DeliveryStatus
from shared.application.reports import IncidentReport
from shared.console.channel_pages import notice_table
from shared.console.html import Child, el
from shared.console.incident_question import asked_of_you, plan_of
from shared.console.page import Page, facts, link, section, table
from shared.console.words import badge, moment, of_incident, registry_name, when, why_it_failed
from shared.domain.counting import counted
from shared.domain.explanation import Explanation, explain
from shared.domain.failures import Cause
from shared.domain.handoff import hand_off
from shared.domain.incidents import Incident, IncidentState, TimelineEntry
from shared.domain.notice_links import Link
from shared.domain.notices import HandOff

_TONES = {
    "incident.verified": "good",
    "incident.closed": "good",
    "incident.failed": "bad",
    "incident.blocked": "bad",
    "incident.awaiting_approval": "wait",
    "rotation.succeeded": "good",
    "rotation.failed": "bad",
    "rotation.waiting": "wait",
}
_PROVEN = frozenset({IncidentState.VERIFIED, IncidentState.CLOSED})


def incident_page(  # noqa: PLR0913 - what the page depends on, each by name
    report: IncidentReport,
    links: tuple[Link, ...],
    now: datetime,
    *,
    token: str,
    decides: bool,
    named: bool,
    told: str = "",
) -> Page:
    """The page.

    Args:
        report: what is known.
        links: where the portal shows more.
        now: the time.
        token: what an answer has to carry; empty where no answer can be given from this page.
        decides: whether the visitor may answer.
        named: whether it is known who the visitor is.
        told: what was just done.
    """
    incident = report.incident
    word = of_incident(incident.state, incident.mode)
    seen = explain(incident.evidence) if incident.evidence else None
    return Page(
        title=incident.source,
        here="incidents",
        lead=badge(word),
        told=told,
        body=[
            el("p", word.meaning, class_="lead"),
            el("p", incident.detail) if incident.detail else None,
            asked_of_you(report, now, token=token, decides=decides, named=named),
            el("div", _what_broke(incident, seen, now), _known(incident, links, now), class_="columns"),
            _left_to_do(incident),
            _proofs(incident, now),
            plan_of(incident, now),
            _timeline(report, now),
            _notices(report.notices, now),
        ],
    )


def _what_broke(incident: Incident, seen: Explanation | None, now: datetime) -> Markup:
    known = seen if seen is not None and seen.diagnosis.cause is not Cause.UNKNOWN else None
    images = el("ul", [_image(incident, image) for image in incident.images], class_="plain")
    return section(
        "What broke, and why",
        el("p", known.summary if known else why_it_failed(incident)),
        el("p", "The limit is ", known.whose, ".") if known and known.whose else None,
        el("pre", incident.evidence, class_="evidence", tabindex=0) if incident.evidence else None,
        _seen(incident, now),
        el("h3", "Images") if incident.images else None,
        images if incident.images else None,
    )


def _seen(incident: Incident, now: datetime) -> Markup | None:
    if not incident.failures:
        return None
    first, last = when(incident.first_seen, now), when(incident.last_seen, now)
    return el("p", f"{counted(incident.failures, 'failing pull')} seen, the first ", first, ", the last ", last, ".")


def _image(incident: Incident, image: str) -> Markup:
    wanted = incident.workloads.get(image, ())
    names = ["/".join(part for part in (each.namespace, each.kind, each.name) if part) for each in wanted]
    alone = incident.left_alone.get(image)
    return el(
        "li",
        el("code", image),
        el("p", "wanted by ", ", ".join(names), class_="soft") if names else None,
        el("p", f"Nothing will serve it: {alone}.") if alone else None,
    )


def _known(incident: Incident, links: tuple[Link, ...], now: datetime) -> Markup:
    return section(
        "At a glance",
        facts(
            ("Registry", registry_name(incident.registry_id)),
            ("Cache rule", el("code", incident.rule) if incident.rule else None),
            ("Reason", el("code", incident.reason) if incident.reason else None),
            ("Planned in mode", incident.mode),
            ("Opened", moment(incident.opened_at, now)),
            ("Changed", moment(incident.updated_at, now)),
        ),
        el("ul", [el("li", _outside(each)) for each in links], class_="plain") if links else None,
    )


def _outside(to: Link) -> Markup:
    return el("a", to.label, href=to.url, rel="noreferrer noopener external")


def _left_to_do(incident: Incident) -> Markup | None:
    """The new references with the lines that put them in place; before the proof nobody should use them."""
    handed = hand_off(incident)
    if not handed:
        return None
    if incident.state not in _PROVEN:
        rows: list[tuple[Child, ...]] = [(el("code", each.image), el("code", each.pull_from)) for each in handed]
        note = "Not before the registry has proven that it serves them."
        return section("The references to use", table("References", ("Failing", "Instead"), rows), note=note)
    return section(
        "What is left to do",
        [_snippets(each, is_open=len(handed) == 1) for each in handed],
        note="Until the reference is changed, the workload keeps pulling from the upstream.",
    )


def _snippets(each: HandOff, *, is_open: bool) -> Markup:
    parts: list[Child] = [el("summary", el("code", each.image), " → ", el("code", each.pull_from))]
    lines = (
        ("Change the workload", "\n".join(each.commands)),
        ("Kustomize", each.kustomize),
        ("Helm values", each.helm),
        ("Dockerfile", each.dockerfile),
    )
    for label, text in lines:
        parts += [el("h3", label), el("pre", text, tabindex=0)] if text else []
    return el("details", parts, open=is_open)


def _proofs(incident: Incident, now: datetime) -> Markup | None:
    if not incident.proofs:
        return None
    rows: list[tuple[Child, ...]] = [
        (el("code", proof.pull_from), el("code", proof.digest), proof.origin, when(proof.at, now))
        for proof in incident.proofs
    ]
    columns = ("Pulled through the registry", "Digest of what came", "From", "When")
    return section("Proofs", table("Proofs", columns, rows, less=("From",)))


def _timeline(report: IncidentReport, now: datetime) -> Markup:
    """What happened to the incident, and to its upstream's credential meanwhile."""
    own = [(entry, None) for entry in report.incident.timeline]
    theirs = [(entry, rotation.id) for rotation in report.rotations for entry in rotation.timeline]
    entries = sorted((*own, *theirs), key=lambda pair: pair[0].at)
    note = "With the rotations of the upstream's credential." if theirs else None
    lines = [timeline_line(entry, now, rotation=rotation) for entry, rotation in entries]
    return section("Timeline", el("ol", lines, class_="timeline"), note=note)


def timeline_line(entry: TimelineEntry, now: datetime, *, rotation: str | None = None) -> Markup:
    """One thing that happened; `rotation` is the one to which it did, on another thing's page."""
    tone = " ".join(part for part in (_TONES.get(entry.event), "other" if rotation else None) if part)
    of: Child = [link(f"rotations/{rotation}", f"Rotation {rotation}"), ": "] if rotation else None
    return el("li", of, entry.text, el("div", moment(entry.at, now), " · ", entry.event), class_=tone or None)


def _notices(notices: tuple[DeliveryStatus, ...], now: datetime) -> Markup:
    if not notices:
        return section("Notices", el("p", "Nobody was told: no route of the policy takes its notices.", class_="soft"))
    return section("Notices", notice_table(notices, now, first="Channel"))
