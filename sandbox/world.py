"""The sandbox's world: every outside system of the product, wired to each other, in one event loop.

    async with World(certificates=ensure_certificates(folder)) as world:
        environment = world.environment(storage=connection_string, policy=policy_file)

Everything that HTTP can reach can be reached as a model too (`world.hub`, `world.arm`, `world.vault`), which is how
tests seed state and read it back.
"""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sandbox import deployment, scenario
from sandbox.acr.handlers import AcrService
from sandbox.acr.models import Acr
from sandbox.arm.access import AccessControl
from sandbox.arm.handlers import ArmService
from sandbox.arm.models import Arm
from sandbox.arm.roles import ACR_PULL
from sandbox.cluster import Cluster
from sandbox.control.handlers import WorldControl
from sandbox.frame.certificates import Certificates
from sandbox.frame.clock import AdjustableClock
from sandbox.frame.exchanges import ExchangeLog
from sandbox.frame.faults import Faults
from sandbox.frame.server import Server
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
from sandbox.sink.models import Kind, Sinks
from sandbox.topic.dead_letters import DeadLetterContainer
from sandbox.topic.delivery import EventDelivery
from sandbox.topic.handlers import TopicService
from sandbox.topic.models import Topic
from sandbox.topic.vault_events import vault_event
from sandbox.urls import Urls
from sandbox.vault.handlers import VaultService
from sandbox.vault.models import Vault
from sandbox.vault.reader import VaultReader
from sandbox.vault.secrets import SecretEvent
from shared.version import VERSION

DOCKER_HUB_HOSTS: Final = ("docker.io", "registry-1.docker.io", "index.docker.io")

EXPORTING: Final[Mapping[str, str]] = {
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
    "OTEL_TRACES_SAMPLER": "parentbased_always_on",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": (
        "azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3"
    ),
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}
"""The settings with which the Functions worker exports, as the templates have them."""


