"""The contract of deliveries, payloads and outbox: it holds for the fakes and for Azure Tables alike."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from shared.application.delivery_ports import MOST_INTENDED, Delivery
from shared.application.outbox_ports import Outbox, OutboxQuestion, OutboxRow, RowState
from shared.application.ports import Changed
from shared.domain.circuits import Circuit
from shared.domain.notice_kinds import NoticeKind
from shared.domain.storms import HeldNotice, Window
from tests.integration.adapters.builders import NOON, incident, notice
from tests.integration.adapters.support import Stores


class TestDeliveries:
    """The same delivery twice is one."""

    async def test_a_new_one(self, stores: Stores) -> None:
        """A delivery that was never seen is recorded with the time of its arrival."""
        assert Delivery("d1", NOON) == await stores.deliveries.begin("d1", NOON)

    async def test_again(self, stores: Stores) -> None:
        """The same delivery later keeps its first time."""
        await stores.deliveries.begin("d1", NOON)

        assert Delivery("d1", NOON) == await stores.deliveries.begin("d1", NOON + timedelta(hours=1))
        assert Delivery("d2", NOON) == await stores.deliveries.begin("d2", NOON)

    async def test_many_at_once(self, stores: Stores) -> None:
        """Ten at once are one record."""
        times = [NOON + timedelta(seconds=number) for number in range(10)]

        begun = await asyncio.gather(*(stores.deliveries.begin("d1", at) for at in times))
        assert len(set(begun)) == 1

    async def test_its_outcome(self, stores: Stores) -> None:
        """A finished delivery says what came of it."""
        await stores.deliveries.begin("d1", NOON)
        await stores.deliveries.finish("d1", "ignored", "resolved")

        assert Delivery("d1", NOON, "ignored", "resolved") == await stores.deliveries.begin("d1", NOON)

    async def test_what_is_done_keeps_its_outcome(self, stores: Stores) -> None:
        """Two workers were at it; only a dead letter may end otherwise, since it may be replayed."""
        await stores.deliveries.begin("d1", NOON)
        await stores.deliveries.finish("d1", "dead-letter", "l1")
        await stores.deliveries.finish("d1", "incident", "i1")
        for late in ("dead-letter", "ignored", "failed"):
            await stores.deliveries.finish("d1", late, "late")

        assert Delivery("d1", NOON, "incident", "i1") == await stores.deliveries.begin("d1", NOON)
        totals = await stores.deliveries.totals()
        assert (totals.outcomes, totals.add_up) == ({"incident": 1}, True)

    async def test_one_of_many_wrote_the_outcome(self, stores: Stores) -> None:
        """And knows it, so that it is counted once; a letter that is dead again is no news."""
        await stores.deliveries.begin("d1", NOON)
        assert [await stores.deliveries.finish("d1", "dead-letter", "l1") for _ in range(2)] == [True, False]

        written = await asyncio.gather(*(stores.deliveries.finish("d1", "incident", f"i{n}") for n in range(5)))
        assert sorted(written) == [False, False, False, False, True]

    async def test_what_is_intended_is_kept(self, stores: Stores) -> None:
        """Once each, in order, beside the outcome; of a thousand enough to be named."""
        await stores.deliveries.begin("d1", NOON)
        await asyncio.gather(*(stores.deliveries.intend("d1", [f"i{number}"]) for number in (1, 2, 1)))
        await stores.deliveries.finish("d1", "incident", "i1, i2")

        kept = await stores.deliveries.begin("d1", NOON)
        assert (sorted(kept.intended), kept.outcome, kept.received_at) == (["i1", "i2"], "incident", NOON)
        await stores.deliveries.intend("d2", [f"i{number}" for number in range(1000)])
        assert len((await stores.deliveries.begin("d2", NOON)).intended) == MOST_INTENDED

    async def test_an_outcome_without_a_beginning(self, stores: Stores) -> None:
        """The outcome of a delivery whose record was cleaned away is kept all the same."""
        await stores.deliveries.finish("d1", "incident", "3 images")

        found = await stores.deliveries.begin("d1", NOON)
        assert (found.outcome, found.summary) == ("incident", "3 images")


class TestPayloads:
    """Payloads are kept byte for byte."""

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 262_144, 768_000])
    async def test_sizes(self, stores: Stores, size: int) -> None:
        """Every size up to the largest comes back as it was."""
        body = bytes(number % 251 for number in range(size))
        await stores.payloads.put("p1", body)

        assert body == await stores.payloads.get("p1")

    async def test_a_replacement(self, stores: Stores) -> None:
        """A shorter payload under the same key leaves nothing of the longer one."""
        await stores.payloads.put("p1", b"x" * 200_000)
        await stores.payloads.put("p1", b"y")

        assert await stores.payloads.get("p1") == b"y"

    async def test_gone(self, stores: Stores) -> None:
        """A deleted payload, and one that never was, is None; deleting it again is no error."""
        await stores.payloads.delete("p1")
        await stores.payloads.put("p1", b"x")
        await stores.payloads.delete("p1")
        await stores.payloads.delete("p1")

        assert await stores.payloads.get("p1") is None


class TestOutbox:
    """Notices wait for their channel, each once."""

    async def test_added_once(self, stores: Stores) -> None:
        """A row that is there stays as it is."""
        row = OutboxRow(incident().id, "n1-topic", "topic", notice(incident()))
        await stores.outbox.add(row)
        await stores.outbox.add(msgspec.structs.replace(row, attempts=7))

        found = await stores.outbox.get(row.subject, row.row)
        assert found is not None
        assert row == found.value

    async def test_replaced(self, stores: Stores) -> None:
        """A sent row says when, and who read it before can't overwrite that."""
        row = OutboxRow(incident().id, "n1-topic", "topic", notice(incident()))
        await stores.outbox.add(row)
        read = await stores.outbox.get(row.subject, row.row)
        assert read is not None
        sent = msgspec.structs.replace(row, sent_at=NOON, attempts=1)
        await stores.outbox.replace(read, sent)

        with pytest.raises(Changed):
            await stores.outbox.replace(read, row)
        assert [sent] == [found async for found in stores.outbox.about(row.subject)]

    async def test_of_an_incident(self, stores: Stores) -> None:
        """An incident's rows are its own, and a channel's name may hold any character."""
        rows = [
            OutboxRow(incident().id, f"n1-{name}", name, notice(incident())) for name in ("topic", "a/b#c?d\\e", "ü")
        ]
        for row in rows:
            await stores.outbox.add(row)
        other = incident("docker.io/library/redis")
        await stores.outbox.add(OutboxRow(other.id, "n1-topic", "topic", notice(other)))

        found = [row async for row in stores.outbox.about(incident().id)]
        assert sorted(rows, key=lambda row: row.row) == sorted(found, key=lambda row: row.row)

    async def test_nothing(self, stores: Stores) -> None:
        """An unknown row is None, an unknown incident has none."""
        assert await stores.outbox.get("i", "r") is None
        assert [row async for row in stores.outbox.about("i")] == []


