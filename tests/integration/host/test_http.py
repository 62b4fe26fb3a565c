"""HTTP functions of a real app, through a real port."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.integration.host.conftest import Launch
from tests.integration.host.running import RunningHost


class TestRequest:
    """What a function sees of a request."""

    async def test_route_values(self, host: RunningHost) -> None:
        """A template's parameters arrive as texts; `%2F` stays encoded, everything else is decoded."""
        async with host.http.get("/api/echo/a%2Fb%20c/7") as response:
            echo = await response.json()

        assert echo["route"] == {"name": "a%2Fb c", "number": "7"}

    async def test_optional_route_value_is_left_out(self, host: RunningHost) -> None:
        """An optional parameter that is not in the path does not exist for the function."""
        async with host.http.get("/api/echo/someone") as response:
            assert (await response.json())["route"] == {"name": "someone"}

    @pytest.mark.parametrize("path", ["/API/Echo/x/1", "/api/echo/x/1/"])
    async def test_path_is_matched_loosely(self, host: RunningHost, path: str) -> None:
        """Case and one slash at the end do not matter."""
        async with host.http.get(path) as response:
            assert response.status == 200

    async def test_query_and_headers(self, host: RunningHost) -> None:
        """Repeated query values are joined with a comma, empty ones dropped, header names are lower-case."""
        async with host.http.get("/api/echo/x?a=1&a=2&empty=", headers={"X-Test": "t"}) as response:
            echo = await response.json()

        assert echo["query"] == {"a": "1,2"}
        assert echo["headers"]["x-test"] == "t"

    async def test_binary_body(self, host: RunningHost) -> None:
        """A body of bytes arrives unchanged."""
        body = bytes(range(256)) * 1000
        async with host.http.post("/api/echo/x", data=body) as response:
            echo = await response.json()

        assert echo["size"] == len(body)

    async def test_chunked_body_does_not_arrive(self, host: RunningHost) -> None:
        """A body without Content-Length is dropped, as by the real host."""

        async def chunks() -> AsyncIterator[bytes]:
            yield b"some"
            yield b"thing"

        async with host.http.post("/api/echo/x", data=chunks()) as response:
            assert (await response.json())["size"] == 0

    async def test_trace_is_continued(self, host: RunningHost) -> None:
        """The function's trace context belongs to the caller's trace and is a span of its own."""
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        async with host.http.get("/api/echo/x", headers={"traceparent": parent}) as response:
            trace = (await response.json())["trace"]

        assert trace.split("-")[1] == parent.split("-")[1]
        assert trace.split("-")[2] != parent.split("-")[2]
        assert trace.endswith("-01")

    async def test_trace_state_goes_with_its_trace(self, host: RunningHost) -> None:
        """What the caller's tracing system says is passed on; without a valid trace it is dropped."""
        parent, seen = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", []
        for text in (parent, "00-00000000000000000000000000000000-b7ad6b7169203331-01"):
            headers = {"traceparent": text, "tracestate": "vendor=1"}
            async with host.http.get("/api/echo/x", headers=headers) as response:
                answer = await response.json()
                seen.append((answer["trace"].split("-")[1] == text.split("-")[1], answer["trace_state"]))

        assert seen == [(True, "vendor=1"), (False, "")]

    async def test_body_over_the_limit(self, host: RunningHost) -> None:
        """A body over FUNCTIONS_REQUEST_BODY_SIZE_LIMIT is refused with 413."""
        async with host.http.post("/api/echo/x", data=b"x" * 1_000_001) as response:
            assert response.status == 413


class TestResponse:
    """What becomes of a function's return value."""

    async def test_status_headers_cookies_and_body(self, host: RunningHost) -> None:
        """A `func.HttpResponse` arrives as it is, each cookie in a header of its own."""
        async with host.http.get("/api/created") as response:
            assert response.status == 201
            assert response.headers["X-Made-By"] == "created"
            assert response.headers["Content-Type"] == "application/octet-stream"
            assert response.headers.getall("Set-Cookie") == [
                "one=1; max-age=60; path=/; httponly",
                "two=2; secure; samesite=Lax",
            ]
            assert await response.read() == b"\x00\xff"

    async def test_failure_is_an_empty_500(self, host: RunningHost) -> None:
        """A function that raises answers 500, and its error text does not leave the host."""
        async with host.http.get("/api/raises") as response:
            assert (response.status, await response.read()) == (500, b"")

    async def test_returning_nothing_is_a_failure(self, host: RunningHost) -> None:
        """A function that returns None answers 500: the worker can't convert it."""
        async with host.http.get("/api/nothing") as response:
            assert response.status == 500

    async def test_plain_text(self, host: RunningHost) -> None:
        """A returned str that describes no response is the body."""
        async with host.http.post("/api/text", data=b'{"a": 1}') as response:
            assert (response.status, await response.text()) == (200, '{"a": 1}')

    async def test_text_that_looks_like_a_response(self, host: RunningHost) -> None:
        """A returned str that is a JSON object with a `body` is taken for a description of the response."""
        described = {"Body": "short", "statusCode": 418, "headers": {"X-Pot": "tea"}}
        async with host.http.post("/api/text", data=json.dumps(described)) as response:
            assert response.status == 418
            assert response.headers["X-Pot"] == "tea"
            assert await response.text() == "short"


