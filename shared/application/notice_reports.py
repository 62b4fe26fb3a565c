"""What became of every notice, and how the channels are; read only."""

import base64
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from shared.application.channel_ports import ChannelStates
from shared.application.outbox_ports import Outbox, OutboxMark, OutboxQuestion, OutboxRow, RowState
from shared.application.ports import Clock
from shared.application.questions import BadQuestion, number, word
from shared.domain.circuits import Circuit
from shared.domain.json_reader import read_json
from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.policy import Policy

_USUAL: Final = 50
_LARGEST: Final = 200


class DeliveryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one notice at one channel.

    Attributes:
        id: the notice's id, by which receivers know it.
        notice: its kind.
        subject: whom it is about.
        status: where it stands.
        attempts: how often it was tried.
        trouble: what the channel said last, while it waits.
        error: why it will never be sent; only where the status is `lost`.
    """

    id: str
    notice: NoticeKind
    subject: str
    severity: Severity
    summary: str
    channel: str
    status: RowState
    attempts: int = 0
    trouble: str | None = None
    error: str | None = None
    queued_at: datetime | None = None
    sent_at: datetime | None = None


class NoticePage(msgspec.Struct, frozen=True):
    """A part of the list of notices; `next` is the `after` that goes on behind it, None at the end."""

    notices: tuple[DeliveryStatus, ...]
    next: str | None


class ChannelCondition(StrEnum):
    """How a channel is: `resting` is left alone for a while, because it was in trouble or asked for patience."""

    WORKING = "working"
    TROUBLED = "troubled"
    RESTING = "resting"


class ChannelReport(msgspec.Struct, frozen=True):
    """One channel of the policy.

    Attributes:
        kind: what it is, as the policy has it.
        failures: how often in a row it was in trouble.
        rests_until: until when it is left alone; None while it is not.
        error: what it said last, None while it works.
        notices: state → how many of its notices are in it, as far as they are kept.
    """

    name: str
    kind: str
    condition: ChannelCondition
    failures: int
    rests_until: datetime | None
    error: str | None
    notices: Mapping[RowState, int]


class NoticeReports:
    """Answers questions about notices and channels."""

    def __init__(self, *, policy: Policy, outbox: Outbox, states: ChannelStates, clock: Clock) -> None:
        self._channels = policy.notifications.channels
        self._outbox = outbox
        self._states = states
        self._clock = clock

    async def listed(self, asked: Mapping[str, str]) -> NoticePage:
        """The notices, the newest first.

        Args:
            asked: `subject`, `channel`, `kind` and `state` to select by, `limit`, and `after`: the `next` of a page.

        Raises:
            BadQuestion: one of them is not what it should be.
            TemporaryError: the storage is in trouble.
        """
        limit = number("limit", asked.get("limit"), usual=_USUAL, largest=_LARGEST)
        question = OutboxQuestion(
            subject=asked.get("subject"),
            channel=asked.get("channel"),
            kind=word("kind", asked.get("kind"), NoticeKind),
            state=word("state", asked.get("state"), RowState),
        )
        behind = _mark(asked.get("after"))
        rows = [row async for row in self._outbox.newest(question, limit + 1, behind=behind)]
        page = tuple(delivery_status(row) for row in rows[:limit])
        return NoticePage(page, _token(rows[limit - 1].mark) if len(rows) > limit else None)

    async def channels(self) -> list[ChannelReport]:
        """The channels of the policy, in its order; raises TemporaryError when the storage is in trouble."""
        counts = await self._outbox.counts()
        reports = []
        for name, configured in self._channels.items():
            stored = await self._states.circuit(name)
            circuit = stored.value if stored else Circuit()
            reports.append(
                ChannelReport(
                    name=name,
                    kind=str(configured.__struct_config__.tag),
                    condition=self._condition(circuit),
                    failures=circuit.failures,
                    rests_until=circuit.rests_until,
                    error=circuit.error,
                    notices=counts.get(name, {}),
                )
            )
        return reports

    def _condition(self, circuit: Circuit) -> ChannelCondition:
        if circuit.rest(self._clock.now()) > 0:
            return ChannelCondition.RESTING
        return ChannelCondition.TROUBLED if circuit.failures else ChannelCondition.WORKING


def delivery_status(row: OutboxRow) -> DeliveryStatus:
    """What became of a row."""
    return DeliveryStatus(
        id=row.notice.id,
        notice=row.notice.kind,
        subject=row.subject,
        severity=row.notice.severity,
        summary=row.notice.summary,
        channel=row.channel,
        status=row.state,
        attempts=row.attempts,
        trouble=row.trouble,
        error=row.error,
        queued_at=row.queued_at,
        sent_at=row.sent_at,
    )


def _token(mark: OutboxMark) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(mark)).decode().rstrip("=")


def _mark(token: str | None) -> OutboxMark | None:
    if token is None:
        return None
    try:
        return read_json(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), OutboxMark)
    except ValueError as error:  # no base64, or no mark
        raise BadQuestion("after: the `next` of an earlier answer expected") from error
