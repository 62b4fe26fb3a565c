"""The frame that all emulators run in: TLS, refusals, the exchange log and the faults."""

import asyncio
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest
from aiohttp import web

from sandbox.frame.certificates import ensure_certificates
from sandbox.frame.exchanges import Exchange, ExchangeLog
from sandbox.frame.faults import FaultRule, Faults, Phase
from sandbox.frame.service import Refusal, Service
from tests.fixtures.serving import serving, session_certificates


class Full(Refusal):
    """The counter counts no further."""

    status = 409
    code = "Full"
    text = "{limit} is the limit"


class Counter(Service):
    """A service that counts the requests that reach it."""

    name: ClassVar[str] = "counter"

    def __init__(self) -> None:
        self.count = 0

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """One route of each kind."""
        return [web.post("/count", self._count), web.get("/broken", self._broken), web.get("/full", self._full)]

    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """The counter's error body."""
        return web.json_response({"failed": refusal.code, "why": refusal.message}, status=refusal.status)

    async def _count(self, _request: web.Request) -> web.StreamResponse:
        self.count += 1
        return web.json_response({"count": self.count, "token": "very-secret-token"})

    async def _broken(self, _request: web.Request) -> web.StreamResponse:
        raise KeyError("a bug")

    async def _full(self, _request: web.Request) -> web.StreamResponse:
        raise Full(limit=3, headers={"Retry-After": "7"})


def client() -> aiohttp.ClientSession:
    """A client that trusts the sandbox's authority and nothing else."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=session_certificates().client_context()))


async def call(url: str, method: str = "POST", **options: Any) -> tuple[int, Any]:
    """The status and the JSON body of one request."""
    async with client() as session, session.request(method, url, **options) as response:
        return response.status, await response.json(content_type=None)


class TestServer:
    """Requests on their way to a service and back."""

    async def test_serves_over_tls_on_a_port_of_its_own(self) -> None:
        """Two services listen at once, on different ports, each with a certificate that the authority vouches for."""
        first, second = Counter(), Counter()

        async with serving(first, second):
            answers = [await call(service.base_url + "/count") for service in (first, second)]

        assert [status for status, _ in answers] == [200, 200]
        assert first.base_url != second.base_url
        assert first.base_url.startswith("https://localhost:")

    async def test_lets_the_service_word_its_refusals(self) -> None:
        """A refusal out of a handler is rendered by the service, with the refusal's headers."""
        counter = Counter()

        async with serving(counter), client() as session, session.get(counter.base_url + "/full") as response:
            body = await response.json()

        assert (
            response.status,
            response.headers["Retry-After"],
            body,
        ) == (409, "7", {"failed": "Full", "why": "3 is the limit"})

    @pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("DELETE", "/count")])
    async def test_refuses_operations_that_the_service_does_not_have(self, method: str, path: str) -> None:
        """An unknown path or method is refused in the service's words, not in the web framework's."""
        counter = Counter()

        async with serving(counter):
            status, body = await call(counter.base_url + path, method)

        assert (status, body["failed"]) == (404, "NotFound")

    async def test_raises_a_defect_when_it_ends(self, caplog: pytest.LogCaptureFixture) -> None:
        """A handler's bug is a 500 to the client, is printed, and fails the test that passed over it."""
        counter = Counter()

        with caplog.at_level(logging.ERROR), pytest.RaisesGroup(KeyError):
            async with serving(counter):
                status, _ = await call(counter.base_url + "/broken", "GET")
                assert status == 500

        assert "DEFECT in the sandbox: counter GET /broken" in caplog.text


class TestExchangeLog:
    """What is kept of the exchanges."""

    async def test_keeps_what_was_said_without_what_opens_doors(self, tmp_path: Path) -> None:
        """Headers, bodies and query parameters that open a door are replaced, in memory and in the file."""
        counter, log = Counter(), ExchangeLog(file=tmp_path / "exchanges.jsonl")

        async with serving(counter, exchanges=log):
            await call(
                counter.base_url + "/count?sig=abcdefghijklmnop&$skipToken=0123456789abcdef",
                headers={"Authorization": "Bearer top-secret"},
                json={"password": "hunter2", "nested": [{"note": "dckr_pat_abcDEF"}]},
            )
        log.close()

        (exchange,) = log.exchanges("counter")
        assert json.loads((tmp_path / "exchanges.jsonl").read_text()) == json.loads(log.json_lines())
        assert exchange.request_headers["Authorization"] == "***"
        assert exchange.request_body == {"password": "***", "nested": [{"note": "***"}]}
        assert exchange.response_body == {"count": 1, "token": "***"}
        assert exchange.url.endswith("/count?sig=***redacted***&$skipToken=0123456789abcdef")

    def test_forgets_the_oldest_beyond_its_bound(self) -> None:
        """Memory is bounded by the number of exchanges; what was dropped is counted."""
        log = ExchangeLog(limit=2)

        for number in range(3):
            log.record(_exchange(f"https://localhost:1/{number}"))

        assert [item.url for item in log.exchanges()] == ["https://localhost:1/1", "https://localhost:1/2"]
        assert log.dropped == 1