class World:
    """The default scenario (`sandbox.scenario`), served while the context is entered.

    Args:
        certificates: the authority that the services' certificates come from.
        exchanges_file: where every exchange is written along to, as JSON lines.
        pace: by how much Azure's waiting times between retries are multiplied.
        registries: the names of registries beside the scenario's, with the same roles for app and cluster; a story's
            policy has to name them.

    Attributes:
        person: somebody who may look at what was deployed, by `AZURE_CLIENT_ID`.
        data_planes: the registries by name, the scenario's first.
        defects: exceptions in emulators that were no refusals; leaving the context raises them.
    """

    def __init__(
        self,
        *,
        certificates: Certificates,
        exchanges_file: Path | None = None,
        pace: float = 0.001,
        registries: Sequence[str] = (),
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
        self._build_server()
        self._seed()

    @property
    def defects(self) -> list[Exception]:
        """What went wrong in the sandbox itself."""
        return self._server.defects

    @property
    def urls(self) -> Urls:
        """The services' addresses; known once the context is entered."""
        return Urls(
            arm=self.arm_service.base_url,
            vault=self.vault_service.base_url,
            logs=self.logs_service.base_url,
            hub=self.hub_service.base_url,
            hub_auth=self.hub_auth_service.base_url,
            hub_registry=self.hub_registry_service.base_url,
            registry=self.registry_service.base_url,
            topic=self.topic_service.endpoint,
            sink=self.sink_service.base_url,
            insights=self.insights_service.base_url,
            identity=self.identity_service.endpoint,
            control=self.control_service.base_url,
        )

    @property
    def login_server(self) -> str:
        """The registry's host with its port, as image references name it."""
        return self.registry_service.base_url.removeprefix("https://")

    async def __aenter__(self) -> Self:
        """Listen, and tell the services what depends on their addresses."""
        await self._server.__aenter__()
        for name, acr in self.data_planes.items():
            self.arm.registry(scenario.SUBSCRIPTION, scenario.GROUP, name).login_server = acr.host
        self.arm.describe_vault(scenario.VAULT_ID, self.vault_service.base_url)
        self.vault.on_event = self._announce
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything; raises what was a defect of the sandbox."""
        await self.delivery.close()
        await self.action_group.close()
        try:
            await self._server.__aexit__(kind, error, trace)
        finally:
            self.exchanges.close()

    def connect_host(self, url: str, *, function_key: str, eventgrid_key: str) -> None:
        """Tell the action group and Event Grid where the function host is."""
        self.action_group.connect(url, function_key)
        self.delivery.connect(url, eventgrid_key)

    def keep_dead_letters(self, storage: str) -> None:
        """Have Event Grid leave what it can't deliver in the storage account of a connection string."""
        self.delivery.leave_dead_letters_in(DeadLetterContainer(storage))

    def write_policy(self, path: Path, *, mode: str = "enforce") -> Path:
        """Write the scenario's policy file and return its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = scenario.policy_text(vault=self.urls.vault, topic=self.urls.topic, mode=mode)
        path.write_text(text, encoding="utf-8")
        return path

    def environment(self, *, storage: str, policy: Path) -> dict[str, str]:
        """The environment variables with which a function host runs the product against this world.

        Resource Manager shows them as the app's settings from then on.
        """
        given = {
            "SSL_CERT_FILE": str(self.certificates.ca.resolve()),
            "IDENTITY_ENDPOINT": self.urls.identity,
            "IDENTITY_HEADER": self.identity_service.header,
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "AzureWebJobsStorage": storage,
            "CACHEWARDEN_ARM_ENDPOINT": self.urls.arm,
            "CACHEWARDEN_LOGS_ENDPOINT": self.urls.logs,
            "CACHEWARDEN_HUB_ENDPOINT": self.urls.hub,
            "CACHEWARDEN_HUB_AUTH_ENDPOINT": self.urls.hub_auth,
            "CACHEWARDEN_HUB_REGISTRY_ENDPOINT": self.urls.hub_registry,
            "CACHEWARDEN_POLICY": str(policy.resolve()),
            "CACHEWARDEN_APP_ID": scenario.APP_ID,
            "CACHEWARDEN_TEMPLATE_VERSION": VERSION,
        }
        self.arm.inventory.describe(deployment.SETTINGS_ID, given)
        return given

    def telemetry(self) -> dict[str, str]:
        """The settings, beside `environment`, with which the app sends its telemetry here."""
        return {
            "REQUESTS_CA_BUNDLE": str(self.certificates.ca.resolve()),  # the exporter's own HTTP client reads no other
            "APPLICATIONINSIGHTS_CONNECTION_STRING": self.insights_service.connection_string,
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
            **EXPORTING,
        }

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

    def _build_server(self) -> None:
        self.control_service = WorldControl(self)
        services = (
            self.identity_service,
            self.arm_service,
            self.vault_service,
            self.logs_service,
            self.hub_service,
            self.hub_auth_service,
            self.hub_registry_service,
            *self._registry_services,
            self.topic_service,
            self.sink_service,
            self.insights_service,
            self.control_service,
        )
        self._server = Server(services, certificates=self.certificates, exchanges=self.exchanges, faults=self.faults)

    def _seed(self) -> None:
        scenario.fill_inventory(self.arm.inventory)
        profile = {"kubeletidentity": {"objectId": self._kubelet}}
        self.arm.inventory.describe(scenario.CLUSTER_ID, {"identityProfile": profile})
        deployment.fill_deployment(self.arm.inventory, self.app_identity)
        deployment.grant_person(self.access, self.person.object_id)
        scenario.grant_app_roles(self.access, self.app_identity.object_id)
        for name in self.data_planes.keys() - {scenario.REGISTRY}:
            scenario.grant_registry_roles(self.access, self.app_identity.object_id, scenario.registry_id(name))
        scenario.fill_vault(self.vault, scenario.fill_hub(self.hub))
        for kind in Kind:
            self.sinks.add(kind, "oncall")
        self.monitor.add(scenario.ALERT_RULE)

    def _announce(self, event: SecretEvent) -> None:
        self.delivery.offer(vault_event(event, vault_id=scenario.VAULT_ID, vault_url=self.vault_service.base_url))
