"""The emulated query API, asked with azure-monitor-query over TLS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsBatchQuery, LogsQueryError, LogsQueryPartialResult, LogsQueryResult
from azure.monitor.query.aio import LogsQueryClient

from sandbox.arm.access import AccessControl
from sandbox.arm.roles import LOG_ANALYTICS_READER
from sandbox.identity.tokens import TokenAuthority
from sandbox.logs.handlers import LogsService
from sandbox.logs.models import QUERIES_PER_WINDOW, LogAnalytics, Workspace
from sandbox.logs.values import RowError
from tests.fixtures.credentials import StaticCredential
from tests.fixtures.serving import serving, session_certificates

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
WORKSPACE = "11111111-1111-1111-1111-111111111111"
WORKSPACE_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/contoso-logs"
READER = "reader-object-id"
CLUSTER = "/subscriptions/s/resourceGroups/RG/providers/Microsoft.ContainerService/managedClusters/prod"


class Logs:
    """A workspace behind the query API, its clock, and clients for it."""

    def __init__(self) -> None:
        self.now = NOW
        self.tokens = TokenAuthority(clock=lambda: self.now)
        self.access = AccessControl(clock=lambda: self.now)
        self.access.grant(READER, LOG_ANALYTICS_READER, WORKSPACE_ID)
        self.model = LogAnalytics(clock=lambda: self.now)
        self.workspace: Workspace = self.model.add(WORKSPACE, WORKSPACE_ID)
        self.service = LogsService(self.model, self.tokens, self.access, clock=lambda: self.now)

    def token(self, principal: str = READER, audience: str = "https://api.loganalytics.io") -> str:
        """A bearer token of the principal."""
        return self.tokens.issue(audience=audience, principal_id=principal, client_id="client")

    @asynccontextmanager
    async def client(self, token: str | None = None) -> AsyncIterator[LogsQueryClient]:
        """The SDK's client, as the product builds it."""
        client = LogsQueryClient(
            StaticCredential(token or self.token()),
            endpoint=self.service.base_url,
            audience="https://api.loganalytics.io",
            connection_verify=str(session_certificates().ca),
            retry_total=0,
        )
        async with client:
            yield client

    async def ask(self, query: str, *, token: str | None = None, **options: Any) -> Any:
        """The SDK's answer to one query."""
        options.setdefault("timespan", None)
        async with self.client(token) as client:
            return await client.query_workspace(WORKSPACE, query, **options)


@pytest.fixture
async def logs() -> AsyncIterator[Logs]:
    """A served workspace without rows."""
    logs = Logs()
    async with serving(logs.service):
        yield logs


def event(**columns: Any) -> dict[str, Any]:
    """A row of KubeEvents."""
    return {"TimeGenerated": NOW - timedelta(minutes=5), "ObjectKind": "Pod", "Reason": "Failed"} | columns