class TestFaults:
    """Faults on chosen requests."""

    async def test_answers_instead_of_the_service(self) -> None:
        """A status before the service keeps the request from it, and only as often as the rule says."""
        counter, faults = Counter(), Faults()
        faults.add(
            FaultRule(service="counter", path="^/count$", skip=1, times=1, status=503, headers={"Retry-After": "2"})
        )

        async with serving(counter, faults=faults):
            answers = [await call(counter.base_url + "/count") for _ in range(3)]

        assert [status for status, _ in answers] == [200, 503, 200]
        assert answers[1][1] == {"failed": "InjectedFault", "why": "Injected by fault-1."}
        assert counter.count == 2

    async def test_loses_the_answer_after_the_work_is_done(self) -> None:
        """A drop in the phase `after` leaves the client without an answer although the service did its work."""
        counter, faults, log = Counter(), Faults(), ExchangeLog()
        faults.add(FaultRule(phase=Phase.AFTER, drop=True, times=1))

        async with serving(counter, faults=faults, exchanges=log):
            with pytest.raises(aiohttp.ClientError):
                await call(counter.base_url + "/count")

        assert counter.count == 1
        assert [exchange.status for exchange in log.exchanges()] == [200]

    async def test_holds_until_released(self) -> None:
        """A held request has not reached the service, can be waited for, and goes on after the release."""
        counter, faults = Counter(), Faults()
        fault = faults.add(FaultRule(hold=True))

        async with serving(counter, faults=faults), asyncio.TaskGroup() as tasks:
            request = tasks.create_task(call(counter.base_url + "/count"))
            (held,) = await fault.wait_until_held()
            assert (held.service, held.method, held.path, counter.count) == ("counter", "POST", "/count", 0)
            fault.release()
            assert (await request)[0] == 200

        assert counter.count == 1

    async def test_does_not_work_for_a_client_that_died_while_held(self) -> None:
        """The request of a client that is gone by the release never reaches the service."""
        counter, faults = Counter(), Faults()
        fault = faults.add(FaultRule(hold=True, times=1))

        async with serving(counter, faults=faults):
            request = asyncio.create_task(call(counter.base_url + "/count"))
            await fault.wait_until_held()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            await call(counter.base_url + "/count")  # by its end the server has seen the first connection close
            fault.release()
            status, _ = await call(counter.base_url + "/count")

        assert (status, counter.count) == (200, 2)

    @pytest.mark.parametrize(
        "rule",
        [{}, {"path": "["}, {"hold": True, "drop": True}, {"drop": True, "body": "x"}],
        ids=["no effect", "bad regex", "two effects", "body without status"],
    )
    def test_refuses_rules_that_make_no_sense(self, rule: dict[str, Any]) -> None:
        """A rule that does nothing, two things, or names no regular expression is an error where it is written."""
        with pytest.raises(ValueError, match=r"fault|path|only|headers"):
            FaultRule(**rule)


class TestCertificates:
    """The sandbox's own authority."""

    def test_reuses_what_is_there_and_replaces_what_is_damaged(self, tmp_path: Path) -> None:
        """A second call changes nothing; a damaged file is made anew; the key is the owner's alone."""
        first = ensure_certificates(tmp_path)
        kept = first.server.read_bytes()
        assert kept == ensure_certificates(tmp_path).server.read_bytes()
        assert first.server.stat().st_mode & 0o777 == 0o600

        first.ca.write_bytes(session_certificates().ca.read_bytes())

        assert kept != ensure_certificates(tmp_path).server.read_bytes()


def _exchange(url: str) -> Exchange:
    return Exchange(
        service="counter",
        method="GET",
        url=url,
        request_headers={},
        request_body=None,
        status=200,
        response_headers={},
        response_body=None,
    )
