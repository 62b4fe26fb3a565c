"""A small OCI client: the sandbox's cluster pulls with it, and ACR fetches from upstream with it.

It reaches the hosts it was given and loopback, nothing else: a scenario with `quay.io` in it never leaves the machine.
"""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec

from sandbox.oci.content import Content, Platform, blobs_of, manifests_of, platform_of
from sandbox.oci.images import AMD64
from sandbox.oci.references import Reference
from sandbox.oci.refusals import Answer, RegistryUnreachable
from sandbox.oci.remote import Credentials, Fetched, Remote, Watcher

_LOOPBACK: Final = ("localhost", "127.0.0.1")


class PulledImage(msgspec.Struct, frozen=True):
    """An image as it arrived, every digest checked.

    Attributes:
        reference: what was pulled, in full.
        digest: what the reference resolves to: the index of a multi-arch image.
        media_type: the media type of that.
        image_digest: the manifest of the platform that was pulled; the same as `digest` for a single image.
        manifest: that manifest, parsed.
        config: the image's configuration, parsed.
        layers: its layers, compressed as they are.
        requests: what was asked for, in order; header names are in lower case.
    """

    reference: str
    digest: str
    media_type: str
    image_digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    layers: tuple[Content, ...]
    requests: tuple[Answer, ...]


class NoSuchPlatform(Exception):
    """The index has no image for the platform."""


class OciClient:
    """Pulls images; use it as an asynchronous context manager.

    Args:
        hosts: where a registry's host is served: `{"docker.io": "https://localhost:4443"}`.
        tls: whom to trust.
        local_address: the loopback address to connect from, so that a limit per address sees another client.
        user_agent: what the client says it is.
    """

    def __init__(
        self,
        *,
        hosts: Mapping[str, str],
        tls: ssl.SSLContext,
        local_address: str | None = None,
        user_agent: str = "containerd/v2.1.4",
    ) -> None:
        self._hosts = dict(hosts)
        self._tls = tls
        self._local = (local_address, 0) if local_address is not None else None
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def repository(
        self, host: str, name: str, *, credentials: Credentials | None = None, watch: Watcher | None = None
    ) -> Remote:
        """A repository at a registry; raises RegistryUnreachable when the host is not part of the sandbox."""
        base_url = self._hosts.get(host)
        if base_url is None and host.partition(":")[0] in _LOOPBACK:
            base_url = f"https://{host}"
        if base_url is None:
            raise RegistryUnreachable(host, f"dial tcp: lookup {host}: no such host")
        return Remote(self._connect(), base_url, name, credentials=credentials, watch=watch)

    async def pull(
        self, reference: str, platform: str = str(AMD64), *, credentials: Credentials | None = None
    ) -> PulledImage:
        """Pull an image as containerd does: HEAD of the reference, then by digest the index, the image and its blobs.

        Raises:
            PullRefused: a registry or its token service said no.
            RegistryUnreachable: nobody answered.
            NoSuchPlatform: the index has nothing for the platform.
            DigestMismatch: the bytes are not those that were asked for.
        """
        wanted = Reference.parse(reference)
        requests: list[Answer] = []
        remote = self.repository(wanted.host, wanted.repository, credentials=credentials, watch=requests.append)
        headers = await remote.head_manifest(wanted.manifest)
        top = await remote.manifest(headers.get("docker-content-digest") or wanted.manifest)
        image = await _image_for(remote, top, Platform.parse(platform))
        config, *layers = [await remote.blob(item["digest"]) for item in blobs_of(image)]
        return PulledImage(
            str(wanted),
            top.content.digest,
            top.content.media_type,
            image.digest,
            image.document,
            config.document,
            tuple(layers),
            tuple(requests),
        )

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls, local_addr=self._local)
            self._session = aiohttp.ClientSession(connector=connector, headers={"User-Agent": self._user_agent})
        return self._session


async def _image_for(remote: Remote, top: Fetched, platform: Platform) -> Content:
    if not top.content.is_index:
        return top.content
    for item in manifests_of(top.content):
        if platform_of(item).serves(platform):
            return (await remote.manifest(item["digest"])).content
    raise NoSuchPlatform(f"no image for {platform} in {top.content.digest}")
