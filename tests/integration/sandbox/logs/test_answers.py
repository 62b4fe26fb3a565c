"""What the emulated query API answers, asked with azure-monitor-query over TLS."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from azure.monitor.query import LogsBatchQuery, LogsQueryError, LogsQueryPartialResult, LogsQueryResult

from sandbox.logs.models import Workspace
from tests.integration.sandbox.logs.support import (
    CLUSTER,
    NOW,
    WORKSPACE,
    WORKSPACE_ID,
    Logs,
    event,
)


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
