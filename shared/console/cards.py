"""Credentials, windows of the pull limit and channels as cards, for the overview and for their own lists."""

from datetime import datetime

from markupsafe import Markup

from shared.application.board import ChannelState, CredentialState, Window
from shared.application.headroom import ANONYMOUS
from shared.application.notice_reports import ChannelCondition
from shared.console.chart import in_words, sparkline
from shared.console.html import Child, el
from shared.console.page import link
from shared.console.words import ROTATIONS, Word, badge, when
from shared.domain.headroom import Level

_LEVELS = {
    Level.UNKNOWN: Word("unknown", "idle"),
    Level.ENOUGH: Word("enough", "good"),
    Level.LOW: Word("low", "wait"),
    Level.EXHAUSTED: Word("none left", "bad"),
}


def windows(seen: tuple[Window, ...], now: datetime) -> Markup:
    """The windows as cards with a drawing each."""
    return el("ul", [_window(window, now) for window in seen], class_="cards")


def _window(window: Window, now: datetime) -> Markup:
    said = in_words(window.readings, window.outlook, now)
    whose = "The app's own address" if window.name == ANONYMOUS else f"The account of {window.name}"
    title = el("h3", whose if window.name == ANONYMOUS else link(f"credentials/{window.name}", whose))
    head = el("div", title, badge(_LEVELS[window.outlook.level]), class_="title")
    return el("li", head, sparkline(window.readings, window.outlook, said), el("p", said), class_="card")


def credentials(seen: tuple[CredentialState, ...], now: datetime, *, heading: str = "h3") -> Markup:
    """The credentials as cards, each under a heading of that level."""
    if not seen:
        return el("p", "The policy names no credential.", class_="soft")
    return el("ul", [_credential(state, now, heading) for state in seen], class_="cards")


def _credential(state: CredentialState, now: datetime, heading: str) -> Markup:
    title = el(heading, link(f"credentials/{state.name}", state.name))
    if state.latest is None:
        return el("li", el("div", title, class_="title"), el("p", "It was never rotated from here."), class_="card")
    rotation = state.latest
    said = el(
        "p", "The ", link(f"rotations/{rotation.id}", "last rotation"), " changed ", when(rotation.updated_at, now), "."
    )
    return el("li", el("div", title, badge(ROTATIONS[rotation.state]), class_="title"), said, class_="card")


def channels(seen: tuple[ChannelState, ...], now: datetime, *, heading: str = "h3") -> Markup:
    """The channels as cards, each under a heading of that level."""
    if not seen:
        return el("p", "The policy names no channel: nobody is told anything.", class_="soft")
    return el("ul", [_channel(state, now, heading) for state in seen], class_="cards")


def _channel(state: ChannelState, now: datetime, heading: str) -> Markup:
    report = state.report
    title = el(heading, link(f"channels/{report.name}", report.name), " ", el("small", report.kind.replace("_", " ")))
    return el(
        "li",
        el("div", title, badge(channel_word(state)), class_="title"),
        el("p", channel_words(state, now)),
        class_="card" if state.is_well else "card bad",
    )


def channel_words(state: ChannelState, now: datetime) -> list[Child]:
    """How a channel is, in a sentence or two."""
    report, said = state.report, list[Child]()
    if report.condition is not ChannelCondition.WORKING:
        often = f", {report.failures} times in a row" if report.failures > 1 else ""
        said.append(f"In trouble{often}: {report.error}.")
        if report.condition is ChannelCondition.RESTING:
            said += [" It is left alone, and tried again ", when(report.rests_until, now), "."]
    if state.lost is not None:
        said += [
            " " if said else "",
            "It lost a notice ",
            when(state.lost.queued_at, now),
            f": {state.lost.error}",
        ]
    return said or ["It takes what it is sent, as far as is known."]


def channel_word(state: ChannelState) -> Word:
    """How a channel is, in a word."""
    match state.report.condition:
        case ChannelCondition.RESTING:
            return Word("circuit open", "bad")
        case ChannelCondition.TROUBLED:
            return Word("in trouble", "wait")
        case ChannelCondition.WORKING:
            return Word("loses notices", "bad") if state.lost is not None else Word("well", "good")
