"""Queue triggers and queue outputs against Azurite."""

import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

from tests.integration.host.conftest import Launch
from tests.integration.host.running import Queue, RunningHost, eventually


def order(**more: object) -> dict[str, object]:
    """A message for the function `work` that no other test sends."""
    return {"test": str(uuid4()), **more}


class TestTrigger:
    """A message reaches its function."""

    async def test_message_and_metadata(self, host: RunningHost) -> None:
        """The function sees the body, the id, the receipt and the times of the message."""
        wanted = order()
        message_id = await host.queue("host-work").send(wanted)

        (entry,) = await host.journal.wait_for("work", order=wanted)
        assert (entry["id"], entry["dequeue_count"], entry["has_receipt"]) == (message_id, 1, True)
        inserted, expires, hidden = (datetime.fromisoformat(entry[k]) for k in ("inserted", "expires", "next_visible"))
        assert expires - inserted == timedelta(days=7)
        assert timedelta(minutes=9) < hidden - inserted <= timedelta(minutes=11)

    async def test_success_deletes(self, host: RunningHost) -> None:
        """A message whose function succeeds is gone from the queue."""
        wanted = order()
        await host.queue("host-work").send(wanted)

        await host.journal.wait_for("work finished", order=wanted)
        await host.queue("host-work").wait_for_size(0)

    async def test_binary_body(self, host: RunningHost) -> None:
        """A function that asks for bytes gets them, UTF-8 or not."""
        await host.queue("host-binary").send(b"\xff\x00\xfe")

        await host.journal.wait_for("binary", body="ff00fe")

    async def test_queue_that_does_not_exist_yet(self, launch: Launch) -> None:
        """The host waits for its queue, which it does not make itself."""
        own = await launch("work")
        assert await own.queue("host-work").size() == 0

        await own.queue("host-work").send(order())
        await own.journal.wait_for("work finished")

    async def test_no_more_than_batch_and_threshold_at_once(self, launch: Launch, storage_account: str) -> None:
        """With batchSize 4 and newBatchThreshold 2, six messages at most are in work; each runs once."""
        before = Queue(storage_account, "host-work")
        for number in range(12):
            await before.send({"number": number, "gate": f"gate-{number}"})
        await before.close()
        own = await launch("work", "binary")
        first = await own.journal.wait_for("work", 4)
        await self.another_queue_served(own)
        assert len(own.journal.of("work")) == 4, "four in work are above the threshold, so there is no second batch"

        for entry in first[:2]:
            own.journal.open_gate(entry["order"]["gate"])
        await own.journal.wait_for("work", 8)
        await self.another_queue_served(own)
        assert len(own.journal.of("work")) == 8, "two in work leave room for one batch, not for two"

        for number in range(12):
            own.journal.open_gate(f"gate-{number}")
        finished = await own.journal.wait_for("work finished", 12)
        assert sorted(entry["order"]["number"] for entry in finished) == list(range(12))

    async def another_queue_served(self, host: RunningHost) -> None:
        """Wait until the host has received and completed messages of another queue, one after the other."""
        for _ in range(3):
            body = uuid4().bytes
            await host.queue("host-binary").send(body)
            await host.journal.wait_for("binary", body=body.hex())


class TestFailure:
    """A message that can't be processed."""

    async def test_retries_then_poison(self, launch: Launch) -> None:
        """After maxDequeueCount failures, visibilityTimeout apart, the message is in the poison queue as it was."""
        own = await launch("work")
        await own.queue("host-work").send({"fail": True})

        poison = own.queue("host-work-poison")
        await poison.wait_for_size(1)
        assert [entry["dequeue_count"] for entry in own.journal.of("work")] == [1, 2, 3]
        assert await poison.bodies() == ['{"fail": true}']
        await own.queue("host-work").wait_for_size(0)

    async def test_undecodable_message(self, host: RunningHost) -> None:
        """A message that is not base64 goes to the poison queue at once and unchanged; the function never runs."""
        text = f"plain text {uuid4()}"
        await host.queue("host-work").send(text.encode(), raw=True)

        poison = host.queue("host-work-poison")
        await poison.wait_for_size(1)
        assert await poison.texts() == [text]

    async def test_plain_text_encoding(self, launch: Launch) -> None:
        """With messageEncoding none the text is the body, in and out."""
        own = await launch("work", settings={"AzureFunctionsJobHost__extensions__queues__messageEncoding": "none"})
        await own.queue("host-work").send({"send": "plain"}, raw=True)

        await own.queue("host-done").wait_for_size(1)
        assert await own.queue("host-done").texts() == ["plain"]

    async def test_poison_queue_has_no_poison_queue(self, host: RunningHost) -> None:
        """A failed message in a queue named …-poison stays there, invisible, and is not tried again."""
        queue = host.queue("host-sad-poison")
        message_id = await queue.send({})
        await host.journal.wait_for("sad", id=message_id)

        wanted = order()
        await host.queue("host-work").send(wanted)
        await host.journal.wait_for("work finished", order=wanted)
        assert len(host.journal.of("sad", id=message_id)) == 1
        assert (await queue.size(), await queue.texts()) == (1, [])
        assert await host.queue("host-sad-poison-poison").size() == 0

    async def test_timeout_is_a_failure(self, launch: Launch) -> None:
        """A function that exceeds functionTimeout leaves its message to be tried again."""
        own = await launch("work", settings={"AzureFunctionsJobHost__functionTimeout": "00:00:01"})
        await own.queue("host-work").send({"gate": "never"})

        entries = await own.journal.wait_for("work", 2)
        assert [entry["dequeue_count"] for entry in entries[:2]] == [1, 2]


