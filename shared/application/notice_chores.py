"""What is told without an event: questions that nobody answers, the daily digest, and what was lost on its way.

Each of them may run as often as it likes: a notice's id keeps the same thing from being told twice.
"""

from datetime import timedelta
from typing import Final

from shared.application.channel_ports import ChannelStates
from shared.application.incident_ports import Incidents
from shared.application.notification import Notification
from shared.application.ports import Clock
from shared.application.storm_watch import LATE
from shared.domain.digests import daily_digest, digest_due
from shared.domain.handoff import hand_off
from shared.domain.incidents import Incident, IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import notice_of
from shared.domain.policy import Policy

_MOST_INCIDENTS: Final = 1000


class Escalation:
    """Takes a question that nobody answers further up, along the routes with `when_unanswered`."""

    name = "escalation"
    every_s = 60.0

    def __init__(self, *, policy: Policy, incidents: Incidents, notification: Notification, clock: Clock) -> None:
        self._routes = policy.notifications.escalations
        self._incidents = incidents
        self._notification = notification
        self._clock = clock

    async def run(self) -> None:
        """Tell the channels of each route whose time has come; raises TemporaryError when the storage is in trouble."""
        if not self._routes:
            return
        async for incident in self._incidents.newest(_MOST_INCIDENTS):
            if incident.state is IncidentState.AWAITING_APPROVAL and incident.proposal is not None:
                await self._escalate(incident, self._clock.now() - incident.proposal.proposed_at)

    async def _escalate(self, incident: Incident, waiting: timedelta) -> None:
        notice = notice_of(NoticeKind.INCIDENT_AWAITING_APPROVAL, incident, hand_off(incident), self._clock.now())
        for patience, route in self._routes:
            if waiting >= patience and route.takes(notice):
                await self._notification.tell_through(route.channels, notice)


class DailyDigest:
    """Tells once a day what the last day brought and what is still open."""

    name = "daily-digest"
    every_s = 300.0

    def __init__(
        self,
        *,
        policy: Policy,
        incidents: Incidents,
        notification: Notification,
        states: ChannelStates,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._notification = notification
        self._states = states
        self._clock = clock

    async def run(self) -> None:
        """Tell it when its time of day has come; raises TemporaryError when the storage is in trouble."""
        at, now = self._policy.notifications.digest_at, self._clock.now()
        if at is None or not digest_due(at, now):
            return
        incidents = [incident async for incident in self._incidents.newest(_MOST_INCIDENTS)]
        troubled = {
            name: stored.value.error
            for name in self._policy.notifications.channels
            if (stored := await self._states.circuit(name)) is not None and stored.value.error is not None
        }
        await self._notification.tell(daily_digest(incidents, troubled, now))


class LateSummaries:
    """Tells the summaries of storms whose own message was lost with a worker."""

    name = "late-summaries"
    every_s = 120.0

    def __init__(self, *, policy: Policy, notification: Notification) -> None:
        self._channels = [name for name, one in policy.notifications.channels.items() if one.for_people]
        self._notification = notification

    async def run(self) -> None:
        """Sum up what is overdue; raises TemporaryError when the storage is in trouble."""
        for channel in self._channels:
            await self._notification.sum_up(channel, late=LATE)


class StrandedNotices:
    """Calls again for notices whose message is lost: a queue that somebody emptied, a message that was given up."""

    name = "stranded-notices"
    every_s = 300.0

    def __init__(self, *, notification: Notification) -> None:
        self._notification = notification

    async def run(self) -> None:
        """Call for them; raises TemporaryError when the storage is in trouble."""
        await self._notification.recall_stranded()
