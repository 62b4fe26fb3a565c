"""What the emulated query API refuses, and which rows its tables take."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError

from sandbox.logs.models import QUERIES_PER_WINDOW, Workspace
from sandbox.logs.values import RowError
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.logs.support import READER, WORKSPACE, WORKSPACE_ID, Logs, event, post_query


class TestRefusals:
    """What the service refuses, and how."""

    @pytest.mark.parametrize(
        ("query", "inner", "text"),
        [
            ("KubeEvents | where", "SyntaxError", "could not be parsed on line [1,"),
            (".show tables", "SyntaxError", "management"),
            ("Nowhere | take 1", "SemanticError", "'take' operator: Failed to resolve table or column expression"),
            (
                "union isfuzzy=true (No1_CL | take 1), (No2_CL | take 1)",
                "SemanticError",
                "union: must have at least one",
            ),
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
            answers = [await post_query(session, logs, WORKSPACE, token) for token in tokens]
            answers.append(await post_query(session, logs, "other", logs.token()))

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
            answer = await post_query(session, logs, WORKSPACE, logs.token(), timespan=timespan)

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
