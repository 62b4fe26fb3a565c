"""Channels, and what became of each notice there."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from shared.application.board import CHANNEL_PAGE, ChannelState
from shared.application.paging import position_text
from shared.application.ports import OutboxRow, Position
from shared.console.cards import channel_word, channel_words, channels
from shared.console.html import Child, el
from shared.console.page import Page, link, section, table
from shared.console.words import badge, when

_LINKED = ("incidents/", "rotations/", "credentials/", "dead-letters/")


def channel_list(seen: tuple[ChannelState, ...], now: datetime) -> Page:
    """All channels."""
    return Page(title="Channels", here="channels", body=channels(seen, now, heading="h2"))


def channel_page(state: ChannelState, rows: Sequence[OutboxRow], now: datetime) -> Page:
    """One channel with a page of its notices."""
    lines: list[tuple[Child, ...]] = [
        (
            _about(row),
            row.notice.kind,
            row.status if row.trouble is None else f"{row.status}: {row.trouble}",
            row.attempts,
            when(row.sent_at or row.queued_at, now),
        )
        for row in rows
    ]
    columns = ("About", "Notice", "What became of it", "Tries", "When")
    listed = table("Notices", columns, lines, less=("Tries",)) if lines else el("p", "There is none.", class_="soft")
    return Page(
        title=f"Channel {state.name}",
        here="channels",
        lead=[badge(channel_word(state)), el("p", state.kind.replace("_", " "))],
        body=[
            el("p", channel_words(state, now), class_="lead"),
            section(
                "Notices",
                listed,
                _older(state.name, rows) if len(rows) == CHANNEL_PAGE else None,
                note="The latest first.",
            ),
        ],
    )


def _about(row: OutboxRow) -> Child:
    shown = row.notice.source or row.subject
    return link(row.subject, shown, class_="mono") if row.subject.startswith(_LINKED) else shown


def _older(channel: str, rows: Sequence[OutboxRow]) -> Child:
    last = rows[-1]
    if last.queued_at is None:
        return None
    place = position_text(Position(last.queued_at, last.row))
    query = urlencode({"before": place})
    return el("nav", link(f"channels/{channel}?{query}", "Older", rel="next"), class_="paging", aria_label="Pages")
