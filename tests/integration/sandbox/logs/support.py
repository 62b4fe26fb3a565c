"""A workspace behind the query API, and ways to ask it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from azure.monitor.query.aio import LogsQueryClient

from sandbox.arm.access import AccessControl
from sandbox.arm.roles import LOG_ANALYTICS_READER
from sandbox.identity.tokens import TokenAuthority
from sandbox.logs.handlers import LogsService
from sandbox.logs.models import LogAnalytics, Workspace
from tests.fixtures.credentials import StaticCredential
from tests.fixtures.serving import session_certificates

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


def event(**columns: Any) -> dict[str, Any]:
    """A row of KubeEvents."""
    return {"TimeGenerated": NOW - timedelta(minutes=5), "ObjectKind": "Pod", "Reason": "Failed"} | columns


async def post_query(
    session: aiohttp.ClientSession, logs: Logs, workspace: str, token: str, **body: Any
) -> tuple[int, str]:
    """Status and error code of a query that is sent without the SDK."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{logs.service.base_url}/v1/workspaces/{workspace}/query"
    async with session.post(url, json={"query": "print 1"} | body, headers=headers) as response:
        return response.status, (await response.json())["error"]["code"]
