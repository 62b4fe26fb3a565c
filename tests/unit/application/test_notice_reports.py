"""What became of notices: every kind of them, page by page, and how the channels are."""

from datetime import timedelta

import msgspec
import pytest

from shared.application.messages import NOTIFICATIONS, read_notification
from shared.application.notice_reports import ChannelCondition, DeliveryStatus, NoticePage
from shared.application.outbox_ports import OutboxRow, RowState
from shared.application.questions import BadQuestion
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import POLICY, TestApplication
from tests.fakes.azure import FakeChannel

KINDS = (
    NoticeKind.ROTATION_FAILED,
    NoticeKind.HEADROOM_LOW,
    NoticeKind.DEAD_LETTER_ADDED,
    NoticeKind.DIGEST_DAILY,
    NoticeKind.INCIDENT_BLOCKED,
)


class Told(TestApplication):
    """The application with a topic and people, who were told a notice of several kinds."""

    def __init__(self) -> None:
        self.people = FakeChannel()
        policy = POLICY.partition("notifications:")[0] + (
            """
notifications:
  channels:
    topic: {kind: event_grid, endpoint: "https://topic.example/api/events"}
    people: {kind: slack, url_secret: people}
  routes:
    - {channels: [topic]}
    - {channels: [people], quiet_for: 4h}
"""
        )
        super().__init__(policy)
        self.channels["people"] = self.people

    async def tell(self, *notices: Notice) -> None:
        """Tell these, a second apart, and deliver what can be delivered now."""
        for notice in notices:
            await self.app.notification.tell(notice)
            self.clock.advance(1)
        for body in self.queue.take(NOTIFICATIONS):
            await self.app.notification.deliver(read_notification(body))

    async def page(self, **asked: str) -> NoticePage:
        """What a question is answered."""
        return await self.app.notice_reports.listed(asked)