class TestRouting:
    """Which function a request goes to."""

    @pytest.mark.parametrize("path", ["/api/unknown", "/echo/x", "/api/echo/x/word", "/api/echo/x/1/2", "/runtime/x"])
    async def test_no_route(self, host: RunningHost, path: str) -> None:
        """A path that no template takes, prefix and constraints included, is 404."""
        async with host.http.get(path) as response:
            assert response.status == 404

    async def test_method_not_listed(self, host: RunningHost) -> None:
        """A method that the function does not list is 404, not 405."""
        async with host.http.delete("/api/echo/x") as response:
            assert response.status == 404

    async def test_first_by_name_wins(self, host: RunningHost) -> None:
        """Of two templates that match, the one whose function comes first by name wins, literal or not."""
        async with host.http.get("/api/order/exact") as response:
            assert await response.text() == "a"

    async def test_disabled(self, host: RunningHost) -> None:
        """A disabled function is 404 for everybody but the holder of the master key."""
        async with host.http.get("/api/switched-off") as response:
            assert response.status == 404
        async with host.http.get("/api/switched-off", headers={"x-functions-key": host.keys.master}) as response:
            assert (response.status, await response.text()) == (200, "on")

    async def test_prefix_from_a_setting(self, launch: Launch) -> None:
        """An empty route prefix, given by a setting over host.json, puts the routes at the root."""
        own = await launch("echo", settings={"AzureFunctionsJobHost__extensions__http__routePrefix": ""})
        async with own.http.get("/echo/x") as response:
            assert response.status == 200


class TestKeys:
    """Who may call what."""

    async def status(self, host: RunningHost, path: str, key: str | None) -> int:
        """The status for a call with that key in the header."""
        async with host.http.get(path, headers={"x-functions-key": key} if key else {}) as response:
            return response.status

    async def test_function_level(self, host: RunningHost) -> None:
        """A function key or the master key opens a function; no key, a wrong one or a system key does not."""
        path, keys = "/api/keys/function", host.keys
        given = [None, "wrong", keys.eventgrid_extension, keys.function, keys.master]

        assert [await self.status(host, path, key) for key in given] == [401, 401, 401, 200, 200]

    async def test_admin_level(self, host: RunningHost) -> None:
        """Only the master key opens a function of level admin."""
        given = [None, host.keys.function, host.keys.master]

        assert [await self.status(host, "/api/keys/admin", key) for key in given] == [401, 401, 200]

    async def test_anonymous_ignores_keys(self, host: RunningHost) -> None:
        """A wrong key does not close an anonymous function."""
        assert await self.status(host, "/api/echo/x", "wrong") == 200

    async def test_key_in_query(self, host: RunningHost) -> None:
        """`?code=` does for the header, but a header wins even when it is wrong."""
        path = f"/api/keys/function?code={host.keys.function}"

        assert [await self.status(host, path, None), await self.status(host, path, "wrong")] == [200, 401]

    async def test_without_authentication(self, launch: Launch) -> None:
        """With --no-auth every call is admin, as with a plain func start."""
        own = await launch("key_admin", options=["--no-auth"])

        assert await self.status(own, "/api/keys/admin", None) == 200


class TestConcurrency:
    """Calls at the same time."""

    async def test_sync_functions_run_in_threads(self, host: RunningHost) -> None:
        """Four sync functions that block for a while do not wait for each other: more than one thread answers."""

        async def call() -> str:
            async with host.http.get("/api/sync") as response:
                return await response.text()

        async with asyncio.TaskGroup() as group:
            blocked = [group.create_task(self.sleep(host)) for _ in range(2)]
            names = await asyncio.gather(*(call() for _ in range(2)))
            assert not any(task.done() for task in blocked)

        assert all("ThreadPoolExecutor" in name for name in names)

    async def sleep(self, host: RunningHost) -> None:
        """Block one thread of the host's pool for a second."""
        async with host.http.get("/api/sleep/1") as response:
            assert await response.text() == "slept"

    async def test_outstanding_requests_are_limited(self, launch: Launch) -> None:
        """Over maxOutstandingRequests a call is 429 at once, and the others go on."""
        own = await launch("gate", settings={"AzureFunctionsJobHost__extensions__http__maxOutstandingRequests": "1"})
        first = asyncio.ensure_future(own.http.get("/api/gate/one"))
        await own.journal.wait_for("gate")

        async with own.http.get("/api/gate/one") as second:
            assert second.status == 429
        own.journal.open_gate("one")
        async with await first as response:
            assert response.status == 200

    async def test_function_timeout(self, launch: Launch) -> None:
        """A function that runs longer than functionTimeout is cut off with 500."""
        own = await launch("gate", settings={"AzureFunctionsJobHost__functionTimeout": "00:00:01"})
        async with own.http.get("/api/gate/never") as response:
            assert response.status == 500

        assert "Timeout value of 0:00:01 was exceeded by function: Functions.gate" in own.process.log
