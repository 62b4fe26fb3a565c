"""Notification: in order, patiently, and through the channels that work."""

import asyncio

from shared.application.messages import (
    NOTIFICATIONS,
    REMEDIATIONS,
    NotificationMessage,
    read_notification,
    read_remediation,
)
from shared.application.outbox_ports import OutboxRow
from shared.domain.notice_kinds import NoticeKind
from shared.errors import PermanentError, TemporaryError
from tests.unit.application.telling import CHANNELS, Telling, notice, said


class TestOrder:
    """About one subject a channel hears things as they happened."""

    async def test_messages_that_overtake_each_other_change_nothing(self) -> None:
        """Whichever message comes first, the older row is sent first."""
        world = Telling()
        await world.tell(notice("one"), notice("two"), notice("three"))
        world.queue.sent.reverse()
        await world.deliver()

        assert said(world.topic) == said(world.people) == ["one", "two", "three"]

    async def test_what_waits_holds_up_what_came_later_about_the_same_and_nothing_else(self) -> None:
        """Another subject and another channel go on."""
        world = Telling()
        world.people.trouble["send"].append(TemporaryError("503"))
        await world.tell(notice("one"), notice("two"), notice("other", subject="incidents/2"))
        first, *rest = (m for m in world.queue.take(NOTIFICATIONS) if m)
        people = [body for body in (first, *rest) if b"people" in body]
        await world.app.notification.deliver(read_notification(people[0]))
        await world.app.notification.deliver(read_notification(people[2]))
        assert said(world.people) == ["other"]
        for body in (first, *rest):
            await world.app.notification.deliver(read_notification(body))

        assert said(world.people) == ["other", "one", "two"]
        assert said(world.topic) == ["one", "two", "other"]

    async def test_two_workers_send_it_once(self) -> None:
        """One of them has the lease; the other comes again, and finds nothing left."""
        world = Telling()
        await world.tell(notice("one"))
        bodies = world.queue.take(NOTIFICATIONS)
        await asyncio.gather(
            *(world.app.notification.deliver(read_notification(body)) for body in bodies for _ in range(3))
        )
        while world.queue.sent:
            await world.deliver()

        assert said(world.topic) == said(world.people) == ["one"]


