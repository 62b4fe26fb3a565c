"""ARM's documents of what calls the app, as far as the doctor reads them; what is absent has its default."""

from shared.adapters.surroundings_documents import Document
from shared.application.doctor.ports import (
    ActionGroup,
    AlertRule,
    EventSubscription,
    FunctionReceiver,
)


class _TopicProperties(Document, frozen=True):
    source: str = ""


class SystemTopic(Document, frozen=True):
    """System Topics - Get (documented, 2025-02-15)."""

    properties: _TopicProperties


class _FunctionProperties(Document, frozen=True):
    resource_id: str = ""


class _Destination(Document, frozen=True):
    endpoint_type: str = ""
    properties: _FunctionProperties = _FunctionProperties()


class _Filter(Document, frozen=True):
    included_event_types: tuple[str, ...] | None = None


class _SubscriptionProperties(Document, frozen=True):
    provisioning_state: str = "Succeeded"
    destination: _Destination | None = None
    filter: _Filter | None = None
    dead_letter_destination: dict[str, object] | None = None
    dead_letter_with_resource_identity: dict[str, object] | None = None


class Subscription(Document, frozen=True):
    """An event subscription of a system topic (documented, 2025-02-15)."""

    name: str
    properties: _SubscriptionProperties

    def read(self) -> EventSubscription:
        """As the doctor takes it."""
        found = self.properties
        to = found.destination
        return EventSubscription(
            name=self.name,
            function_id=to.properties.resource_id if to is not None and to.endpoint_type == "AzureFunction" else "",
            state=found.provisioning_state,
            event_types=(found.filter.included_event_types if found.filter is not None else None) or (),
            keeps_failures=bool(found.dead_letter_destination or found.dead_letter_with_resource_identity),
        )


class _Criterion(Document, frozen=True):
    query: str = ""


class _Criteria(Document, frozen=True):
    all_of: tuple[_Criterion, ...] = ()


class _Actions(Document, frozen=True):
    action_groups: tuple[str, ...] = ()


class _RuleProperties(Document, frozen=True):
    enabled: bool = True
    scopes: tuple[str, ...] = ()
    criteria: _Criteria = _Criteria()
    actions: _Actions = _Actions()


class QueryRule(Document, frozen=True):
    """Scheduled Query Rules - Get (documented, 2023-12-01)."""

    id: str
    properties: _RuleProperties

    def read(self) -> AlertRule:
        """As the doctor takes it; a rule of ours has one query."""
        found = self.properties
        return AlertRule(
            id=self.id,
            is_enabled=found.enabled,
            query="".join(one.query for one in found.criteria.all_of),
            scopes=found.scopes,
            action_groups=found.actions.action_groups,
        )


class _Receiver(Document, frozen=True):
    function_app_resource_id: str
    function_name: str
    use_common_alert_schema: bool = False


class _GroupProperties(Document, frozen=True):
    enabled: bool = True
    azure_function_receivers: tuple[_Receiver, ...] = ()


class Receivers(Document, frozen=True):
    """Action Groups - Get (documented, 2023-01-01); the address with the key in it is not read."""

    id: str
    properties: _GroupProperties

    def read(self) -> ActionGroup:
        """As the doctor takes it."""
        receivers = tuple(
            FunctionReceiver(one.function_app_resource_id, one.function_name, one.use_common_alert_schema)
            for one in self.properties.azure_function_receivers
        )
        return ActionGroup(self.id, self.properties.enabled, receivers)
