"""Log Analytics through the real SDK: rows as they are meant, and every form of no."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from sandbox.arm.access import AccessControl
from sandbox.arm.roles import LOG_ANALYTICS_READER
from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import FaultRule, Faults
from sandbox.identity.directory import Directory
from sandbox.identity.tokens import TokenAuthority
from sandbox.logs.handlers import LogsService
from sandbox.logs.models import LogAnalytics, Workspace
from shared.adapters.logs import LogAnalytics as Adapter
from shared.adapters.logs import QueryInvalid, WorkspaceInvalid
from shared.application.log_ports import LogRows, Logs, TableMissing
from shared.errors import PermanentError, TemporaryError
from shared.queries import LogSource
from shared.queries.container_apps import CONTAINER_APPS
from shared.queries.container_instances import CONTAINER_INSTANCES
from tests.fixtures.serving import serving, session_certificates
from tests.integration.sandbox.cloud.support import PrincipalCredential

WORKSPACE = "11111111-1111-1111-1111-111111111111"
RESOURCE = f"/subscriptions/{UUID(int=1)}/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/logs"
NOW = datetime.now(UTC).replace(microsecond=0)
QUERY = "KubeEvents | where Reason == 'Failed' | project TimeGenerated, Name, Count"


class ServedLogs(msgspec.Struct, frozen=True):
    """A workspace behind faults, and the adapter that asks it."""

    analytics: LogAnalytics
    workspace: Workspace
    faults: Faults
    exchanges: ExchangeLog
    address: str
    credential: Any
    adapter: Adapter

    async def ask(self, kql: str = QUERY, workspace_id: str = WORKSPACE) -> LogRows:
        """Ask for the last hour."""
        logs: Logs = self.adapter
        return await logs.query(workspace_id, kql, start=NOW - timedelta(hours=1), end=NOW + timedelta(minutes=1))


@pytest_asyncio.fixture
async def logs() -> AsyncIterator[ServedLogs]:
    """A workspace with one failed pull in it, read by an identity that may."""
    authority, access, directory = TokenAuthority(), AccessControl(), Directory()
    reader = directory.create("reader")
    access.grant(reader.object_id, LOG_ANALYTICS_READER, RESOURCE)
    analytics = LogAnalytics()
    workspace = analytics.add(WORKSPACE, RESOURCE)
    service = LogsService(analytics, authority, access)
    faults, exchanges = Faults(), ExchangeLog()
    async with serving(service, faults=faults, exchanges=exchanges):
        credential = PrincipalCredential(authority, reader)
        adapter = Adapter(credential, endpoint=service.base_url, connection_verify=str(session_certificates().ca))
        yield ServedLogs(analytics, workspace, faults, exchanges, service.base_url, credential, adapter)
        await adapter.aclose()


def failed(name: str = "web", *, at: datetime = NOW, **fields: Any) -> dict[str, Any]:
    """A row of KubeEvents."""
    return {"TimeGenerated": at.isoformat(), "Reason": "Failed", "Name": name, "Count": 3.0} | fields


class TestRows:
    """What a query finds."""

    async def test_rows(self, logs: ServedLogs) -> None:
        """Rows are mappings of columns, with aware datetimes."""
        logs.workspace.append("KubeEvents", [failed()])

        assert await logs.ask() == LogRows(({"TimeGenerated": NOW, "Name": "web", "Count": 3.0},))

    async def test_the_window(self, logs: ServedLogs) -> None:
        """What lies outside the window is not found."""
        logs.workspace.append("KubeEvents", [failed(at=NOW - timedelta(hours=2)), failed("now")])

        assert [row["Name"] for row in (await logs.ask()).rows] == ["now"]

    async def test_nulls(self, logs: ServedLogs) -> None:
        """A null is None for every type, guid and timespan included; the text "None" stays a text."""
        columns = ("guid", "timespan", "datetime", "long", "dynamic", "bool", "real")
        nulls = [{"name": f"a_{kind}", "type": kind} for kind in columns]
        table = {"name": "PrimaryResult", "columns": [*nulls, {"name": "text", "type": "string"}]}
        body = {"tables": [table | {"rows": [[None] * len(columns) + ["None"]]}]}
        logs.faults.add(FaultRule(status=200, body=body))

        [row] = (await logs.ask()).rows
        assert row == {f"a_{kind}": None for kind in columns} | {"text": "None"}

    async def test_no_rows(self, logs: ServedLogs) -> None:
        """A query that finds nothing has no rows."""
        logs.workspace.append("KubeEvents", [failed(Reason="Pulled")])
        assert await logs.ask() == LogRows(())

    async def test_no_data(self, logs: ServedLogs) -> None:
        """A workspace without any data answers 204, which is no rows."""
        assert await logs.ask() == LogRows(())
        assert [exchange.status for exchange in logs.exchanges.exchanges("logs")] == [204]

    @pytest.mark.parametrize("tables", [True, False])
    async def test_partial(self, logs: ServedLogs, *, tables: bool) -> None:
        """A partial answer says so, also when it has no tables at all."""
        error = {"code": "PartialError", "message": "There were some errors when processing your query."}
        table = {"name": "PrimaryResult", "columns": [{"name": "Name", "type": "string"}], "rows": [["web"]]}
        logs.faults.add(FaultRule(status=200, body={"error": error} | ({"tables": [table]} if tables else {})))

        assert await logs.ask() == LogRows(({"Name": "web"},) if tables else (), partial=True)

    @pytest.mark.parametrize(
        ("said", "is_partial"),
        [
            ("'union' operator: Failed to resolve table expression named 'ContainerAppSystemLogs_CL'", False),
            ("The results of this query exceed the set limit of records.", True),
        ],
    )
    async def test_partial_for_want_of_a_table(self, logs: ServedLogs, said: str, *, is_partial: bool) -> None:
        """A fuzzy union over a table that the workspace lacks misses no rows, although the service calls it partial."""
        inner = {"code": "-2133196790", "message": said, "severity": 3, "severityName": "Warning"}
        detail = {"code": "EngineError", "message": "Something went wrong.", "innererror": inner}
        error = {"code": "PartialError", "message": "There were some errors.", "details": [detail]}
        table = {"name": "PrimaryResult", "columns": [{"name": "Name", "type": "string"}], "rows": [["web"]]}
        logs.faults.add(FaultRule(status=200, body={"error": error, "tables": [table]}))

        assert await logs.ask() == LogRows(({"Name": "web"},), partial=is_partial)


class TestRefusals:
    """What Log Analytics refuses."""

    @pytest.mark.parametrize("source", [CONTAINER_APPS, CONTAINER_INSTANCES])
    async def test_a_union_of_missing_tables(self, logs: ServedLogs, source: LogSource) -> None:
        """A union that is fuzzy and finds none of its tables is a missing table; one of them is enough."""
        bare = Workspace(WORKSPACE, RESOURCE, tables=("KubeEvents",))
        bare.append("KubeEvents", [failed()])
        logs.analytics.replace(bare)
        with pytest.raises(TableMissing):
            await logs.ask(source.query)

        bare.append(source.tables[-1], [{}])
        assert await logs.ask(source.query) == LogRows(())

    async def test_a_union_that_azure_words_by_its_first_table(self, logs: ServedLogs) -> None:
        """The other wording of the same."""
        said = "'union' operator: Failed to resolve table expression named 'ContainerAppSystemLogs'"
        inner = {"code": "SemanticError", "innererror": {"code": "SEM0100", "message": said}}
        body = {"error": {"code": "BadArgumentError", "message": "invalid properties", "innererror": inner}}
        logs.faults.add(FaultRule(status=400, body=body))

        with pytest.raises(TableMissing, match=r"no table ContainerAppSystemLogs$"):
            await logs.ask()

    async def test_a_missing_table(self, logs: ServedLogs) -> None:
        """A table that the workspace lacks is its own error, with its name."""
        logs.workspace.append("KubeEvents", [failed()])
        with pytest.raises(TableMissing) as caught:
            await logs.ask("NoSuchTable_CL | where TimeGenerated > ago(1h)")
        assert "NoSuchTable_CL" in str(caught.value)

    @pytest.mark.parametrize("kql", ["KubeEvents | where NoSuchColumn == 1", "KubeEvents | wher x"])
    async def test_a_wrong_query(self, logs: ServedLogs, kql: str) -> None:
        """A missing column and a syntax error are no missing table."""
        logs.workspace.append("KubeEvents", [failed()])
        with pytest.raises(QueryInvalid):
            await logs.ask(kql)

    @pytest.mark.parametrize("workspace_id", ["contoso", "", f"{WORKSPACE}/../x", RESOURCE])
    async def test_workspace_ids(self, logs: ServedLogs, workspace_id: str) -> None:
        """What is no GUID never reaches a URL."""
        with pytest.raises(WorkspaceInvalid):
            await logs.ask(workspace_id=workspace_id)
        assert logs.exchanges.exchanges() == []

    async def test_an_unknown_workspace(self, logs: ServedLogs) -> None:
        """A workspace that is not there is a permanent error with a hint."""
        with pytest.raises(PermanentError) as caught:
            await logs.ask(workspace_id=str(UUID(int=7)))
        assert caught.value.code == "PathNotFoundError"
        assert "policy" in caught.value.hint

    async def test_a_wrong_audience(self, logs: ServedLogs) -> None:
        """Without the audience the token would be made for the endpoint's own address, and refused."""
        adapter = Adapter(
            logs.credential,
            endpoint=logs.address,
            audience=logs.address,
            connection_verify=str(session_certificates().ca),
        )
        with pytest.raises(PermanentError) as caught:
            await adapter.query(WORKSPACE, QUERY, start=NOW, end=NOW)
        await adapter.aclose()
        assert caught.value.code == "InvalidAuthenticationTokenAudience"