class TestAnswers:
    """What a query returns."""

    async def test_returns_azure_types_and_nulls(self, logs: Logs) -> None:
        """Every column type arrives as the SDK expects it; absent strings are empty, other absent values null."""
        logs.workspace.append("KubeEvents", [event(Count=3, FirstSeen=NOW)])
        logs.workspace.append("Syslog", [{"TimeGenerated": NOW, "ProcessID": 7, "MG": str(UUID(int=1))}])
        logs.workspace.append("ContainerLogV2", [{"LogMessage": {"a": [1]}}, {"LogMessage": "text"}])

        result = await logs.ask(
            "KubeEvents | project TimeGenerated, Name, Count, LastSeen, d = dynamic({'a':1}), s = 90m, b = true, n = 1"
        )
        types = await logs.ask("Syslog | project ProcessID, MG")
        messages = await logs.ask("ContainerLogV2 | project LogMessage")

        (table,) = result.tables
        assert table.columns_types == ["datetime", "string", "real", "datetime", "dynamic", "timespan", "bool", "long"]
        assert list(table.rows[0]) == [NOW - timedelta(minutes=5), "", 3.0, None, '{"a":1}', "01:30:00", True, 1]
        assert (types.tables[0].columns_types, list(types.tables[0].rows[0])) == (
            ["int", "guid"],
            [7, str(UUID(int=1))],
        )
        assert sorted(row[0] for row in messages.tables[0].rows) == ["text", '{"a":[1]}']

    async def test_fills_in_what_azure_fills_in(self, logs: Logs) -> None:
        """The time, the table's name and the subscription are added; resource ids are kept in lower case."""
        logs.workspace.append("KubeEvents", [{"_ResourceId": CLUSTER}])

        result = await logs.ask("KubeEvents | project TimeGenerated, Type, _SubscriptionId, _ResourceId, _IsBillable")

        assert list(result.tables[0].rows[0]) == [NOW, "KubeEvents", "s", CLUSTER.lower(), "true"]

    async def test_finds_the_images_of_failed_pulls(self, logs: Logs) -> None:
        """has, in~, extract, iff, dcount and summarize by work together, on the service's clock."""
        message = (
            'Failed to pull image "nginx:1.27": failed to pull and unpack image "docker.io/library/nginx:1.27": failed '
            "to copy: httpReadSeeker: failed open: unexpected status code "
            "https://registry-1.docker.io/v2/library/nginx/manifests/sha256:0b: 429 Too Many Requests - Server "
            "message: toomanyrequests: You have reached your unauthenticated pull rate limit."
        )
        logs.workspace.append("KubeEvents", [event(Message=message, Name=name) for name in ("a", "a", "b")])
        logs.workspace.append("KubeEvents", [event(Message=message, TimeGenerated=NOW - timedelta(minutes=16))])
        logs.workspace.append("KubeEvents", [event(Message="Back-off pulling image", Reason="BackOff")])

        result = await logs.ask("""
            KubeEvents
            | where TimeGenerated > ago(15m) and Reason in~ ('failed', 'BackOff')
            | where Message has_any ('toomanyrequests', '429 Too Many Requests')
            | extend Resolved = extract(@'unpack image "([^"]+)"', 1, Message)
            | extend Image = iff(isnotempty(Resolved), Resolved, '')
            | summarize Pulls = count(), Pods = dcount(Name) by Image
        """)

        assert [list(row) for row in result.tables[0].rows] == [["docker.io/library/nginx:1.27", 3, 2]]

    @pytest.mark.parametrize(
        ("timespan", "names"),
        [
            (timedelta(minutes=10), ["new"]),
            ((NOW - timedelta(hours=2), NOW - timedelta(minutes=30)), ["old"]),
            ((NOW - timedelta(hours=2), timedelta(hours=3)), ["new", "old"]),
            (None, ["new", "old"]),
        ],
        ids=["duration", "interval", "start and duration", "none"],
    )
    async def test_holds_the_timespan_against_every_table(self, logs: Logs, timespan: Any, names: list[str]) -> None:
        """The request's timespan limits TimeGenerated, also where the query says nothing about time."""
        logs.workspace.append(
            "KubeEvents", [event(Name="new"), event(Name="old", TimeGenerated=NOW - timedelta(hours=1))]
        )

        result = await logs.ask("KubeEvents | project Name | order by Name asc", timespan=timespan)

        assert [row[0] for row in result.tables[0].rows] == names

    async def test_answers_column_ifexists_from_the_schema(self, logs: Logs) -> None:
        """A column that is there is read, the default stands for one that is not."""
        logs.workspace.append("KubeEvents", [event(Name="web-0")])

        result = await logs.ask(
            "KubeEvents | project a = column_ifexists('Name', '-'), b = column_ifexists('Name_s', '-')"
        )

        assert list(result.tables[0].rows[0]) == ["web-0", "-"]

    async def test_answers_a_batch_item_by_item(self, logs: Logs) -> None:
        """A failed query of a batch does not take the others with it."""
        logs.workspace.append("KubeEvents", [event(Name="web-0")])
        good = LogsBatchQuery(workspace_id=WORKSPACE, query="KubeEvents | count", timespan=None)
        bad = LogsBatchQuery(workspace_id=WORKSPACE, query="Nowhere | count", timespan=None)

        async with logs.client() as client:
            results = await client.query_batch([bad, good])

        assert [type(result) for result in results] == [LogsQueryError, LogsQueryResult]
        assert isinstance(results[1], LogsQueryResult)
        assert list(results[1].tables[0].rows[0]) == [1]

    async def test_cuts_a_result_that_is_too_long(self, logs: Logs) -> None:
        """Rows beyond the service's limit are left out, and the answer says that it is partial."""
        short = Workspace(WORKSPACE, WORKSPACE_ID, clock=lambda: NOW, row_limit=2)
        short.append("KubeEvents", [event()] * 3)
        logs.model.replace(short)

        result = await logs.ask("KubeEvents | project Name")

        assert isinstance(result, LogsQueryPartialResult)
        assert result.partial_error is not None
        assert (len(result.partial_data[0].rows), result.partial_error.code) == (2, "PartialError")

    async def test_sends_no_content_for_a_workspace_without_data(self, logs: Logs) -> None:
        """Documented: 204 without a body, which the SDK fails to read with a ValueError."""
        with pytest.raises(ValueError, match="Expecting value"):
            await logs.ask("KubeEvents | count")

    async def test_does_not_hold_up_the_other_services(self, logs: Logs) -> None:
        """While a query runs in its thread, the loop goes on."""
        logs.workspace.append("KubeEvents", [event()])
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        await logs.workspace.query("KubeEvents | where Message has 'x' | summarize count() by Name")
        ticking.cancel()

        assert ticks > 10


