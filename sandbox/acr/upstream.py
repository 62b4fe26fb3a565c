"""Fetches from an upstream registry with a rule's credentials, and words what goes wrong as ACR does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from ssl import SSLContext

from sandbox.acr.algebra import Upstream
from sandbox.acr.ports import CredentialsUnavailable, RuleBook
from sandbox.acr.refusals import (
    AcrRefusal,
    CredentialsUnhealthy,
    ManifestUnknown,
    TagUnknown,
    UpstreamDenied,
    UpstreamFailed,
    UpstreamLimited,
    UpstreamUnauthorized,
)
from sandbox.frame.service import Service
from sandbox.oci.client import OciClient
from sandbox.oci.content import MANIFEST_TYPES, Content, is_digest
from sandbox.oci.refusals import DigestMismatch, PullRefused, RegistryUnreachable, Step
from sandbox.oci.remote import Credentials, Remote

USER_AGENT = "AzureContainerRegistry/artifact-cache"


class UpstreamFetcher:
    """Asks upstream registries; every request starts with fresh credentials and a fresh token.

    `services` are the registries that exist in the sandbox by their host; others are unreachable. ACR's own cache of
    upstream tokens is unknown; without any, a revoked credential is felt at once.
    """

    def __init__(self, registry: str, rules: RuleBook, services: Mapping[str, Service], tls: SSLContext) -> None:
        self._registry = registry
        self._rules = rules
        self._services = services
        self._tls = tls
        self._client: OciClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def head(self, upstream: Upstream, reference: str) -> Mapping[str, str]:
        """The headers of a manifest upstream; raises an AcrRefusal."""
        with _worded(upstream, reference, "manifest"):
            return await (await self._open(upstream)).head_manifest(reference)

    async def manifest(self, upstream: Upstream, reference: str) -> Content:
        """A manifest upstream; raises an AcrRefusal."""
        with _worded(upstream, reference, "manifest"):
            content = (await (await self._open(upstream)).manifest(reference)).content
        if content.media_type not in MANIFEST_TYPES:
            raise _failed(HTTPStatus.BAD_GATEWAY, upstream, "manifest")
        return content

    async def blob(self, upstream: Upstream, digest: str) -> Content:
        """A blob upstream; raises an AcrRefusal."""
        with _worded(upstream, digest, "blob"):
            return await (await self._open(upstream)).blob(digest)

    async def _open(self, upstream: Upstream) -> Remote:
        found = await self._rules.credentials(self._registry, upstream.rule.name)
        credentials = Credentials(*found) if found is not None else None
        if self._client is None:
            hosts = {host: service.base_url for host, service in self._services.items()}
            self._client = OciClient(hosts=hosts, tls=self._tls, user_agent=USER_AGENT)
        return self._client.repository(upstream.host, upstream.repository, credentials=credentials)


@contextmanager
def _worded(upstream: Upstream, reference: str, what: str) -> Iterator[None]:
    try:
        yield
    except CredentialsUnavailable as error:
        raise CredentialsUnhealthy from error
    except PullRefused as error:
        raise _refusal(error, upstream, reference, what) from error
    except (RegistryUnreachable, DigestMismatch) as error:
        raise _failed(HTTPStatus.BAD_GATEWAY, upstream, what) from error


def _refusal(error: PullRefused, upstream: Upstream, reference: str, what: str) -> AcrRefusal:
    rule = upstream.rule.name
    match error.status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return UpstreamLimited(rule=rule)
        case HTTPStatus.UNAUTHORIZED if error.step is Step.AUTHORIZE or not error.authenticated:
            return UpstreamUnauthorized(rule=rule)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return UpstreamDenied(rule=rule, source=upstream.source)
        case HTTPStatus.NOT_FOUND:
            return (ManifestUnknown if is_digest(reference) else TagUnknown)(reference=reference)
        case status:
            return _failed(status, upstream, what)


def _failed(status: int, upstream: Upstream, what: str) -> UpstreamFailed:
    return UpstreamFailed(what=what, source=upstream.source, rule=upstream.rule.name, upstream=int(status))
