"""Channels, and what became of each notice there."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from markupsafe import Markup

from shared.application.board import ChannelState
from shared.application.notice_reports import DeliveryStatus, NoticePage
from shared.console.cards import channel_word, channel_words, channels
from shared.console.html import Child, breakable, el
from shared.console.page import Page, link, section, table
from shared.console.words import badge, when

_LINKED = ("incidents/", "rotations/", "credentials/", "dead-letters/")


def channel_list(seen: tuple[ChannelState, ...], now: datetime) -> Page:
    """All channels."""
    return Page(title="Channels", here="channels", body=channels(seen, now, heading="h2"))


def channel_page(state: ChannelState, page: NoticePage, now: datetime) -> Page:
    """One channel with a page of its notices."""
    report, older = state.report, None
    if page.next is not None:
        query = urlencode({"after": page.next})
        following = link(f"channels/{report.name}?{query}", "Older", rel="next")
        older = el("nav", following, class_="paging", aria_label="Pages")
    return Page(
        title=f"Channel {report.name}",
        here="channels",
        lead=[badge(channel_word(state)), el("p", report.kind.replace("_", " "))],
        body=[
            el("p", channel_words(state, now), class_="lead"),
            section("Notices", notice_table(page.notices, now, first="About"), older, note="The latest first."),
        ],
    )


def notice_table(notices: Sequence[DeliveryStatus], now: datetime, *, first: str) -> Markup:
    """Notices, a row each; `first` is what the first column names: `About` or `Channel`."""
    if not notices:
        return el("p", "There is none.", class_="soft")
    rows: list[tuple[Child, ...]] = [
        (
            _about(each) if first == "About" else link(f"channels/{each.channel}", each.channel),
            each.notice,
            _became(each),
            each.attempts,
            when(each.sent_at or each.queued_at, now),
        )
        for each in notices
    ]
    less = ("Notice", "Tries") if first == "About" else ("Tries",)
    return table("Notices", (first, "Notice", "What became of it", "Tries", "When"), rows, less=less)


def _about(each: DeliveryStatus) -> Child:
    shown = each.summary or each.subject
    return link(each.subject, breakable(shown)) if each.subject.startswith(_LINKED) else shown


def _became(each: DeliveryStatus) -> str:
    why = each.error or each.trouble
    return f"{each.status}: {why}" if why else str(each.status)
