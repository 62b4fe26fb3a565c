"""Credentials and their rotations."""

from datetime import datetime

from shared.application.board import CredentialState, Window
from shared.application.rotation_requests import CredentialReport
from shared.console.cards import credentials, windows
from shared.console.chart import in_words, sparkline
from shared.console.html import Child, el
from shared.console.incident import timeline_line
from shared.console.page import Page, facts, link, section, table
from shared.console.words import ROTATIONS, badge, moment, when
from shared.domain.rotation import Rotation


def credential_list(seen: tuple[CredentialState, ...], watched: tuple[Window, ...], now: datetime) -> Page:
    """All credentials, and the windows of the pull limit."""
    body = [
        credentials(seen, now, heading="h2"),
        section("Docker Hub's pull limit", windows(watched, now), note="The last six hours."),
    ]
    return Page(title="Credentials", here="credentials", body=body)


def credential_page(report: CredentialReport, window: Window, now: datetime) -> Page:
    """One credential: what is left of its pulls, and its rotations."""
    said = in_words(window.readings, window.outlook, now)
    chart = sparkline(window.readings, window.outlook, said, is_tall=True)
    rows: list[tuple[Child, ...]] = [
        (
            link(f"rotations/{each.id}", each.id),
            badge(ROTATIONS[each.state]),
            each.trigger.replace("_", " "),
            each.error or each.fallback,
            when(each.started_at, now),
        )
        for each in report.rotations
    ]
    columns = ("Rotation", "State", "Because of", "Trouble", "Begun")
    listed = (
        table("Rotations", columns, rows, less=("Because of",)) if rows else el("p", "There was none.", class_="soft")
    )
    return Page(
        title=f"Credential {report.credential}",
        here="credentials",
        lead=el("p", f"provider {report.provider}"),
        body=[
            section("Pulls left", el("div", chart, el("p", said), class_="card"), note="The last six hours."),
            section("Rotations", listed),
        ],
    )


def rotation_page(rotation: Rotation, now: datetime) -> Page:
    """One rotation with its timeline; it holds ids and versions, never a token."""
    word = ROTATIONS[rotation.state]
    lines = [timeline_line(entry, now) for entry in rotation.timeline]
    return Page(
        title=f"Rotation {rotation.id}",
        here="credentials",
        lead=badge(word),
        body=[
            el("p", word.meaning, class_="lead"),
            el("p", f"{rotation.error}: {rotation.detail}") if rotation.error else None,
            section(
                "At a glance",
                facts(
                    ("Credential", link(f"credentials/{rotation.credential}", rotation.credential)),
                    ("Because of", rotation.trigger.replace("_", " ")),
                    ("Provider", str(rotation.provider)),
                    ("Left to a person because of", rotation.fallback),
                    ("Begun", moment(rotation.started_at, now)),
                    ("Changed", moment(rotation.updated_at, now)),
                    ("Next step not before", None if rotation.settled else moment(rotation.not_before, now)),
                    ("The new token ends", moment(rotation.expires_at, now) if rotation.expires_at else None),
                    ("Adopted after", f"{rotation.adoption_s:.0f} s" if rotation.adoption_s is not None else None),
                ),
            ),
            section("Proofs", el("ul", [el("li", proof) for proof in rotation.proofs], class_="plain"))
            if rotation.proofs
            else None,
            section("Timeline", el("ol", lines, class_="timeline")),
        ],
    )
