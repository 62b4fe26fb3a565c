"""An application with channels to tell, and what they were told."""

import msgspec

from shared.application.messages import (
    NOTIFICATIONS,
    read_notification,
)
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notices import Notice, notice_id
from tests.fakes.application import POLICY, TestApplication
from tests.fakes.azure import FakeChannel

CHANNELS = POLICY.partition("notifications:")[0] + (
    """
notifications:
  channels:
    topic: {kind: event_grid, endpoint: "https://topic.example/api/events"}
    people: {kind: slack, url_secret: people}
    boss: {kind: teams, url_secret: boss}
"""
)
BOTH = CHANNELS + "  routes:\n    - {channels: [topic, people]}\n"


class Telling(TestApplication):
    """The application with a topic and two channels for people."""

    def __init__(self, policy: str = BOTH) -> None:
        self.people = FakeChannel()
        self.boss = FakeChannel()
        super().__init__(policy)
        self.channels.update(people=self.people, boss=self.boss)

    async def tell(self, *notices: Notice) -> None:
        """Tell some notices, one after the other, a millisecond apart."""
        for notice in notices:
            await self.app.notification.tell(notice)
            self.clock.advance(0.001)

    async def deliver(self) -> list[float]:
        """Deliver every message that waits, once, and return after how many seconds what came back is seen."""
        for body in self.queue.take(NOTIFICATIONS):
            await self.app.notification.deliver(read_notification(body))
        return [message.delay_s for message in self.queue.sent]

    async def status(self, notice: Notice, channel: str) -> str | None:
        """What became of a notice at a channel."""
        stored = await self.outbox.get(notice.subject, f"{notice.id}-{channel}")
        if stored is None:
            return None
        row = stored.value
        return row.error or row.held or ("sent" if row.sent_at else "waiting")

    async def chore(self, name: str) -> None:
        """Run a chore."""
        [chore] = [chore for chore in self.app.chores if chore.name == name]
        await chore.run()


def notice(text: str, *, kind: NoticeKind = NoticeKind.INCIDENT_BLOCKED, subject: str = "incidents/1") -> Notice:
    """A notice that says something."""
    return msgspec.structs.replace(
        example(kind), id=notice_id(kind, subject, (text,)), subject=subject, summary=text, severity=Severity.WARNING
    )


def said(channel: FakeChannel) -> list[str]:
    """What a channel was told."""
    return [notice.summary for notice in channel.sent]
