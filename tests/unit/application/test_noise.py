"""Notification, not more often than people bear: storms, quiet hours, escalation, the digest."""

from datetime import UTC, datetime

from shared.domain.notice_kinds import NoticeKind
from shared.domain.policy_notifications import Storm
from shared.domain.storms import HeldNotice, Window
from tests.unit.application.telling import CHANNELS, Telling, notice, said


class TestNoise:
    """Not more than people bear."""

    async def test_quiet_for(self) -> None:
        """The same kind about the same subject is left out for that time; another kind and another subject are not."""
        world = Telling(CHANNELS + "  routes:\n    - {channels: [topic], quiet_for: 4h}\n")
        again = notice("again")
        await world.tell(notice("first"), again)
        await world.tell(notice("other subject", subject="incidents/2"))
        await world.tell(notice("other kind", kind=NoticeKind.INCIDENT_FAILED))
        await world.work()
        world.clock.advance(4 * 3600)
        await world.tell(notice("later"))
        await world.work()

        assert said(world.topic) == ["first", "other subject", "other kind", "later"]
        assert await world.status(again, "topic") == "quiet"

    async def test_a_storm_is_ten_messages_and_a_summary(self) -> None:
        """People get ten and one for the rest; the topic gets all."""
        world = Telling()
        notices = [notice(f"{number}", subject=f"incidents/{number}") for number in range(60)]
        await world.tell(*notices)
        await world.work()

        assert len(world.people.sent) == 11
        assert [each.kind for each in world.people.sent].count(NoticeKind.DIGEST_STORM) == 1
        assert world.people.sent[-1].summary.startswith("50 more notices")
        assert len(world.topic.sent) == 60
        assert await world.status(notices[-1], "people") == "storm"

    async def test_a_storm_told_twice_is_the_same_storm(self) -> None:
        """A worker that was killed tells everything again; the numbers stay."""
        world = Telling()
        notices = [notice(f"{number}", subject=f"incidents/{number}") for number in range(12)]
        await world.tell(*notices)
        await world.tell(*notices)
        await world.work()

        assert len(world.people.sent) == 11
        assert world.people.sent[-1].summary.startswith("2 more notices")

    async def test_a_crash_between_counting_and_storing_counts_once(self) -> None:
        """The same notice that is held again is one."""
        one = HeldNotice("incidents/1", "row")
        window = Window(datetime(2026, 11, 24, tzinfo=UTC), told=10)
        once = window.with_one_more(one, window.since, Storm())

        assert once.held == (one,)
        assert once.with_one_more(one, window.since, Storm()) == once

    async def test_a_summary_whose_call_was_lost_is_told_by_the_sweep(self) -> None:
        """And not before its time."""
        world = Telling()
        await world.tell(*(notice(f"{number}", subject=f"incidents/{number}") for number in range(12)))
        world.queue.sent = [m for m in world.queue.sent if b"storms/" not in m.body]
        await world.chore("late-summaries")
        await world.work()
        assert len(world.people.sent) == 10
        world.clock.advance(13 * 60)
        await world.chore("late-summaries")
        await world.work()

        assert world.people.sent[-1].kind is NoticeKind.DIGEST_STORM


class TestEscalation:
    """A question that nobody answers."""

    POLICY = (
        CHANNELS + "  routes:\n    - {channels: [people]}\n    - {when_unanswered: 1h, channels: [boss]}\n"
    ).replace("mode: enforce", "mode: approve")

    async def _asked(self) -> tuple[Telling, str]:
        world = Telling(self.POLICY)
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        [incident] = (await world.all_incidents()).values()
        assert [each.kind for each in world.people.sent] == [NoticeKind.INCIDENT_AWAITING_APPROVAL]
        return world, incident.id

    async def test_it_goes_further_up_in_time_and_once(self) -> None:
        """Not before the hour, and the same question only once."""
        world, _ = await self._asked()
        await world.chore("escalation")
        await world.work()
        assert world.boss.sent == []
        world.clock.advance(3600)
        for _ in range(3):
            await world.chore("escalation")
            await world.work()

        assert [each.kind for each in world.boss.sent] == [NoticeKind.INCIDENT_AWAITING_APPROVAL]
        assert len(world.people.sent) == 1

    async def test_an_answer_ends_it(self) -> None:
        """Nobody is called for what is decided."""
        world, key = await self._asked()
        await world.app.approvals.reject(key, b'{"by": "me"}', signed_in=None)
        world.clock.advance(3600)
        await world.chore("escalation")
        await world.work()

        assert world.boss.sent == []


class TestDigest:
    """What the day brought."""

    POLICY = CHANNELS + '  routes:\n    - {channels: [people]}\n  digest_at: "07:00"\n'

    async def test_once_a_day_at_its_time(self) -> None:
        """It counts the day's incidents and names what is open and what does not work."""
        world = Telling(self.POLICY)
        world.failing("evil/nginx:1.27")
        await world.alert()
        await world.work()
        world.people.sent.clear()
        await world.chore("daily-digest")
        await world.work()
        first = list(world.people.sent)
        days = [world.clock.now().date()]
        for _ in range(48):
            world.clock.advance(1800)
            await world.chore("daily-digest")
            await world.work()
        days.append(world.clock.now().date())

        told = world.people.sent
        assert [each.kind for each in told] == [NoticeKind.DIGEST_DAILY] * 2
        assert told[: len(first)] == first
        assert [each.at.date() for each in told] == days
        assert told[1].at.hour == 7
        assert told[0].facts["docker.io/evil/nginx"].startswith("can't be cached")

    async def test_none_without_a_time(self) -> None:
        """It is off unless somebody wants it."""
        world = Telling()
        await world.chore("daily-digest")

        assert world.queue.sent == []


class TestProgress:
    """What only those hear who ask for it."""

    async def test_routes_that_name_it(self) -> None:
        """Detected, applied, verified, in this order; a route without kinds takes the last one only."""
        kinds = "incident.detected, incident.applied, incident.verified"
        world = Telling(
            CHANNELS + f"  routes:\n    - {{channels: [topic]}}\n    - {{channels: [people], notices: [{kinds}]}}\n"
        )
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        assert [each.kind for each in world.people.sent] == kinds.split(", ")
        assert [each.kind for each in world.topic.sent] == [NoticeKind.INCIDENT_VERIFIED]
        assert world.people.sent[0].workloads == ("shop/Deployment/web-0",)