class TestInvisibility:
    """A message in work is hidden from everybody else for as long as the work takes."""

    async def test_renewed_while_the_function_runs(self, launch: Launch) -> None:
        """A function that outlives the invisibility is not run a second time, and its message is deleted."""
        own = await launch("work", options=["--invisibility", "2"])
        queue = own.queue("host-work")
        await queue.send({"gate": "long"})
        await own.journal.wait_for("work")
        await asyncio.sleep(3.2)  # longer than the invisibility: nothing else can show that it was renewed

        own.journal.open_gate("long")
        await queue.wait_for_size(0)
        assert [entry["dequeue_count"] for entry in own.journal.of("work")] == [1]


class TestOutput:
    """What functions put into queues."""

    async def test_list_is_one_message_each(self, host: RunningHost) -> None:
        """A list is sent as one message an element."""
        tag = str(uuid4())
        async with host.http.post(f"/api/send/3?tag={tag}") as response:
            assert response.status == 202

        for number in range(3):
            await host.journal.wait_for("work finished", order={"number": number, "tag": tag})

    async def test_failed_output_fails_the_function(self, host: RunningHost) -> None:
        """When an output can't be sent (it is too big), the invocation fails and its message is tried again."""
        wanted = order(too_big=True)
        await host.queue("host-work").send(wanted)

        entries = await host.journal.wait_for("work", 2, order=wanted)
        assert [entry["dequeue_count"] for entry in entries[:2]] == [1, 2]
        assert "Error while handling parameter done after function returned" in host.process.log


class TestCrash:
    """Nothing is lost and nothing is forgotten."""

    async def test_kill_loses_nothing(self, launch: Launch) -> None:
        """After kill -9 in the middle of the work, another host takes every message up again."""
        first = await launch("work", options=["--invisibility", "2"])
        queue = first.queue("host-work")
        for number in range(6):
            await queue.send({"number": number, "gate": "crash"})
        await first.journal.wait_for("work", 4)
        await first.process.kill()
        first.journal.open_gate("crash")

        second = await launch("work", options=["--invisibility", "2"], state="second")
        await queue.wait_for_size(0)
        finished = {entry["order"]["number"] for entry in second.journal.of("work finished")}
        assert finished == set(range(6))

    async def test_several_hosts_share_a_queue(self, launch: Launch) -> None:
        """Two hosts on one queue run each message once between them, and both have a share."""
        hosts = [await launch("work", state=name) for name in ("one", "two")]
        queue = hosts[0].queue("host-work")
        for number in range(8):
            await queue.send({"number": number, "gate": "both"})
        journal = hosts[0].journal
        await journal.wait_for("work", 8)
        journal.open_gate("both")

        await queue.wait_for_size(0)
        assert sorted(entry["order"]["number"] for entry in journal.of("work finished")) == list(range(8))
        assert all("Executed 'Functions.work' (Succeeded" in host.process.log for host in hosts)


class TestStorageOutage:
    """The storage account can't be reached for a while."""

    async def test_unreachable_storage(self, launch: Launch) -> None:
        """A host whose storage can't be reached starts, says so, and keeps trying."""
        nowhere = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:9/a;"
        own = await launch("work", settings={"AzureWebJobsStorage": nowhere})

        def twice() -> bool | None:
            return own.process.log.count("Queue 'host-work' is out of reach") >= 2 or None

        assert await eventually(twice, "two attempts")


async def test_connection_that_does_not_exist(launch: Launch) -> None:
    """A function whose connection no setting defines is in error; the host runs without it."""
    own = await launch("work", "echo", settings={"AzureWebJobsStorage": ""})

    assert (
        "The 'work' function is in error: Storage account connection string 'AzureWebJobsStorage' does not exist"
        in (own.process.log)
    )
    async with own.http.get("/api/echo/x") as response:
        assert response.status == 200
