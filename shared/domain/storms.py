"""Storms: when a channel for people has got its share of single notices, further ones wait for one summary."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.counting import counted
from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notices import Notice, notice_id
from shared.domain.policy_notifications import Storm

MOST_HELD: Final = 200
_MOST_LINES: Final = 15


class HeldNotice(msgspec.Struct, frozen=True):
    """Where in the outbox a notice lies that waits for the summary."""

    subject: str
    row: str


class Window(msgspec.Struct, frozen=True):
    """What a channel was told lately.

    Attributes:
        since: when the first of them came.
        told: how many it got one by one.
        held: what waits for the summary, at most `MOST_HELD`.
        more: how many wait besides.
    """

    since: datetime
    told: int = 0
    held: tuple[HeldNotice, ...] = ()
    more: int = 0

    def ends(self, storm: Storm) -> datetime:
        """When the summary is due."""
        return self.since + storm.within

    def with_one_more(self, notice: HeldNotice, now: datetime, storm: Storm) -> "Window":
        """The window after one more notice, which is held when it stands in `held`, or was counted in `more`."""
        if notice in self.held:
            return self
        if self.held and len(self.held) >= MOST_HELD:
            return msgspec.structs.replace(self, more=self.more + 1)
        if self.held or (self.told >= storm.more_than and now < self.ends(storm)):
            return msgspec.structs.replace(self, held=(*self.held, notice))
        if now >= self.ends(storm):
            return Window(since=now, told=1)
        return msgspec.structs.replace(self, told=self.told + 1)

    def after_summary(self, summed_up: "Window", now: datetime) -> "Window":
        """The window when `summed_up`, as it was then, has been told."""
        if self.since != summed_up.since:
            return self
        left = tuple(each for each in self.held if each not in summed_up.held)
        return Window(since=now, told=1, held=left, more=self.more - summed_up.more)


def summary(channel: str, window: Window, notices: Sequence[Notice], now: datetime) -> Notice:
    """The notice that stands for those that were held."""
    kinds = Counter(notice.kind for notice in notices)
    words = ", ".join(f"{count} of {kind}" for kind, count in kinds.most_common())
    worst = max((notice.severity for notice in notices), key=tuple(Severity).index, default=Severity.INFO)
    ordered = sorted(notices, key=lambda notice: tuple(Severity).index(notice.severity), reverse=True)
    facts = {f"{index}. {each.kind}": each.summary for index, each in enumerate(ordered[:_MOST_LINES], start=1)}
    further = len(notices) - _MOST_LINES
    if further > 0 or window.more:
        facts["further"] = f"{max(further, 0) + window.more}, all of them on the console"
    return Notice(
        id=notice_id(NoticeKind.DIGEST_STORM, channel, [each.row for each in window.held]),
        kind=NoticeKind.DIGEST_STORM,
        subject=f"storms/{channel}",
        severity=worst,
        summary=f"{counted(len(notices) + window.more, 'more notice')} since {window.since:%H:%M} UTC: {words}",
        at=now,
        facts=facts,
        next_step="They are not sent one by one; the console has each of them.",
    )


def is_due(window: Window, now: datetime, storm: Storm, late: timedelta = timedelta()) -> bool:
    """Whether a summary has to be told, `late` after its time."""
    return bool(window.held) and now >= window.ends(storm) + late
