"""Azure Monitor as the world has it: evaluates its rules over the logs, and has the action group post what fires."""

import asyncio
import logging
from typing import Final

from sandbox.frame.service import Clock, system_clock
from sandbox.identity.tokens import TENANT_ID
from sandbox.logs.models import LogAnalytics
from sandbox.monitor.action_group import ActionGroup, AlertDelivery
from sandbox.monitor.payloads import common_alert
from sandbox.monitor.rules import Alert, AlertRule, RuleState

_LOG: Final = logging.getLogger("sandbox.monitor")


class Monitor:
    """The alert rules of the subscription and their action group."""

    def __init__(self, logs: LogAnalytics, action_group: ActionGroup, *, clock: Clock = system_clock) -> None:
        self.action_group = action_group
        self._logs = logs
        self._clock = clock
        self._rules: dict[str, RuleState] = {}

    @property
    def rules(self) -> list[AlertRule]:
        """The rules that are evaluated."""
        return [state.rule for state in self._rules.values()]

    def add(self, rule: AlertRule) -> None:
        """Add a rule, in the place of the one with the same name; its first evaluation starts without history."""
        self._rules[rule.name] = RuleState(rule)

    async def evaluate(self, name: str | None = None) -> list[AlertDelivery]:
        """Evaluate one rule, or all, and post what fires and resolves; alerts go out at the same time, in no order.

        Raises:
            LookupError: for an unknown rule.
        """
        if name is not None and name not in self._rules:
            raise LookupError(f"no alert rule {name!r}; there are {', '.join(self._rules) or 'none'}")
        states = [self._rules[name]] if name is not None else list(self._rules.values())
        alerts = [alert for state in states for alert in await state.evaluate(self._logs, self._clock())]
        return await asyncio.gather(*(self.action_group.post(self._payload(alert)) for alert in alerts))

    async def run(self, every_s: float) -> None:
        """Evaluate all rules again and again, until cancelled."""
        while True:
            for delivery in await self.evaluate():
                _LOG.info("%s", delivery)
            await asyncio.sleep(every_s)

    def _payload(self, alert: Alert) -> dict[str, object]:
        workspace = self._logs.workspace(alert.rule.workspace)
        if workspace is None:
            raise LookupError(f"no workspace {alert.rule.workspace}")
        return common_alert(alert, workspace.resource_id, tenant=TENANT_ID)
