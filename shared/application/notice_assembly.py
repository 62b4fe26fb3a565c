"""Assembly of what tells people; `assembly` puts it into the application."""

import msgspec

from shared.application.chores import Chore
from shared.application.notice_chores import DailyDigest, Escalation, LateSummaries, StrandedNotices
from shared.application.notice_reports import NoticeReports
from shared.application.notification import Notification
from shared.application.observed_channels import ObservedChannels
from shared.application.outside import Ports
from shared.domain.policy import Policy


class Notices(msgspec.Struct, frozen=True):
    """The use cases about notices, and what of them is looked after regularly."""

    notification: Notification
    reports: NoticeReports
    chores: tuple[Chore, ...]


def assemble_notices(policy: Policy, ports: Ports, *, lease_s: float) -> Notices:
    """The use cases about notices on the given ports."""
    notification = Notification(
        policy=policy,
        outbox=ports.outbox,
        queue=ports.queue,
        channels=ObservedChannels(policy, ports.channels),
        leases=ports.leases,
        states=ports.channel_states,
        clock=ports.clock,
        lease_s=lease_s,
    )
    reports = NoticeReports(policy=policy, outbox=ports.outbox, states=ports.channel_states, clock=ports.clock)
    chores = (
        Escalation(policy=policy, incidents=ports.incidents, notification=notification, clock=ports.clock),
        DailyDigest(
            policy=policy,
            incidents=ports.incidents,
            notification=notification,
            states=ports.channel_states,
            clock=ports.clock,
        ),
        LateSummaries(policy=policy, notification=notification),
        StrandedNotices(notification=notification),
    )
    return Notices(notification, reports, chores)