class TestListed:
    """`GET /api/notifications`."""

    async def test_notices_about_anything_the_newest_first(self) -> None:
        """Rotations, headroom, dead letters and digests as well as incidents, once for each channel."""
        world = Told()
        await world.tell(*(example(kind) for kind in KINDS))

        page = await world.page()
        assert [each.notice for each in page.notices[::2]] == list(reversed(KINDS))
        assert {(each.channel, each.status) for each in page.notices} == {("topic", "sent"), ("people", "sent")}
        assert page.next is None
        newest, oldest = page.notices[0], page.notices[-1]
        assert (newest.subject, newest.summary) == (example(KINDS[-1]).subject, example(KINDS[-1]).summary)
        assert newest.queued_at is not None
        assert oldest.queued_at is not None
        assert newest.queued_at > oldest.queued_at
        assert all(each.sent_at is not None for each in page.notices)

    async def test_selected(self) -> None:
        """By subject, kind, channel and state, each alone and together."""
        world = Told()
        world.people.trouble["send"] = [PermanentError("the receiver answers 404", code="receiver_refused")]
        await world.tell(*(example(kind) for kind in KINDS))
        first, subject = KINDS[0], example(KINDS[0]).subject

        assert {each.subject for each in (await world.page(subject=subject)).notices} == {subject}
        assert {each.notice for each in (await world.page(kind=first)).notices} == {first}
        assert {each.channel for each in (await world.page(channel="people")).notices} == {"people"}
        [lost] = (await world.page(state="lost")).notices
        assert (lost.notice, lost.channel) == (first, "people")
        assert lost.error == "receiver_refused: the receiver answers 404"
        assert (await world.page(state="lost", channel="topic")).notices == ()
        assert len((await world.page(state="sent", channel="topic", kind=first, subject=subject)).notices) == 1

    async def test_states(self) -> None:
        """Waiting with the channel's last word, and what was left out to keep people's peace."""
        world = Told()
        world.people.trouble["send"] = [TemporaryError("the receiver answers 503", code="receiver_unavailable")]
        first = example(NoticeKind.HEADROOM_LOW)
        await world.tell(first, msgspec.structs.replace(first, id="again"))

        quiet, waiting = (await world.page(channel="people")).notices
        assert (quiet.status, quiet.id) == (RowState.QUIET, "again")
        assert (waiting.status, waiting.attempts) == (RowState.WAITING, 1)
        assert waiting.trouble == "receiver_unavailable: the receiver answers 503"

    async def test_page_by_page(self) -> None:
        """Every notice once, also when new ones come between two pages."""
        world = Told()
        await world.tell(*(example(kind) for kind in KINDS))
        everything = (await world.page()).notices
        seen: list[DeliveryStatus] = []
        page = await world.page(limit="3")
        while True:
            seen += page.notices
            if page.next is None:
                break
            await world.tell(msgspec.structs.replace(example(NoticeKind.CHANNEL_TEST), id=f"new{len(seen)}"))
            page = await world.page(limit="3", after=page.next)

        assert tuple(seen) == everything

    async def test_a_row_of_an_earlier_version_comes_last(self) -> None:
        """It has no time; paging reaches it all the same."""
        world = Told()
        old = example(NoticeKind.ROTATION_REMINDER)
        await world.outbox.add(OutboxRow(subject=old.subject, row="a", channel="topic", notice=old))
        await world.outbox.add(OutboxRow(subject=old.subject, row="b", channel="topic", notice=old))
        await world.tell(example(NoticeKind.HEADROOM_LOW))
        first = await world.page(limit="3")
        assert first.next is not None

        assert len((await world.page(limit="3", after=first.next)).notices) == 1

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({"limit": "0"}, "limit: '0' found, a whole number from 1 to 200 expected"),
            ({"limit": "201"}, "limit: '201' found"),
            ({"limit": "٣"}, "limit: '٣' found"),
            ({"kind": "incident.unheard"}, "kind: 'incident.unheard' found, one of these expected: incident.detected"),
            ({"state": "gone"}, "state: 'gone' found, one of these expected: waiting, sent, quiet, storm, lost"),
            ({"after": "nothing"}, "after: the `next` of an earlier answer expected"),
            ({"after": "é"}, "after: "),
            ({"after": "AAAA"}, "after: "),
        ],
    )
    async def test_questions_that_are_none(self, asked: dict[str, str], said: str) -> None:
        """What was wrong, and what was expected."""
        with pytest.raises(BadQuestion) as caught:
            await Told().page(**asked)
        assert str(caught.value).startswith(said)


class TestChannels:
    """`GET /api/channels`."""

    async def test_all_is_well(self) -> None:
        """Channels in the policy's order, with what they are and nothing to say."""
        world = Told()
        await world.tell(example(NoticeKind.HEADROOM_LOW))

        topic, people = await world.app.notice_reports.channels()
        assert [(one.name, one.kind) for one in (topic, people)] == [("topic", "event_grid"), ("people", "slack")]
        assert (people.condition, people.failures, people.error) == (ChannelCondition.WORKING, 0, None)
        assert people.notices == {RowState.SENT: 1}

    async def test_a_channel_in_trouble_and_a_broken_circuit(self) -> None:
        """After one failure it is troubled; after the third in a row it is left alone, and one can see how long."""
        world = Told()
        trouble = TemporaryError("the receiver answers 503", code="receiver_unavailable")
        world.people.trouble["send"] = [trouble] * 3
        await world.tell(example(NoticeKind.HEADROOM_LOW))
        [_, people] = await world.app.notice_reports.channels()
        assert (people.condition, people.failures) == (ChannelCondition.TROUBLED, 1)
        await world.tell(example(NoticeKind.DIGEST_DAILY), example(NoticeKind.ROTATION_FAILED))

        [_, people] = await world.app.notice_reports.channels()
        assert (people.condition, people.failures) == (ChannelCondition.RESTING, 3)
        assert people.error == "receiver_unavailable: the receiver answers 503"
        assert people.rests_until is not None
        assert timedelta() < people.rests_until - world.clock.now() <= timedelta(seconds=30)
        assert people.notices == {RowState.WAITING: 3}