class TestTrouble:
    """What a network and an overloaded service do."""

    @pytest.mark.parametrize(("status", "wait"), [(429, 21.0), (503, 21.0), (500, None), (504, None)])
    async def test_overload(self, logs: ServedLogs, status: int, wait: float | None) -> None:
        """Throttling comes back at once, with the wait that the service asks for."""
        headers = {"Retry-After": "21"} if wait else {}
        fault = logs.faults.add(FaultRule(status=status, headers=headers))
        with pytest.raises(TemporaryError) as caught:
            await logs.ask()
        assert (caught.value.retry_after, fault.fired) == (wait, 1)

    @pytest.mark.parametrize("status", [200, 302, 500, 503])
    async def test_a_page(self, logs: ServedLogs, status: int) -> None:
        """An answer that is no JSON, whatever its status, is temporary."""
        page = FaultRule(status=status, headers={"Content-Type": "text/html", "Retry-After": "1"}, body="<p>hello</p>")
        logs.faults.add(page)
        with pytest.raises(TemporaryError):
            await logs.ask()

    async def test_a_page_that_refuses(self, logs: ServedLogs) -> None:
        """A proxy that forbids is permanent, in whatever language it says so."""
        logs.faults.add(FaultRule(status=403, headers={"Content-Type": "text/html"}, body="<p>no</p>"))
        with pytest.raises(PermanentError):
            await logs.ask()

    async def test_dropped_connections(self, logs: ServedLogs) -> None:
        """A service that can't be reached is temporary."""
        logs.faults.add(FaultRule(drop=True))
        with pytest.raises(TemporaryError):
            await logs.ask()
