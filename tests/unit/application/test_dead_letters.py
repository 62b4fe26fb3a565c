"""Dead letters: what is known of them, who is told, and the way back."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from shared.application.dead_letters import NothingToReplay
from shared.application.letter_views import LONGEST_LISTED
from shared.application.messages import (
    NOTIFICATIONS,
    REMEDIATIONS,
    ROTATIONS,
    AlertMessage,
    MessageInvalid,
    RemediationMessage,
    read_notification,
    read_remediation,
    read_rotation,
)
from shared.application.ports import Stored
from shared.application.questions import NotFound
from shared.domain.dead_letters import MOST_FAILURES, DeadLetter, LetterState
from shared.domain.event_readers import REGISTRY_EVENTS
from shared.domain.incidents import IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.errors import CachewardenError, PermanentError, TemporaryError
from tests.fakes.application import TestApplication, log_alert
from tests.fakes.events import MemoryLetters
from tests.fakes.stores import MemoryQueue

NGINX = "docker.io/library/nginx"
READERS = {REMEDIATIONS: read_remediation, NOTIFICATIONS: read_notification, ROTATIONS: read_rotation}


class ClosedLetters(MemoryLetters):
    """Letters that nobody can read."""

    def __init__(self, error: CachewardenError) -> None:
        super().__init__()
        self._error = error

    async def get(self, letter_id: str) -> Stored[DeadLetter] | None:
        """The error."""
        raise self._error


class PromptQueue(MemoryQueue):
    """A queue whose worker has handled a message before the sender goes on."""

    def __init__(self, handle: Callable[[RemediationMessage], Awaitable[None]]) -> None:
        super().__init__()
        self._handle = handle

    async def send(self, queue: str, body: bytes, *, delay_s: float = 0) -> None:
        """Handle it, or keep it where it is no remediation."""
        if queue == REMEDIATIONS:
            await self._handle(read_remediation(body))
        else:
            await super().send(queue, body, delay_s=delay_s)


async def dead_alert(world: TestApplication) -> bytes:
    """An alert whose message was given up after two errors; its body."""
    world.failing("nginx:1.27")
    await world.alert()
    [body] = world.queue.take(REMEDIATIONS)
    for attempt, error in enumerate((TemporaryError("busy", code="ServerBusy"), RuntimeError("holds a secret")), 1):
        await world.app.dead_letters.note_failure(REMEDIATIONS, body, error, attempt=attempt)
    await world.app.dead_letters.bury(REMEDIATIONS, body)
    return body


@pytest.mark.parametrize("error", [TemporaryError("busy"), PermanentError("no row of this version")])
async def test_a_failure_that_cannot_be_noted_hides_no_other(error: CachewardenError) -> None:
    """The error of the attempt itself is the one that brings the message back."""
    world = TestApplication()
    world.letters = ClosedLetters(error)

    await world.another().dead_letters.note_failure(REMEDIATIONS, b"x", TemporaryError("what happened"), attempt=1)


class TestBury:
    """A message that was given up."""

    async def test_it_is_recorded_with_its_errors_and_told(self) -> None:
        """Of a defect only the type is kept, since its text may hold anything."""
        world = TestApplication()
        body = await dead_alert(world)
        await world.work()

        [letter] = await world.app.dead_letters.listed()
        assert (letter.origin, letter.state, letter.deaths) == (REMEDIATIONS, LetterState.DEAD, 1)
        assert (letter.body, letter.encoding) == (body.decode(), "text")
        assert [(f.attempt, f.code, f.text) for f in letter.failures] == [
            (1, "ServerBusy", "busy"),
            (2, "internal", "RuntimeError"),
        ]
        [notice] = world.topic.sent
        assert (notice.kind, notice.subject) == (NoticeKind.DEAD_LETTER_ADDED, f"dead-letters/{letter.id}")
        assert f"POST /api/dead-letters/{letter.id}/replay" in notice.next_step

    @pytest.mark.parametrize("unit", [b"m", b"\xff"], ids=["text", "no text"])
    async def test_of_a_long_one_the_list_shows_the_beginning(self, unit: bytes) -> None:
        """Two hundred of them would not fit in memory; alone it is shown as far as it is kept."""
        world = TestApplication()
        await world.app.dead_letters.bury(REMEDIATIONS, unit * 100_000)

        [listed] = await world.app.dead_letters.listed()
        alone = await world.app.dead_letters.shown(listed.id)

        assert (listed.shortened, alone.shortened) == (True, False)
        assert len(listed.body) < 25_000
        assert len(alone.body) >= 100_000
        assert alone.body.startswith(listed.body[:20_000])

    @pytest.mark.parametrize("length", [10_000, 200_000], ids=["shortened in the list", "cut when it was kept"])
    async def test_a_character_of_several_bytes_is_cut_in_two(self, length: int) -> None:
        """It is a text all the same, and counts by its bytes: what is called shortened is."""
        world = TestApplication()
        await world.app.dead_letters.bury(REMEDIATIONS, f"m{'é' * length}".encode())

        [listed] = await world.app.dead_letters.listed()
        alone = await world.app.dead_letters.shown(listed.id)

        assert (listed.encoding, alone.encoding) == ("text", "text")
        assert (listed.shortened, alone.shortened) == (True, False)
        assert len(listed.body) < len(alone.body)
        assert len(listed.body.encode()) <= LONGEST_LISTED

    async def test_the_same_one_again_changes_nothing(self) -> None:
        """The poison queue delivers at least once as well."""
        world = TestApplication()
        body = await dead_alert(world)

        await world.app.dead_letters.bury(REMEDIATIONS, body)
        await world.work()

        assert [letter.deaths for letter in await world.app.dead_letters.listed()] == [1]
        assert len(world.topic.sent) == 1

    async def test_what_was_done_all_the_same_stays_done(self) -> None:
        """A worker died each time after the outcome was recorded, and before the message was gone."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)
        await world.app.remediation.handle(read_remediation(body))
        await world.app.dead_letters.bury(REMEDIATIONS, body)

        totals = await world.deliveries.totals()
        assert (totals.outcomes, totals.add_up) == ({"incident": 1}, True)

    @pytest.mark.parametrize("error", [TemporaryError("busy"), PermanentError("no")])
    async def test_one_that_cannot_be_recorded_waits_in_its_poison_queue(self, error: CachewardenError) -> None:
        """For longer than the host's few attempts; then it is recorded like any other."""
        world = TestApplication()
        letters = world.letters
        world.letters = ClosedLetters(error)
        await world.another().dead_letters.receive(REMEDIATIONS, b"m")
        [message] = world.queue.sent
        assert message.delay_s >= 60
        [body] = world.queue.take(f"{REMEDIATIONS}-poison")

        world.letters = letters
        await world.another().dead_letters.receive(REMEDIATIONS, body)

        assert [letter.body for letter in await world.app.dead_letters.listed()] == ["m"]
        assert world.queue.take(f"{REMEDIATIONS}-poison") == []

    async def test_its_delivery_is_accounted_for(self) -> None:
        """As `dead-letter`."""
        world = TestApplication()
        await dead_alert(world)

        totals = await world.deliveries.totals()
        assert (totals.outcomes, totals.add_up) == ({"dead-letter": 1}, True)

    async def test_bytes_that_are_no_text_are_kept(self) -> None:
        """Somebody else's message, shown as base64."""
        world = TestApplication()
        await world.app.dead_letters.bury(REMEDIATIONS, b"\xff\x00")

        [letter] = await world.app.dead_letters.listed()
        assert (letter.body, letter.encoding) == ("/wA=", "base64")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b'{"\xff": 1}',
            b'{"type": "alert", "delivery": "\xff"}',
            b'{"a":' + b"[" * 40_000,
            b'{"type":"alert","alert":' + b'{"a":' * 8000 + b"1" + b"}" * 8001,
            b"[" * 65_536,
        ],
        ids=["empty", "key", "value", "open", "deep", "long"],
    )
    async def test_whatever_a_stranger_sends_is_refused_and_kept(self, body: bytes) -> None:
        """With its errors: no UTF-8, no JSON, or one without end."""
        world = TestApplication()
        for queue, read in READERS.items():
            with pytest.raises(MessageInvalid) as refusal:
                read(body)
            await world.app.dead_letters.note_failure(queue, body, refusal.value, attempt=1)
            await world.app.dead_letters.bury(queue, body)

        letters = await world.app.dead_letters.listed()
        assert {letter.origin for letter in letters} == set(READERS)
        assert {failure.code for letter in letters for failure in letter.failures} == {"message_invalid"}

    async def test_the_latest_are_listed(self) -> None:
        """Two hundred, whatever the order in which they are found."""
        world = TestApplication()
        for number in range(205):
            await world.app.dead_letters.bury("q", f"{number * 7 % 205}".encode())
            world.clock.advance(1)

        listed = [letter.body for letter in await world.app.dead_letters.listed()]
        assert listed == [f"{number * 7 % 205}" for number in reversed(range(5, 205))]

    async def test_what_only_failed_is_not_listed(self) -> None:
        """It still gets attempts."""
        world = TestApplication()
        for attempt in range(MOST_FAILURES + 5):
            await world.app.dead_letters.note_failure("q", b"m", PermanentError("no"), attempt=attempt)

        assert await world.app.dead_letters.listed() == []

    async def test_the_history_is_bounded(self) -> None:
        """The latest errors count."""
        world = TestApplication()
        for attempt in range(MOST_FAILURES + 5):
            await world.app.dead_letters.note_failure("q", b"m", PermanentError("no"), attempt=attempt)
        await world.app.dead_letters.bury("q", b"m")

        [letter] = await world.app.dead_letters.listed()
        assert [failure.attempt for failure in letter.failures] == list(range(5, MOST_FAILURES + 5))


