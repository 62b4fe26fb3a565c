"""What Event Grid could not deliver: read once, shown beside the other dead letters, replayed to the same intake."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from shared.application.dead_letters import NothingToReplay
from shared.application.letter_views import LetterView
from shared.application.lost_events import LARGEST_FILE, MOST_FILES, LostEvents
from shared.domain.dead_letters import BLOBS, LetterState
from shared.domain.event_readers import REGISTRY_EVENTS, RESOURCE_EVENTS
from shared.domain.notice_kinds import NoticeKind
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import TestApplication
from tests.fakes.fuse import Fused, Killed
from tests.fixtures.events import ANNA, changed, cloud, cured, outcome, pushed

FILE = "CACHEWARDEN-REGISTRY-EVENTS-X/2026/11/24/5/3c0d.json"
SAID = {
    "deadLetterReason": "MaxDeliveryAttemptsExceeded",
    "deliveryAttempts": 30,
    "lastDeliveryOutcome": "NotFound",
    "publishTime": "2026-11-23T08:00:00.1234567Z",
    "lastDeliveryAttemptTime": "2026-11-24T08:00:00.1234567Z",
}


def given_up(event: dict[str, Any]) -> dict[str, Any]:
    """An event with what Event Grid says of it, in its schema's spelling."""
    return event | ({key.lower(): value for key, value in SAID.items()} if "specversion" in event else SAID)


def leave(world: TestApplication, *events: dict[str, Any], name: str = FILE) -> None:
    """Leave events as Event Grid does."""
    world.event_letters.files[name] = msgspec.json.encode([given_up(event) for event in events])


async def look(world: TestApplication) -> list[LetterView]:
    """What `GET /api/dead-letters` shows after one run of the chore."""
    [chore] = [chore for chore in world.app.chores if isinstance(chore, LostEvents)]
    await chore.run()
    return await world.app.dead_letters.listed()


class TestRecording:
    """From the file to the list."""

    @pytest.mark.parametrize("schema", [dict, cloud])
    async def test_an_event_is_shown_told_and_accounted_for(self, schema: Any) -> None:
        """In both schemas; the file is deleted, and looking again finds nothing new."""
        world = TestApplication()
        leave(world, schema(pushed("app")))

        [letter] = await look(world)
        assert await look(world) == [letter]
        await world.work()

        assert (letter.origin, letter.state, letter.deaths) == ("events/registry_events", LetterState.DEAD, 1)
        [failure] = letter.failures
        assert (failure.code, failure.attempt) == ("MaxDeliveryAttemptsExceeded", 30)
        assert "NotFound" in failure.text
        assert failure.at.isoformat() == "2026-11-24T08:00:00.123457+00:00"
        assert world.event_letters.files == {}
        [notice] = world.topic.sent
        assert (notice.kind, notice.reason) == (NoticeKind.DEAD_LETTER_ADDED, "MaxDeliveryAttemptsExceeded")
        totals = await world.app.reports.deliveries()
        assert (totals.outcomes, totals.add_up) == ({"dead-letter": 1}, True)

    async def test_each_event_of_a_file(self) -> None:
        """For the trigger that takes its type, and for none where none does."""
        world = TestApplication()
        vault = pushed("x", eventType="Microsoft.KeyVault.SecretExpired", id="v", data={"Id": "x"})
        leave(world, pushed("app"), changed("nginx-1"), vault, pushed("x", eventType="Microsoft.Storage.BlobCreated"))

        assert {letter.origin for letter in await look(world)} == {
            "events/registry_events",
            "events/resource_events",
            "events/vault_events",
            "events/unknown",
        }

    async def test_personal_data_is_not_kept(self) -> None:
        """Of a change by a person the object id is read, and nothing else is stored; the trigger's own letters too."""
        world = TestApplication()
        event = changed("nginx-1")
        event["data"]["httpRequest"] = {"clientIpAddress": "203.0.113.7"}
        leave(world, event)

        [letter] = await look(world)
        broken = changed("nginx-1", number=2) | {"eventTime": "yesterday"}
        await world.app.events.accept(RESOURCE_EVENTS, broken)

        kept = msgspec.json.encode(await world.app.dead_letters.listed()).decode()
        assert ANNA.replace("-", "") in letter.body
        for secret in ("Anna", "203.0.113.7", "claims/name"):
            assert secret not in kept

    async def test_one_that_was_worked_on_is_no_dead_letter(self) -> None:
        """Its answer came too late for Event Grid, but it came."""
        world = TestApplication()
        world.lineage.bases["app"] = ()
        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        await world.work()
        leave(world, pushed("app"))

        assert await look(world) == []
        assert world.event_letters.files == {}
        assert await outcome(world) == ("ignored", "no_base")

    async def test_a_crash_before_the_file_is_deleted_changes_nothing(self) -> None:
        """The events are recorded again, as the same letters; also when one was replayed meanwhile."""
        world = TestApplication()
        leave(world, pushed("app"), pushed("other"))
        content = dict(world.event_letters.files)
        first = await look(world)
        await world.app.dead_letters.replay(first[0].id)

        world.event_letters.files.update(content)
        again = await look(world)

        assert {letter.id: letter.deaths for letter in again} == {letter.id: 1 for letter in first}
        assert {letter.state for letter in again} == {LetterState.DEAD, LetterState.REPLAYED}

    async def test_what_a_run_has_recorded_costs_the_next_one_little(self) -> None:
        """It is ended in the middle of a large file: the next one goes on there, and tells nobody again."""
        world = TestApplication()
        leave(world, *(pushed(f"app-{number}") for number in range(40)))
        ports = world.ports()
        fused = {name: Fused(name, getattr(ports, name), world.fuse) for name in ("deliveries", "letters", "outbox")}
        app = world.another(ports=msgspec.structs.replace(ports, **fused))
        [chore] = [chore for chore in app.chores if isinstance(chore, LostEvents)]
        world.fuse.blow(150, after=False)
        with pytest.raises(Killed):
            await chore.run()
        recorded = (await world.deliveries.totals()).outcomes["dead-letter"]
        world.fuse.mend()
        world.fuse.calls.clear()

        await chore.run()

        calls = Counter(world.fuse.calls)
        assert 0 < recorded < 40
        assert calls["deliveries.begin"] == 40
        assert calls["deliveries.finish"] == 40 - recorded
        assert len(await world.app.dead_letters.listed()) == 40


