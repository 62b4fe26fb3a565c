"""The overview: what waits for a person first, then what fails, what was cured, and how the app itself is."""

from datetime import datetime

from markupsafe import Markup

from shared.application.board import ChoreState, Overview
from shared.application.letter_views import LetterView
from shared.application.reports import IncidentSummary
from shared.console.cards import channel_word, channels, credentials, windows
from shared.console.html import Child, el
from shared.console.incident_list import incident_table
from shared.console.page import Page, link, section, table
from shared.console.words import ROTATIONS, Word, badge, when
from shared.domain.counting import counted
from shared.domain.incidents import IncidentState as State
from shared.domain.policy import Mode
from shared.domain.rotation import RotationState

_MODES = {
    Mode.OBSERVE: "The policy only observes: nothing is changed.",
    Mode.APPROVE: "The policy asks a person before anything is changed.",
    Mode.ENFORCE: "The policy lets what it allows be done at once.",
}


def overview(seen: Overview, now: datetime) -> Page:
    """The first page."""
    registries = ", ".join(seen.registries)
    return Page(
        title="Overview",
        here="overview",
        lead=el(
            "p", f"{_MODES[Mode(seen.mode)]} {counted(len(seen.registries), 'registry', 'registries')}: {registries}"
        ),
        body=[
            _tiles(seen),
            _waiting(seen, now),
            _incidents("Failing now", (*seen.stuck, *seen.worked_on), now, "Nothing fails."),
            _incidents("Cured lately", seen.cured, now, "Nothing was cured yet."),
            section("Docker Hub's pull limit", windows(seen.windows, now), note="The last six hours."),
            el(
                "div",
                section("Credentials", credentials(seen.credentials, now)),
                section("Channels", channels(seen.channels, now)),
                class_="halves",
            ),
            section("Regular work", _chores(seen.chores, now)),
        ],
    )


def _tiles(seen: Overview) -> Markup:
    def tile(number: int, words: str, tone: str, path: str) -> Markup:
        body = link(path, el("strong", f"{number:,}"), el("span", words))
        return el("li", body, class_=tone if number else "none")

    def of(*states: State) -> int:
        return sum(seen.counts.get(state, 0) for state in states)

    needed = of(State.AWAITING_APPROVAL) + len(_other_waits(seen))
    return el(
        "ul",
        tile(needed, "waiting for a person", "wait", "overview#waiting-for-you"),
        tile(of(State.BLOCKED, State.FAILED), "blocked or failed", "bad", "incidents?state=blocked%2Cfailed"),
        tile(
            of(State.DETECTED, State.PLANNED, State.APPLIED),
            "being cured",
            "busy",
            "incidents?state=detected%2Cplanned%2Capplied",
        ),
        tile(of(State.VERIFIED, State.CLOSED), "cured", "good", "incidents?state=verified%2Cclosed"),
        class_="tiles",
    )


def _waiting(seen: Overview, now: datetime) -> Markup:
    cards = [_question(incident, now) for incident in seen.waiting] + _other_waits(seen)
    more = seen.counts.get(State.AWAITING_APPROVAL, 0) - len(seen.waiting)
    rest = el("p", link("incidents?state=awaiting_approval", f"{more:,} more")) if more > 0 else None
    if not cards:
        return section("Waiting for you", el("p", "Nothing waits for a person.", class_="soft"))
    return section("Waiting for you", el("ul", cards, class_="cards"), rest)


def _question(incident: IncidentSummary, now: datetime) -> Markup:
    return _card(
        "wait",
        link(f"incidents/{incident.id}", incident.source),
        badge(Word("approve or reject", "wait")),
        el("p", "A cache rule waits for approval, ", when(incident.updated_at, now), "."),
    )


def _other_waits(seen: Overview) -> list[Markup]:
    """What else a person has to see to."""
    found = [
        _card(
            "wait",
            link(f"rotations/{state.latest.id}", f"Credential {state.name}"),
            badge(ROTATIONS[RotationState.WAITING]),
            el("p", "A person has to make a new token."),
        )
        for state in seen.credentials
        if state.latest is not None and state.latest.state is RotationState.WAITING
    ]
    found += [
        _card(
            "bad",
            link(f"channels/{channel.report.name}", f"Channel {channel.report.name}"),
            badge(channel_word(channel)),
            el("p", channel.report.error or (channel.lost.error if channel.lost else "")),
        )
        for channel in seen.channels
        if not channel.is_well
    ]
    return found + [_letter(letter) for letter in seen.letters]


def _letter(letter: LetterView) -> Markup:
    said = letter.failures[-1].text if letter.failures else "Nothing was noted."
    title = link(f"dead-letters/{letter.id}", f"Message of {letter.origin}")
    return _card("bad", title, badge(Word("given up", "bad")), el("p", said))


def _card(tone: str, title: Child, label: Child, *body: Child) -> Markup:
    return el("li", el("div", el("h3", title), label, class_="title"), *body, class_=f"card {tone}")


def _incidents(heading: str, incidents: tuple[IncidentSummary, ...], now: datetime, none: str) -> Markup:
    if not incidents:
        return section(heading, el("p", none, class_="soft"))
    return section(heading, incident_table(heading, incidents, now))


def _chores(seen: tuple[ChoreState, ...], now: datetime) -> Markup:
    rows: list[tuple[Child, ...]] = [
        (
            state.name.replace("-", " "),
            badge(_chore_word(state)),
            state.run.error if state.run else None,
            when(state.run.started_at, now) if state.run else None,
        )
        for state in seen
    ]
    return table("Regular work", ("What", "How it is", "Trouble", "Last run"), rows)


def _chore_word(state: ChoreState) -> Word:
    if state.run is None:
        return Word("not yet", "idle")
    if state.run.error:
        return Word("failed", "bad")
    return Word("late", "wait") if state.is_late else Word("well", "good")