class TestOutboxList:
    """What is asked about all notices."""

    ROWS = tuple(
        OutboxRow(
            f"incidents/{number % 2}",
            f"n{number}-{channel}",
            channel,
            notice(incident()),
            queued_at=NOON + timedelta(seconds=number),
            sent_at=NOON if number % 3 == 0 else None,
            error="refused" if number == 4 else None,
        )
        for number, channel in enumerate(["topic", "it's/a#b?", "topic", "topic", "it's/a#b?"])
    )

    async def filled(self, stores: Stores) -> Outbox:
        """An outbox with the rows, in another order."""
        for row in sorted(self.ROWS, key=lambda row: row.row[::-1]):
            await stores.outbox.add(row)
        return stores.outbox

    @pytest.mark.parametrize(
        ("question", "numbers"),
        [
            (OutboxQuestion(), [4, 3, 2, 1, 0]),
            (OutboxQuestion(subject="incidents/1"), [3, 1]),
            (OutboxQuestion(channel="it's/a#b?"), [4, 1]),
            (OutboxQuestion(state=RowState.SENT), [3, 0]),
            (OutboxQuestion(state=RowState.LOST), [4]),
            (OutboxQuestion(state=RowState.WAITING, channel="topic"), [2]),
            (OutboxQuestion(kind=NoticeKind.INCIDENT_VERIFIED, subject="incidents/0"), [4, 2, 0]),
            (OutboxQuestion(kind=NoticeKind.DIGEST_DAILY), []),
        ],
    )
    async def test_what_a_question_selects(self, stores: Stores, question: OutboxQuestion, numbers: list[int]) -> None:
        """The newest first; names may hold any character."""
        outbox = await self.filled(stores)

        found = [row async for row in outbox.newest(question, 10, behind=None)]
        assert found == [self.ROWS[number] for number in numbers]

    async def test_from_a_mark_on(self, stores: Stores) -> None:
        """A row's mark leads to the rows behind it."""
        outbox = await self.filled(stores)
        first = [row async for row in outbox.newest(OutboxQuestion(), 2, behind=None)]
        rest = [row async for row in outbox.newest(OutboxQuestion(), 9, behind=first[-1].mark)]

        assert [*first, *rest] == list(reversed(self.ROWS))

    async def test_a_state_that_changes(self, stores: Stores) -> None:
        """What is sent is no longer found as waiting, and the counts follow."""
        outbox = await self.filled(stores)
        read = await outbox.get(self.ROWS[2].subject, self.ROWS[2].row)
        assert read is not None
        assert (await outbox.counts())["topic"] == {RowState.SENT: 2, RowState.WAITING: 1}
        await outbox.replace(read, msgspec.structs.replace(read.value, sent_at=NOON))

        waiting = OutboxQuestion(state=RowState.WAITING, channel="topic")
        assert [row async for row in outbox.newest(waiting, 9, behind=None)] == []
        assert await outbox.counts() == {
            "topic": {RowState.SENT: 3},
            "it's/a#b?": {RowState.WAITING: 1, RowState.LOST: 1},
        }

    async def test_an_empty_one(self, stores: Stores) -> None:
        """There is no table yet."""
        assert [row async for row in stores.outbox.newest(OutboxQuestion(), 9, behind=None)] == []
        assert await stores.outbox.counts() == {}