class TestReplay:
    """The way back."""

    async def test_it_reaches_the_intake_that_the_trigger_calls(self) -> None:
        """A deletion of our rule is repaired after all, with who it was."""
        world = await cured()
        [name] = world.registries.rules
        world.registries.rules.clear()
        leave(world, changed(name))
        [letter] = await look(world)

        await world.app.dead_letters.replay(letter.id)
        await world.work()

        assert name in world.registries.rules
        [drift] = [notice for notice in world.topic.sent if notice.kind is NoticeKind.INCIDENT_DRIFT]
        assert ANNA in msgspec.json.encode(drift).decode()
        assert (await outcome(world))[0] == "incident"

    async def test_an_event_that_no_trigger_takes_dies_again(self) -> None:
        """Replaying it is possible, and says why it is no use."""
        world = TestApplication()
        leave(world, pushed("x", eventType="Microsoft.Storage.BlobCreated"))
        [letter] = await look(world)

        await world.app.dead_letters.replay(letter.id)
        await world.work()

        [letter] = await world.app.dead_letters.listed()
        assert (letter.state, letter.deaths) == (LetterState.DEAD, 2)
        assert letter.failures[-1].code == "event_unknown"


class TestFiles:
    """Files that are not what Event Grid documents."""

    @pytest.mark.parametrize(
        "content",
        [b"", b"\xff", b"[1]", b'"text"', b"[" * 100_000, b"[" + b" " * LARGEST_FILE + b"]"],
        ids=["empty", "no text", "no events", "no array", "deep", "too large"],
    )
    async def test_one_that_cannot_be_read_is_recorded_by_name_and_left_alone(self, content: bytes) -> None:
        """Once; it stays for people to look at, and its letter can't be replayed."""
        world = TestApplication()
        world.event_letters.files[FILE] = content
        leave(world, pushed("app"), name="Z.json")

        await look(world)
        letters = {letter.origin: letter for letter in await look(world)}

        assert set(letters) == {BLOBS, "events/registry_events"}
        assert letters[BLOBS].body == FILE
        assert letters[BLOBS].failures[0].code == "event_letters_unreadable"
        assert list(world.event_letters.files) == [FILE]
        assert world.event_letters.read_names.count(FILE) == 1
        with pytest.raises(NothingToReplay, match="file"):
            await world.app.dead_letters.replay(letters[BLOBS].id)

    async def test_a_run_reads_so_many_and_the_next_goes_on(self) -> None:
        """Bounded in files, and in bytes."""
        world = TestApplication()
        for number in range(MOST_FILES + 1):
            leave(world, pushed("app", id=f"{number}"), name=f"{number:03}.json")
        assert len(await look(world)) == MOST_FILES
        assert len(await look(world)) == MOST_FILES + 1

        padding = "x" * (LARGEST_FILE - 5000)
        for number in range(3):
            leave(
                world, pushed("large", id=f"large-{number}", data={"target": {}, "x": padding}), name=f"{number}.json"
            )
        await look(world)
        assert sorted(world.event_letters.files) == ["2.json"]

    async def test_a_refusal_about_one_keeps_no_other(self) -> None:
        """The chore fails, with its reason, and the other file was read."""
        world = TestApplication()
        leave(world, pushed("app"), name="a")
        leave(world, pushed("other"), name="b")
        world.event_letters.trouble["delete"] = [PermanentError("may not", code="AuthorizationPermissionMismatch")]

        with pytest.raises(PermanentError, match="may not"):
            await look(world)

        assert list(world.event_letters.files) == ["a"]
        assert len(await world.app.dead_letters.listed()) == 2

    async def test_those_that_may_not_be_deleted_keep_no_other(self) -> None:
        """A hold lies on them, say: they come first in every run, and large ones are as many as a run reads."""
        world = TestApplication()
        padding = "x" * (LARGEST_FILE - 5000)
        for number in range(MOST_FILES):
            leave(world, pushed("held", id=f"{number}", data={"target": {}, "x": padding}), name=f"{number:03}.json")
        leave(world, pushed("app"), name="last.json")
        world.event_letters.trouble["delete"] = [PermanentError("held", code="BlobImmutableDueToPolicy")] * MOST_FILES

        with pytest.raises(PermanentError, match="held"):
            await look(world)

        assert "last.json" not in world.event_letters.files
        assert len(await world.app.dead_letters.listed()) == MOST_FILES + 1

    async def test_trouble_with_the_storage_leaves_the_file(self) -> None:
        """The next run finds it."""
        world = TestApplication()
        leave(world, pushed("app"))
        world.event_letters.trouble["read"] = [TemporaryError("busy")]

        with pytest.raises(TemporaryError):
            await look(world)
        assert len(await look(world)) == 1
