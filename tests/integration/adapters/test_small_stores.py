"""The contract of deliveries, payloads and outbox: it holds for the fakes and for Azure Tables alike."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from shared.application.ports import Changed, Delivery, OutboxRow, Position
from shared.domain.circuits import Circuit
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

    async def test_of_a_channel(self, stores: Stores) -> None:
        """A channel's rows across subjects come page by page, the latest first, and nobody else's."""
        for number, name in enumerate(("a/b", "topic", "a/b", "a/b")):
            about = incident(f"docker.io/library/r{number}")
            at = NOON + timedelta(minutes=number // 3)
            await stores.outbox.add(OutboxRow(about.id, f"n{number}-{name}", name, notice(about), queued_at=at))

        first = [row async for row in stores.outbox.of_channel("a/b", 2)]
        rest = [row async for row in stores.outbox.of_channel("a/b", 2, before=Position(NOON, first[-1].row))]
        assert [row.row for row in (*first, *rest)] == ["n3-a/b", "n2-a/b", "n0-a/b"]

    async def test_nothing(self, stores: Stores) -> None:
        """An unknown row is None, an unknown incident has none."""
        assert await stores.outbox.get("i", "r") is None
        assert [row async for row in stores.outbox.about("i")] == []


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
