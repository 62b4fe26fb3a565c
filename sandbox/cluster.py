"""The AKS cluster of the world: pulls images as its kubelet does, and logs to `KubeEvents` when a pull fails.

It pulls from an address of its own, so that Docker Hub counts its anonymous pulls apart from everybody else's, and from
its registries with its kubelet identity, which holds AcrPull on them.
"""

import itertools
import uuid
from collections.abc import Sequence
from ssl import SSLContext
from typing import Any, Final

import aiohttp

from sandbox.acr.gate import TOKEN_USER
from sandbox.frame.service import Clock, Service
from sandbox.identity.directory import Identity
from sandbox.identity.tokens import TokenAuthority
from sandbox.logs.models import Workspace
from sandbox.oci.client import OciClient, PulledImage
from sandbox.oci.kubelet import failed_pull_events
from sandbox.oci.references import Reference
from sandbox.oci.refusals import PullRefused, RegistryUnreachable
from sandbox.oci.remote import Credentials

ADDRESS: Final = "127.0.0.2"
"""Where the cluster's requests come from."""

_DOCKER_HUB: Final = "docker.io"
_NODE: Final = "aks-agentpool-12345678-vmss000000"
_TEMPLATE_HASH: Final = "7d9c5f8b6d"


class Cluster:
    """One cluster with one node."""

    def __init__(  # noqa: PLR0913 - one collaborator each
        self,
        resource_id: str,
        *,
        hub: Service,
        registries: Sequence[Service],
        identity: Identity,
        tokens: TokenAuthority,
        workspace: Workspace,
        tls: SSLContext,
        clock: Clock,
    ) -> None:
        self.resource_id = resource_id
        self._hub = hub
        self._registries = tuple(registries)
        self._identity = identity
        self._tokens = tokens
        self._workspace = workspace
        self._tls = tls
        self._clock = clock
        self._pods = itertools.count(1)

    async def pull(self, image: str) -> PulledImage:
        """Pull an image as a pod names it; raises PullRefused or RegistryUnreachable, and logs nothing."""
        registries = {_login_server(registry): registry for registry in self._registries}
        registry = registries.get(Reference.parse(image).host)
        credentials = await self.login(registry) if registry is not None else None
        hosts = {_DOCKER_HUB: self._hub.base_url} | {host: one.base_url for host, one in registries.items()}
        async with OciClient(hosts=hosts, tls=self._tls, local_address=ADDRESS) as client:
            return await client.pull(image, credentials=credentials)

    async def start_pod(self, image: str, *, namespace: str = "default", name: str = "") -> PulledImage | None:
        """Start a pod with the image: None when the pull failed, and then the logs have its events."""
        started = await self.try_pod(image, namespace=namespace, name=name)
        return started if isinstance(started, PulledImage) else None

    async def try_pod(
        self, image: str, *, namespace: str = "default", name: str = ""
    ) -> PulledImage | PullRefused | RegistryUnreachable:
        """Start a pod with the image: what it runs, or why it does not, and then the logs have its events.

        Without a name it is a pod of a Deployment that is called like the image's repository, with one container `app`.
        """
        try:
            return await self.pull(image)
        except (PullRefused, RegistryUnreachable) as error:
            events = [(event.reason, event.message) for event in failed_pull_events(image, error)]
            self._log(name or self._deployed(image, namespace), namespace, events)
            return error

    def _deployed(self, image: str, namespace: str) -> str:
        """Write a waiting pod of a Deployment into the inventory; returns the pod's name."""
        replicas = f"{Reference.parse(image).repository.rpartition('/')[2]}-{_TEMPLATE_HASH}"
        pod = f"{replicas}-{next(self._pods):05d}"
        self._workspace.append(
            "KubePodInventory",
            [
                {
                    "TimeGenerated": self._clock(),
                    "Computer": _NODE,
                    "ClusterName": self.resource_id.rpartition("/")[2],
                    "ClusterId": self.resource_id,
                    "Namespace": namespace,
                    "Name": pod,
                    "PodStatus": "Pending",
                    "ControllerKind": "ReplicaSet",
                    "ControllerName": replicas,
                    "ContainerName": f"{uuid.uuid4()}/app",
                    "ContainerStatus": "waiting",
                    "ContainerStatusReason": "ErrImagePull",
                    "_ResourceId": self.resource_id,
                }
            ],
        )
        return pod

    async def login(self, registry: Service | None = None) -> Credentials:
        """A registry's refresh token for the kubelet's identity, as AKS's credential provider gets it.

        Without a registry it is the first one's.
        """
        registry = registry or self._registries[0]
        token = self._tokens.issue(
            audience="https://management.azure.com",
            principal_id=self._identity.object_id,
            client_id=self._identity.client_id,
        )
        form = {
            "grant_type": "access_token",
            "service": _login_server(registry),
            "tenant": self._tokens.tenant_id,
            "access_token": token,
        }
        connector = aiohttp.TCPConnector(ssl=self._tls, local_addr=(ADDRESS, 0))
        url = f"{registry.base_url}/oauth2/exchange"
        async with (
            aiohttp.ClientSession(connector=connector, raise_for_status=True) as session,
            session.post(url, data=form) as answer,
        ):
            return Credentials(TOKEN_USER, (await answer.json())["refresh_token"])

    def _log(self, pod: str, namespace: str, events: Sequence[tuple[str, str]]) -> None:
        now = self._clock()
        common: dict[str, Any] = {
            "TimeGenerated": now,
            "Computer": _NODE,
            "ClusterName": self.resource_id.rpartition("/")[2],
            "ClusterId": self.resource_id,
            "ObjectKind": "Pod",
            "Namespace": namespace,
            "Name": pod,
            "KubeEventType": "Warning",
            "SourceComponent": "kubelet",
            "Count": 1.0,
            "FirstSeen": now,
            "LastSeen": now,
            "SourceSystem": "Containers",
            "_ResourceId": self.resource_id,
        }
        self._workspace.append("KubeEvents", [common | {"Reason": why, "Message": text} for why, text in events])


def _login_server(registry: Service) -> str:
    return registry.base_url.removeprefix("https://")
