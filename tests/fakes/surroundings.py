"""What was deployed around the app, in memory; all of it is well until a test says otherwise."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.application.doctor.events import WANTED
from shared.application.doctor.ports import (
    ActionGroup,
    AlertRule,
    Caller,
    EventSubscription,
    FunctionReceiver,
    Grant,
    Network,
    Queues,
    RegistryDocument,
    Surroundings,
    VaultDocument,
)
from shared.application.ports import Clock
from shared.queries import SOURCES
from shared.queries.alerting import alert_query
from tests.fakes.azure import Troubled

GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000aa/resourceGroups/rg-cachewarden-prod"
APP = f"{GROUP}/providers/Microsoft.Web/sites/func-cachewarden-abc"
WORKSPACE_ID = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/logs"
PRINCIPAL = "00000000-0000-0000-0000-00000000000a"
_ACTION_GROUP = f"{GROUP}/providers/Microsoft.Insights/actionGroups/cure"


class FakeSurroundings(Troubled, Surroundings):
    """Azure Resource Manager, read only."""

    def __init__(self, clock: Clock, workspace: str) -> None:
        super().__init__()
        self._clock = clock
        self.ahead = timedelta(0)
        self.versions = {
            "Microsoft.ContainerRegistry": {"registries": frozenset({"2023-07-01", "2025-11-01"})},
            "Microsoft.EventGrid": {"systemtopics": frozenset({"2025-02-15"})},
            "Microsoft.KeyVault": {"vaults": frozenset({"2023-07-01"})},
        }
        self.granted: tuple[Grant, ...] = (Grant(actions=("*",)),)
        self.registry_document = RegistryDocument("Succeeded", Network())
        self.vault_document = VaultDocument(Network(), uses_roles=True)
        self.subscriptions = [
            EventSubscription(f"s-{kind}", f"{APP}/functions/{wanted.function}", "Succeeded", wanted.types, True)  # noqa: FBT003 - the last field of a record
            for kind, wanted in WANTED.items()
        ]
        self.groups = (ActionGroup(_ACTION_GROUP, True, (FunctionReceiver(APP, "alerts", True),)),)  # noqa: FBT003 - the same
        self.rules = (
            AlertRule(
                f"{GROUP}/providers/Microsoft.Insights/scheduledQueryRules/pulls",
                is_enabled=True,
                query=alert_query(SOURCES[0]),
                scopes=(WORKSPACE_ID,),
                action_groups=(_ACTION_GROUP.upper(),),
            ),
        )
        self.customer_ids = {WORKSPACE_ID.lower(): workspace}

    async def caller(self) -> Caller:
        """The app's identity."""
        self._called("caller")
        return Caller(PRINCIPAL, "tenant")

    async def time(self) -> datetime:
        """Azure's time, as far ahead as a test wants it."""
        self._called("time")
        return self._clock.now() + self.ahead

    async def api_versions(self, subscription: str, namespace: str) -> Mapping[str, frozenset[str]]:
        """What the cloud offers."""
        self._called("api_versions")
        return self.versions[namespace]

    async def grants(self, scope: str, principal: str | None) -> tuple[Grant, ...]:
        """The same everywhere."""
        self._called("grants")
        return self.granted

    async def registry(self, registry_id: str) -> RegistryDocument:
        """The one document."""
        self._called("registry")
        return self.registry_document

    async def vault(self, vault_id: str) -> VaultDocument:
        """The one document."""
        self._called("vault")
        return self.vault_document

    async def event_subscriptions(self, source_id: str) -> tuple[EventSubscription, ...]:
        """All subscriptions, whatever the source."""
        self._called("event_subscriptions")
        return tuple(self.subscriptions)

    async def alert_rules(self, group_id: str) -> tuple[AlertRule, ...]:
        """The rules of the app's group."""
        self._called("alert_rules")
        return self.rules if group_id == GROUP else ()

    async def action_groups(self, group_id: str) -> tuple[ActionGroup, ...]:
        """The action groups of the app's group."""
        self._called("action_groups")
        return self.groups if group_id == GROUP else ()

    async def workspace_id(self, resource_id: str) -> str:
        """The workspace's id for queries."""
        self._called("workspace_id")
        return self.customer_ids[resource_id.lower()]


class FakeQueues(Troubled, Queues):
    """Queues and how much lies on them; None is no such queue."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: dict[str, int | None] = {}

    async def waiting(self, queue: str) -> int | None:
        """What a test said, else nothing."""
        self._called("waiting")
        return self.lengths.get(queue, 0)