class TestRefusals:
    """What the service refuses, and how."""

    @pytest.mark.parametrize(
        ("query", "inner", "text"),
        [
            ("KubeEvents | where", "SyntaxError", "could not be parsed on line [1,"),
            (".show tables", "SyntaxError", "management"),
            ("Nowhere | take 1", "SemanticError", "'take' operator: Failed to resolve table or column expression"),
            ("kubeevents | take 1", "SemanticError", "named 'kubeevents'"),
            ("KubeEvents | where message has 'x'", "SemanticError", "'where' operator: Failed to resolve column"),
            ("KubeEvents | extend a = 1, b = a", "SemanticError", "named 'a'"),
            ("KubeEvents | where Nope == 1", "SemanticError", "named 'Nope'"),
            ("KubeEvents | join (kubepodinventory) on Name", "SemanticError", "named 'kubepodinventory'"),
            ("KubeEvents | mv-apply x = Name on (take 1)", "SemanticError", "sandbox's engine"),
        ],
    )
    async def test_refuses_bad_queries_as_azure_does(self, logs: Logs, query: str, inner: str, text: str) -> None:
        """Syntax, unknown names, and names in the wrong case, which DuckDB alone would let pass."""
        logs.workspace.append("KubeEvents", [event()])

        with pytest.raises(HttpResponseError) as caught:
            await logs.ask(query)

        error = caught.value.error
        assert error is not None
        assert (caught.value.status_code, error.code, error.innererror["code"]) == (400, "BadArgumentError", inner)
        assert text in error.innererror.get("innererror", error.innererror)["message"]

    async def test_refuses_who_may_not_ask(self, logs: Logs) -> None:
        """No token, a token for another service, a damaged one, a caller without the role, an unknown workspace."""
        other = logs.token(audience="https://vault.azure.net")
        tokens = ["", other, logs.token() + "x", logs.token("stranger")]
        connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())

        async with aiohttp.ClientSession(connector=connector) as session:
            answers = [await _post(session, logs, WORKSPACE, token) for token in tokens]
            answers.append(await _post(session, logs, "other", logs.token()))

        assert answers == [
            (401, "AuthenticationFailed"),
            (403, "InvalidAuthenticationTokenAudience"),
            (403, "InvalidAuthenticationToken"),
            (403, "InsufficientAccessError"),
            (404, "PathNotFoundError"),
        ]

    async def test_throttles_a_caller_who_asks_too_often(self, logs: Logs) -> None:
        """The documented 200 queries in 30 seconds; after that window the caller may ask again."""
        logs.workspace.append("KubeEvents", [event()])
        for _ in range(QUERIES_PER_WINDOW):
            await logs.model.query(logs.workspace, READER, "print 1", None)

        with pytest.raises(HttpResponseError) as caught:
            await logs.ask("print 1")
        logs.now += timedelta(seconds=30)
        result = await logs.ask("print 1")

        response: Any = caught.value.response
        assert (caught.value.status_code, response.headers["Retry-After"]) == (429, "30")
        assert list(result.tables[0].rows[0]) == [1]

    @pytest.mark.parametrize("timespan", ["yesterday", "PT", "2026-13-01/PT1H", "P1M"])
    async def test_refuses_a_timespan_that_is_none(self, logs: Logs, timespan: str) -> None:
        """A timespan that is no ISO 8601 duration or interval is a bad argument."""
        connector = aiohttp.TCPConnector(ssl=session_certificates().client_context())
        async with aiohttp.ClientSession(connector=connector) as session:
            answer = await _post(session, logs, WORKSPACE, logs.token(), timespan=timespan)

        assert answer == (400, "BadArgumentError")


class TestRows:
    """What a table takes."""

    @pytest.mark.parametrize(
        ("table", "row", "text"),
        [
            ("Nowhere", {}, "no table 'Nowhere'"),
            ("KubeEvents", {"Image": "x"}, "row 2: no column 'Image'"),
            ("KubeEvents", {"Count": "3"}, "column Count: expected real, found str '3'"),
            ("KubeEvents", {"TimeGenerated": "2026-11-24T03:00:00"}, "column TimeGenerated: expected datetime"),
            ("KubePodInventory", {"PodRestartCount": 2**31}, "expected int"),
            ("Syslog", {"MG": "not a guid"}, "expected guid"),
        ],
    )
    def test_refuses_rows_that_do_not_fit(self, table: str, row: dict[str, Any], text: str) -> None:
        """An unknown table or column or a value of the wrong type is refused, and none of the rows is kept."""
        workspace = Workspace(WORKSPACE, WORKSPACE_ID)

        with pytest.raises(RowError, match=text):
            workspace.append(table, [{}, row])

        assert not workspace.has_data


async def _post(session: aiohttp.ClientSession, logs: Logs, workspace: str, token: str, **body: Any) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{logs.service.base_url}/v1/workspaces/{workspace}/query"
    async with session.post(url, json={"query": "print 1"} | body, headers=headers) as response:
        return response.status, (await response.json())["error"]["code"]
