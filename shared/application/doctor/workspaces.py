"""The workspaces: whether they may be asked, and whether what the app looks for is collected at all."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from shared.application.doctor import commands
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, ok, warning
from shared.application.doctor.place import Place
from shared.application.log_ports import Logs, TableMissing
from shared.application.ports import Clock
from shared.domain.policy import Policy
from shared.queries import LogSource, sources

_WINDOW = timedelta(minutes=1)


def workspace_checks(policy: Policy, *, logs: Logs, clock: Clock, place: Place) -> Iterator[Check]:
    """Each workspace of the policy."""

    async def collects(workspace: str, source: LogSource) -> bool:
        """Whether the workspace has one of the source's tables; that it has none is an answer as well."""
        now = clock.now()
        try:
            await logs.query(workspace, source.query, start=now - _WINDOW, end=now)
        except TableMissing:
            return False
        return True

    async def look(workspace: str) -> Judgement:
        asked = sources(audit_log=policy.sources.audit_log)
        answers = await asyncio.gather(*(collects(workspace, source) for source in asked))
        collected = [source.name for source, has in zip(asked, answers, strict=True) if has]
        if collected:
            return ok(f"it answers; collected: {', '.join(collected)}")
        expected = "one of the tables in which failed pulls are logged: switch Container insights on for the cluster"
        return warning("it answers, and none of the tables is there", expected)

    for workspace in policy.sources.workspaces:
        role = "Log Analytics Data Reader"
        grant = commands.grant_on_workspace(role, place.principal, workspace)
        yield Check(f"workspace {workspace}", f"the role {role} on it", partial(look, workspace), (grant,))
