"""The sandbox's world: every outside system of the product, wired to each other, in one event loop.

    async with World(certificates=ensure_certificates(folder)) as world:
        environment = world.environment(storage=connection_string, policy=policy_file)

Everything that HTTP can reach can be reached as a model too (`world.hub`, `world.arm`, `world.vault`), which is how
tests seed state and read it back.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sandbox import deployment, scenario
from sandbox.control.handlers import WorldControl
from sandbox.frame.certificates import Certificates
from sandbox.frame.server import Server
from sandbox.services import Services
from sandbox.sink.models import Kind
from sandbox.topic.dead_letters import DeadLetterContainer
from sandbox.topic.vault_events import vault_event
from sandbox.urls import Urls
from sandbox.vault.secrets import SecretEvent
from shared.version import VERSION

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


class World(Services):
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
        super().__init__(certificates=certificates, exchanges_file=exchanges_file, pace=pace, registries=registries)
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