class TestReplay:
    """The way back."""

    async def test_a_replayed_alert_is_worked_on(self) -> None:
        """Its delivery was accounted for as dead; now it ends in an incident."""
        world = TestApplication()
        await dead_alert(world)
        [letter] = await world.app.dead_letters.listed()

        again = await world.app.dead_letters.replay(letter.id)
        await world.work()

        assert (again.state, again.replays) == (LetterState.REPLAYED, (again.updated_at,))
        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        totals = await world.deliveries.totals()
        assert (totals.outcomes, totals.add_up) == ({"incident": 1}, True)

    async def test_twice_is_a_conflict_and_one_message(self) -> None:
        """It is on its way already."""
        world = TestApplication()
        await dead_alert(world)
        [letter] = await world.app.dead_letters.listed()
        await world.app.dead_letters.replay(letter.id)

        with pytest.raises(NothingToReplay, match="replayed"):
            await world.app.dead_letters.replay(letter.id)
        assert len(world.queue.take(REMEDIATIONS)) == 1

    async def test_two_at_once_send_one_message(self) -> None:
        """One of them is a conflict, and the trail has one replay."""
        world = TestApplication()
        await dead_alert(world)
        [letter] = await world.app.dead_letters.listed()

        calls = (app.dead_letters.replay(letter.id) for app in (world.app, world.another(), world.another()))
        answers = await asyncio.gather(*calls, return_exceptions=True)

        assert sorted(type(answer).__name__ for answer in answers) == [
            "LetterView",
            "NothingToReplay",
            "NothingToReplay",
        ]
        assert len(world.queue.take(REMEDIATIONS)) == 1
        assert [entry.kind for entry in await world.app.audit.entries(None, None)] == ["replay_dead_letter"] * 2

    async def test_an_event_that_dies_again_before_its_replay_is_noted(self) -> None:
        """The worker was faster than the record: people are told again, and can replay it again."""
        world = TestApplication()
        taken = await world.app.events.accept(REGISTRY_EVENTS, {"id": 7})
        world.queue = queue = PromptQueue(world.app.remediation.handle)
        app = world.another()

        assert (await app.dead_letters.replay(taken.reason)).deaths == 2
        assert (await app.dead_letters.replay(taken.reason)).deaths == 3
        for body in queue.take(NOTIFICATIONS):
            await app.notification.deliver(read_notification(body))
        [letter] = await app.dead_letters.listed()
        assert (letter.state, len(letter.replays), len(letter.failures)) == (LetterState.DEAD, 2, 3)
        assert len({notice.id for notice in world.topic.sent}) == 3

    async def test_a_message_that_fails_once_before_its_replay_is_noted(self) -> None:
        """It is being tried, and has attempts left: when those are used up as well people are told again."""
        world = TestApplication()
        body = await dead_alert(world)
        [letter] = await world.app.dead_letters.listed()

        async def fails(_: RemediationMessage) -> None:
            await world.app.dead_letters.note_failure(REMEDIATIONS, body, TemporaryError("busy"), attempt=1)

        world.queue = PromptQueue(fails)
        app = world.another()

        assert (await app.dead_letters.replay(letter.id)).state is LetterState.REPLAYED
        assert (await app.dead_letters.bury(REMEDIATIONS, body)).deaths == 2

    async def test_one_that_dies_again_is_told_again_and_can_be_replayed_again(self) -> None:
        """Another death is another notice."""
        world = TestApplication()
        body = await dead_alert(world)
        [letter] = await world.app.dead_letters.listed()
        await world.app.dead_letters.replay(letter.id)
        world.queue.take(REMEDIATIONS)

        await world.app.dead_letters.bury(REMEDIATIONS, body)
        await world.app.dead_letters.replay(letter.id)

        [message] = [read_remediation(body) for body in world.queue.take(REMEDIATIONS)]
        assert isinstance(message, AlertMessage)
        await world.work()
        assert len(world.topic.sent) == 2

    @pytest.mark.parametrize("key", ["", "0" * 32])
    async def test_an_unknown_letter(self, key: str) -> None:
        """404."""
        with pytest.raises(NotFound):
            await TestApplication().app.dead_letters.replay(key)

    async def test_the_same_alert_delivered_again_is_taken_as_new(self) -> None:
        """Azure Monitor's own repetition is as good as a replay."""
        world = TestApplication()
        await dead_alert(world)

        assert await world.alert() is False
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED


class TestAccounting:
    """`GET /api/deliveries`."""

    async def test_every_arrival_is_counted_once(self) -> None:
        """Received is duplicates and the outcomes of all others."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.alert()
        await world.alert(log_alert(alert="a2", condition="Resolved"))
        await world.work()
        await world.alert()
        await world.alert(log_alert(alert="a3"))

        totals = await world.app.reports.deliveries()

        assert msgspec.to_builtins(totals) == {
            "received": 5,
            "duplicates": 2,
            "outcomes": {"incident": 1, "ignored": 1, "pending": 1},
            "ignored": {"resolved": 1},
            "unread": {},
        }
        assert totals.add_up
