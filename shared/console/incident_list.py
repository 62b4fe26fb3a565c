"""The list of incidents, by state and by name, a page at a time."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from markupsafe import Markup

from shared.application.paging import position_text
from shared.application.ports import Position
from shared.application.reports import IncidentSummary, Question
from shared.console.html import Child, breakable, el
from shared.console.page import ROOT, Page, link, table
from shared.console.words import INCIDENTS, badge, of_incident, registry_name, when
from shared.domain.incidents import IncidentState as State

PAGE = 50

_GROUPS = (
    ("every state", ""),
    ("waiting for approval", State.AWAITING_APPROVAL),
    ("blocked or failed", f"{State.BLOCKED},{State.FAILED}"),
    ("being cured", f"{State.DETECTED},{State.PLANNED},{State.APPLIED}"),
    ("cured", f"{State.VERIFIED},{State.CLOSED}"),
    *((INCIDENTS[state].label, str(state)) for state in State if state is not State.AWAITING_APPROVAL),
)


def incident_table(caption: str, incidents: Sequence[IncidentSummary], now: datetime) -> Markup:
    """Incidents, a row each."""
    rows: list[tuple[Child, ...]] = [
        (
            link(f"incidents/{each.id}", breakable(each.source), class_="mono"),
            badge(of_incident(each.state, each.mode)),
            each.reason or each.rule,
            registry_name(each.registry_id),
            each.failures,
            when(each.updated_at, now),
        )
        for each in incidents
    ]
    columns = ("Repository", "State", "Rule or reason", "Registry", "Failures", "Changed")
    return table(caption, columns, rows, less=("Rule or reason", "Registry", "Failures"))


def incident_list(found: Sequence[IncidentSummary], asked: Question, now: datetime) -> Page:
    """A page of the list; `found` holds one more than the page where another page follows."""
    shown = found[:PAGE]
    body: list[Child] = [_filter(asked)]
    body.append(incident_table("Incidents", shown, now) if shown else el("p", "There is none.", class_="soft"))
    body.append(_paging(asked, shown[-1] if len(found) > PAGE else None))
    return Page(title="Incidents", here="incidents", body=body)


def _filter(asked: Question) -> Markup:
    options = [el("option", name, value=value, selected=value == (asked.state or "")) for name, value in _GROUPS]
    return el(
        "form",
        el("label", "State", el("select", options, name="state")),
        el(
            "label",
            "Repository",
            el("input", name="source", value=asked.source or "", placeholder="a part of its name"),
        ),
        el("button", "Show"),
        method="get",
        action=f"{ROOT}/incidents",
        class_="filter",
        role="search",
    )


def _paging(asked: Question, last: IncidentSummary | None) -> Markup | None:
    kept = {"state": asked.state or "", "source": asked.source or ""}
    links = []
    if asked.before:
        links.append(link(f"incidents?{urlencode(kept)}", "Newest"))
    if last is not None:
        place = position_text(Position(last.updated_at, last.id))
        links.append(link(f"incidents?{urlencode(kept | {'before': place})}", "Older", rel="next"))
    return el("nav", links, class_="paging", aria_label="Pages") if links else None
