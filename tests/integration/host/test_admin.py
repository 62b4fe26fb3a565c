"""The admin API."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.host.conftest import Launch
from tests.integration.host.running import RunningHost, eventually


async def ask(host: RunningHost, method: str, path: str, **options: Any) -> tuple[int, Any]:
    """The status and the JSON (or text) of an answer, with the master key."""
    headers = {"x-functions-key": host.keys.master, **options.pop("headers", {})}
    async with host.http.request(method, path, headers=headers, **options) as response:
        text = await response.text()
        return response.status, json.loads(text) if response.content_type == "application/json" else text


class TestHost:
    """What it says about the host."""

    async def test_status(self, host: RunningHost) -> None:
        """The status says that the host runs, and for how long."""
        status, answer = await ask(host, "GET", "/admin/host/status")

        assert (status, answer["state"]) == (200, "Running")
        assert answer["processUptime"] > 0

    async def test_ping_needs_no_key(self, host: RunningHost) -> None:
        """A ping is answered without a key."""
        async with host.http.get("/admin/host/ping") as response:
            assert response.status == 200

    @pytest.mark.parametrize("path", ["/admin/host/status", "/admin/functions", "/ADMIN/functions/work", "/admin/x"])
    async def test_needs_the_master_key(self, host: RunningHost, path: str) -> None:
        """Everything else is 401 without the master key; a function key does not do."""
        async with host.http.get(path, headers={"x-functions-key": host.keys.function}) as response:
            assert response.status == 401

    async def test_system_key(self, host: RunningHost) -> None:
        """The key of the Event Grid webhook can be read, as a deployment script does."""
        answer = await ask(host, "GET", "/admin/host/systemkeys/eventgrid_extension")

        assert answer == (200, {"name": "eventgrid_extension", "value": host.keys.eventgrid_extension})

    async def test_unknown_address(self, host: RunningHost) -> None:
        """What this host does not have is 404."""
        assert (await ask(host, "POST", "/admin/host/restart"))[0] == 404


class TestFunctions:
    """What it says about functions."""

    async def test_list(self, host: RunningHost) -> None:
        """The list has every function with its bindings, and says which is disabled."""
        _, functions = await ask(host, "GET", "/admin/functions")
        by_name = {function["name"]: function for function in functions}

        assert by_name["switched_off"]["isDisabled"] is True
        assert by_name["work"]["isDisabled"] is False
        assert {binding["type"] for binding in by_name["work"]["config"]["bindings"]} == {"queueTrigger", "queue"}

    async def test_one_function(self, host: RunningHost) -> None:
        """One function is found in whatever case; an unknown one is 404."""
        statuses = [(await ask(host, "GET", f"/admin/functions/{name}"))[0] for name in ("work", "WORK", "nobody")]

        assert statuses == [200, 200, 404]

    async def test_error_of_a_function(self, launch: Launch) -> None:
        """A function in error says what is wrong with it: here its schedule's setting is no schedule."""
        own = await launch("tick", "echo", settings={"TICK": "every second"})
        _, answer = await ask(own, "GET", "/admin/functions/tick/status")

        assert answer["errors"][0].startswith("The schedule expression 'every second' was not recognized as a valid")
        assert await ask(own, "GET", "/admin/functions/echo/status") == (200, {})


class TestCallByHand:
    """`POST /admin/functions/{name}`."""

    async def test_queue_function(self, host: RunningHost) -> None:
        """The input is the message, and the call is accepted before it has run."""
        order = {"by hand": str(uuid4())}
        status, _ = await ask(host, "POST", "/admin/functions/work", json={"input": json.dumps(order)})

        assert status == 202
        await host.journal.wait_for("work finished", order=order)

    async def test_timer_function(self, host: RunningHost) -> None:
        """A timer runs whatever its schedule says; the input does not matter."""
        before = len(host.journal.of("tick"))
        assert (await ask(host, "POST", "/admin/functions/tick", json={"input": ""}))[0] == 202

        entry = (await host.journal.wait_for("tick", before + 1))[-1]
        assert entry["past_due"] is False
        assert entry["status"]["Last"] == "0001-01-01T00:00:00"

    async def test_event_grid_function(self, host: RunningHost) -> None:
        """The input is the event's JSON."""
        event = {"id": str(uuid4()), "data": {}, "eventType": "t", "subject": "s", "topic": "t", "dataVersion": "1"}
        assert (await ask(host, "POST", "/admin/functions/on_event", json={"input": json.dumps(event)}))[0] == 202

        await host.journal.wait_for("on_event", id=event["id"])

    async def test_disabled_function_runs(self, host: RunningHost) -> None:
        """A disabled function can be called by hand."""
        before = len(host.journal.of("switched_off"))
        assert (await ask(host, "POST", "/admin/functions/switched_off", json={"input": ""}))[0] == 202

        await host.journal.wait_for("switched_off", before + 1)

    async def test_bad_calls(self, host: RunningHost) -> None:
        """No JSON body is 400, another content type 415, an unknown function 404."""
        work = "/admin/functions/work"
        calls = [
            await ask(host, "POST", work, data="{", headers={"Content-Type": "application/json"}),
            await ask(host, "POST", work, data="{}", headers={"Content-Type": "text/plain"}),
            await ask(host, "POST", "/admin/functions/nobody", json={"input": ""}),
        ]

        assert [status for status, _ in calls] == [400, 415, 404]


class TestDrain:
    """Draining before a scale-in."""

    async def test_drain_and_resume(self, launch: Launch) -> None:
        """A drained host takes no messages, says when it is done, still serves HTTP, and can be resumed."""
        own = await launch("work", "echo")
        await own.queue("host-work").send({"number": 1, "gate": "drain"})
        await own.journal.wait_for("work")
        assert (await ask(own, "GET", "/admin/host/drain/status"))[1]["state"] == "Disabled"

        assert (await ask(own, "POST", "/admin/host/drain"))[0] == 202
        _, draining = await ask(own, "GET", "/admin/host/drain/status")
        assert draining == {"state": "InProgress", "outstandingInvocations": 1, "outstandingRetries": 0}

        assert (await ask(own, "POST", "/admin/host/resume"))[0] == 409

        own.journal.open_gate("drain")
        async with asyncio.timeout(20):
            while (await ask(own, "GET", "/admin/host/drain/status"))[1]["state"] != "Completed":
                await asyncio.sleep(0.01)
        assert await own.queue("host-work").size() == 0
        await own.queue("host-work").send({"number": 2})
        async with own.http.get("/api/echo/x") as response:
            assert response.status == 200
        assert len(own.journal.of("work")) == 1

        assert await ask(own, "POST", "/admin/host/resume") == (200, {"state": "Running"})
        await own.journal.wait_for("work finished", order={"number": 2})


async def test_log_lines_name_function_and_invocation(host: RunningHost) -> None:
    """Lines that the app logs carry the function and the invocation's id, from the loop and from a thread."""
    async with host.http.get("/api/logs") as response:
        invocation = await response.text()
    async with host.http.get("/api/sync"):
        pass

    def logged() -> bool | None:
        log = host.process.log
        return (f"Function.logs.User {invocation} from the loop" in log and "Function.sync.User" in log) or None

    assert await eventually(logged, "the lines")