class TestChannelStates:
    """What is remembered about a channel, under its ETag."""

    async def test_nothing_is_known_at_first(self, stores: Stores) -> None:
        """Which is good news."""
        assert await stores.channel_states.circuit("oncall") is None
        assert await stores.channel_states.window("oncall") is None

    async def test_kept(self, stores: Stores) -> None:
        """Both come back as they were, and don't get into each other's way."""
        circuit = Circuit(3, NOON, "receiver_unavailable: 503")
        window = Window(NOON, 10, (HeldNotice("incidents/a#b?c", "r"),), 5)
        await stores.channel_states.save_circuit("on/call", None, circuit)
        await stores.channel_states.save_window("on/call", None, window)

        kept = (await stores.channel_states.circuit("on/call"), await stores.channel_states.window("on/call"))
        assert [stored and stored.value for stored in kept] == [circuit, window]
        assert await stores.channel_states.circuit("other") is None

    async def test_only_one_of_two_writers(self, stores: Stores) -> None:
        """The second of two that read the same state has to read again."""
        states = stores.channel_states
        await states.save_circuit("oncall", None, Circuit(1))
        with pytest.raises(Changed):
            await states.save_circuit("oncall", None, Circuit(2))
        read = await states.circuit("oncall")
        await states.save_circuit("oncall", read, Circuit(2))
        with pytest.raises(Changed):
            await states.save_circuit("oncall", read, Circuit(3))
        await states.save_window("oncall", None, Window(NOON))
        with pytest.raises(Changed):
            await states.save_window("oncall", None, Window(NOON))