class TestTrouble:
    """A channel that does not work."""

    async def test_its_own_patience_counts(self) -> None:
        """It is not called before the time that it asked for, by no notice."""
        world = Telling()
        world.topic.trouble["send"].append(TemporaryError("429", retry_after=40))
        await world.tell(notice("one"))
        assert await world.deliver() == [40]
        await world.tell(notice("two", subject="incidents/2"))
        calls = len(world.topic.calls)
        world.clock.advance(20)
        await world.deliver()
        assert len(world.topic.calls) == calls
        world.clock.advance(20)
        await world.work()

        assert sorted(said(world.topic)) == ["one", "two"]
        assert said(world.people) == ["one", "two"]

    async def test_three_failures_open_the_circuit_and_one_notice_tries_it(self) -> None:
        """While it is open nothing is called; of many notices one is the try; success closes it."""
        world = Telling()
        world.topic.trouble["send"] = [TemporaryError("500") for _ in range(3)]
        await world.tell(*(notice(f"{number}", subject=f"incidents/{number}") for number in range(5)))
        waits = await world.deliver()
        assert len(world.topic.calls) == 3
        assert max(waits) > 29
        world.clock.advance(31)
        world.topic.trouble["send"].append(TemporaryError("500"))
        await world.deliver()
        assert len(world.topic.calls) == 4
        await world.work()

        assert len(said(world.topic)) == 5
        circuit = await world.channel_states.circuit("topic")
        assert circuit is not None
        assert (circuit.value.failures, circuit.value.error) == (0, None)

    async def test_of_many_workers_one_makes_the_try(self) -> None:
        """All of them see that the rest is over; the others wait for what comes of it."""
        world = Telling()
        world.topic.trouble["send"] = [TemporaryError("500") for _ in range(4)]
        await world.tell(*(notice(f"{number}", subject=f"incidents/{number}") for number in range(6)))
        await world.deliver()
        world.clock.advance(31)
        calls = len(world.topic.calls)
        bodies = [body for body in world.queue.take(NOTIFICATIONS) if b"topic" in body]
        await asyncio.gather(*(world.app.notification.deliver(read_notification(body)) for body in bodies))

        assert len(bodies) > 1
        assert len(world.topic.calls) == calls + 1

    async def test_after_a_day_it_is_given_up_and_the_others_hear_of_it(self) -> None:
        """Once: the notice about the channel is the same for the whole day."""
        world = Telling()
        world.people.trouble["send"] = [TemporaryError("500") for _ in range(500)]
        lost = notice("one")
        await world.tell(lost)
        for _ in range(120):
            await world.deliver()
            world.clock.advance(900)

        assert str(await world.status(lost, "people")).startswith("channel_given_up")
        assert [each.kind for each in world.topic.sent] == [lost.kind, NoticeKind.CHANNEL_FAILED]
        assert world.queue.sent == []

    async def test_a_refusal_is_told_through_the_others_once_a_day(self) -> None:
        """Whatever the routes say: a broken channel must not be silent; and it is not told about itself."""
        world = Telling(CHANNELS + "  routes:\n    - {channels: [people], notices: [incident.blocked]}\n")
        world.people.trouble["send"] = [PermanentError("gone", code="receiver_refused") for _ in range(2)]
        await world.tell(notice("one"), notice("two", subject="incidents/2"))
        await world.work()

        assert [each.kind for each in world.topic.sent] == [NoticeKind.CHANNEL_FAILED]
        assert [each.kind for each in world.boss.sent] == [NoticeKind.CHANNEL_FAILED]
        assert world.people.sent == []

    async def test_two_broken_channels_do_not_report_each_other_for_ever(self) -> None:
        """The last word is in the log and in the incident."""
        world = Telling()
        for channel in (world.topic, world.people, world.boss):
            channel.trouble["send"] = [PermanentError("gone") for _ in range(50)]
        await world.tell(notice("one"))
        await world.work()

        assert world.queue.sent == []
        assert len(world.topic.calls) <= 4

    async def test_a_channel_that_left_the_policy(self) -> None:
        """Its rows end there, and nobody is alarmed."""
        world = Telling()
        told = notice("one")
        await world.tell(told)
        del world.channels["people"]
        await world.work()

        assert str(await world.status(told, "people")).startswith("channel_gone")
        assert said(world.topic) == ["one"]

    async def test_the_report_of_an_incident_says_what_the_channel_said(self) -> None:
        """Waiting, how often it was tried, and the trouble."""
        world = Telling()
        world.failing("nginx:1.27")
        world.people.trouble["send"] = [TemporaryError("the receiver answers 503", code="receiver_unavailable")]
        await world.alert()
        for body in world.queue.take(REMEDIATIONS):
            await world.app.remediation.handle(read_remediation(body))
        await world.deliver()

        [incident] = (await world.all_incidents()).values()
        [waiting] = [
            each for each in (await world.app.reports.incident(incident.id)).notices if each.channel == "people"
        ]
        assert (waiting.status, waiting.attempts) == ("waiting", 1)
        assert waiting.trouble == "receiver_unavailable: the receiver answers 503"


class TestStranded:
    """A notice whose message is gone."""

    async def test_it_is_called_for_again(self) -> None:
        """Once in a while, and only when nobody else has it; in the end it is sent, in its order."""
        world = Telling()
        await world.tell(notice("one"), notice("two"))
        world.queue.take(NOTIFICATIONS)
        await world.chore("stranded-notices")
        assert world.queue.sent == []
        world.clock.advance(301)
        await world.chore("stranded-notices")
        await world.chore("stranded-notices")
        assert len(world.queue.sent) == 4
        await world.work()

        assert said(world.topic) == said(world.people) == ["one", "two"]
        world.clock.advance(3600)
        await world.chore("stranded-notices")
        assert world.queue.sent == []

    async def test_what_waits_its_turn_is_not_stranded(self) -> None:
        """A channel that asks for an hour's patience gets no second message meanwhile, nor by telling it again."""
        world = Telling(CHANNELS + "  routes:\n    - {channels: [topic]}\n")
        world.topic.trouble["send"] = [TemporaryError("429", retry_after=3600)]
        told = notice("one")
        await world.tell(told)
        await world.deliver()
        for _ in range(10):
            world.clock.advance(300)
            await world.chore("stranded-notices")
            await world.tell(told)
        assert [message.delay_s for message in world.queue.sent] == [3600]
        world.clock.advance(900)
        world.queue.take(NOTIFICATIONS)
        await world.chore("stranded-notices")
        await world.work()

        assert said(world.topic) == ["one"]


class TestOlderRows:
    """What the version before has left in the outbox."""

    async def test_they_are_sent(self) -> None:
        """Without times and holds, too."""
        world = Telling()
        told = notice("old")
        await world.outbox.add(OutboxRow(subject=told.subject, row="r", channel="topic", notice=told))
        await world.app.notification.deliver(NotificationMessage(subject=told.subject, row="r"))

        assert said(world.topic) == ["old"]
