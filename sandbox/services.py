"""The services of the sandbox, each with its model, wired to each other; `World` serves and seeds them."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox import scenario
from sandbox.acr.handlers import AcrService
from sandbox.acr.models import Acr
from sandbox.arm.access import AccessControl
from sandbox.arm.handlers import ArmService
from sandbox.arm.models import Arm
from sandbox.arm.roles import ACR_PULL
from sandbox.cluster import Cluster
from sandbox.frame.certificates import Certificates
from sandbox.frame.clock import AdjustableClock
from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import Faults
from sandbox.hub.api_handlers import HubService
from sandbox.hub.auth_handlers import HubAuthService
from sandbox.hub.models import Hub
from sandbox.hub.registry_handlers import HubRegistryService
from sandbox.identity.directory import Directory
from sandbox.identity.handlers import IdentityService
from sandbox.identity.tokens import TokenAuthority
from sandbox.insights.handlers import InsightsService
from sandbox.insights.models import Insights
from sandbox.logs.handlers import LogsService
from sandbox.logs.models import LogAnalytics
from sandbox.monitor.action_group import ActionGroup
from sandbox.monitor.monitor import Monitor
from sandbox.sink.handlers import SinkService
from sandbox.sink.models import Sinks
from sandbox.topic.delivery import EventDelivery
from sandbox.topic.handlers import TopicService
from sandbox.topic.models import Topic
from sandbox.vault.handlers import VaultService
from sandbox.vault.models import Vault
from sandbox.vault.reader import VaultReader

DOCKER_HUB_HOSTS: Final = ("docker.io", "registry-1.docker.io", "index.docker.io")


class Services:
    """Every outside system of the product, with what the default scenario calls them and nothing in them yet.

    Args:
        certificates: the authority that the services' certificates come from.
        exchanges_file: where every exchange is written along to, as JSON lines.
        pace: by how much Azure's waiting times between retries are multiplied.
        registries: the names of registries beside the scenario's.

    Attributes:
        person: somebody who may look at what was deployed, by `AZURE_CLIENT_ID`.
        data_planes: the registries by name, the scenario's first.
    """

    def __init__(
        self, *, certificates: Certificates, exchanges_file: Path | None, pace: float, registries: Sequence[str]
    ) -> None:
        self.certificates = certificates
        self.clock = AdjustableClock()
        self.exchanges = ExchangeLog(file=exchanges_file)
        self.faults = Faults()
        self._build_identity()
        self._build_docker_hub()
        self._build_cloud()
        self._build_registries((scenario.REGISTRY, *registries))
        self._build_watchers(pace)
        self._build_cluster()

    def _build_identity(self) -> None:
        self.tokens = TokenAuthority(clock=self.clock)
        self.access = AccessControl(clock=self.clock)
        self.directory = Directory(clock=self.clock)
        self.app_identity = self.directory.create("cachewarden", resource_id=scenario.APP_ID)
        self.person = self.directory.create("person")
        self.identity_service = IdentityService(
            self.tokens,
            header=secrets.token_urlsafe(24),
            system_assigned=self.app_identity,
            user_assigned=[self.person],
            clock=self.clock,
        )

    def _build_docker_hub(self) -> None:
        self.hub = Hub(clock=self.clock)
        self.hub_service = HubService(self.hub)
        self.hub_auth_service = HubAuthService(self.hub)
        self.hub_registry_service = HubRegistryService(self.hub, self.hub_auth_service)

    def _build_cloud(self) -> None:
        self.vault = Vault(scenario.VAULT, resource_id=scenario.VAULT_ID, access=self.access, clock=self.clock)
        self.vault.settling_s = 0.05
        self.vault_service = VaultService(self.vault, self.tokens)
        reader = VaultReader([self.vault_service], clock=self.clock)
        self.arm = Arm(
            access=self.access, directory=self.directory, secrets=reader, upstream=self.hub, clock=self.clock
        )
        self.arm_service = ArmService(self.arm, self.tokens)

    def _build_registries(self, names: Sequence[str]) -> None:
        for name in names:
            self.arm.add_registry(name, subscription=scenario.SUBSCRIPTION, group=scenario.GROUP)
        self.data_planes = {name: self._data_plane(name) for name in names}
        self.acr = self.data_planes[scenario.REGISTRY]
        self.arm.connect(*self.data_planes.values())
        self._registry_services = [AcrService(acr) for acr in self.data_planes.values()]
        self.registry_service = self._registry_services[0]

    def _data_plane(self, name: str) -> Acr:
        return Acr(
            name,
            scenario.registry_id(name),
            rules=self.arm,
            verifier=self.tokens,
            access=self.access,
            upstreams=dict.fromkeys(DOCKER_HUB_HOSTS, self.hub_registry_service),
            tls=self.certificates.client_context(),
            clock=self.clock,
        )

    def _build_watchers(self, pace: float) -> None:
        self.logs = LogAnalytics(clock=self.clock)
        self.workspace = self.logs.add(scenario.WORKSPACE, scenario.WORKSPACE_ID, tables=scenario.TABLES)
        self.logs_service = LogsService(self.logs, self.tokens, self.access, clock=self.clock)
        self.topic = Topic(scenario.TOPIC_ID, clock=self.clock)
        self.topic_service = TopicService(self.topic, self.tokens, self.access)
        self.sinks = Sinks(clock=self.clock)
        self.sink_service = SinkService(self.sinks)
        self.insights = Insights(scenario.INSIGHTS_ID)
        self.insights_service = InsightsService(self.insights, self.tokens, self.access)
        self.action_group = ActionGroup(self.exchanges, pace=pace, clock=self.clock)
        self.monitor = Monitor(self.logs, self.action_group, clock=self.clock)
        self.delivery = EventDelivery(pace=pace, clock=self.clock)
        for acr in self.data_planes.values():
            acr.on_push = acr.on_delete = self.delivery.publish

    def _build_cluster(self) -> None:
        identity = self.directory.create("prod-agentpool", resource_id=scenario.CLUSTER_ID)
        for name in self.data_planes:
            self.access.grant(identity.object_id, ACR_PULL, scenario.registry_id(name))
        self._kubelet = identity.object_id
        self.cluster = Cluster(
            scenario.CLUSTER_ID,
            hub=self.hub_registry_service,
            registries=self._registry_services,
            identity=identity,
            tokens=self.tokens,
            workspace=self.workspace,
            tls=self.certificates.client_context(),
            clock=self.clock,
        )
