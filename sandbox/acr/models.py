"""One registry's data plane: what it holds, who may use it, and what happens when something is put in or taken out."""

from collections.abc import Mapping
from ssl import SSLContext

from sandbox.acr.cache import Cache, Copy
from sandbox.acr.events import Events
from sandbox.acr.gate import Gate
from sandbox.acr.ports import AccessControl, PushHook, RuleBook, TokenVerifier
from sandbox.acr.refusals import (
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    PushBlocked,
    TagUnknown,
)
from sandbox.acr.uploads import Uploads
from sandbox.acr.upstream import USER_AGENT, UpstreamFetcher
from sandbox.arm.targets import parse_target
from sandbox.frame.service import Clock, Service, system_clock
from sandbox.oci.content import MANIFEST_TYPES, Content, is_digest, manifests_of
from sandbox.oci.images import Image
from sandbox.oci.store import ImageStore, Repository


class Acr:
    """A registry.

    Args:
        name: its name in ARM, by which rule book and repository index know it.
        registry_id: its ARM id: the scope of role assignments and the topic of its events.
        upstreams: the registries that a rule may lead to, by host; all others are unreachable.
        on_push, on_delete: are given the registry's events; events are dropped while there is no hook.

    Attributes:
        gate: sign-in and permissions; `gate.admin` enables the admin user.
        cache: pulls, through rules or not.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each
        self,
        name: str,
        registry_id: str,
        *,
        rules: RuleBook,
        verifier: TokenVerifier,
        access: AccessControl,
        upstreams: Mapping[str, Service],
        tls: SSLContext,
        on_push: PushHook | None = None,
        on_delete: PushHook | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self.name = name
        self._service: Service | None = None
        self.store = ImageStore(clock=clock)
        self.gate = Gate(registry_id, verifier, access, clock=clock)
        self.uploads = Uploads()
        self._fetcher = UpstreamFetcher(name, rules, upstreams, tls)
        self.cache = Cache(name, rules, self.store, self._fetcher, copied=self._announce, clock=clock)
        self.on_push = on_push
        self.on_delete = on_delete
        self._events = Events(registry_id, clock)

    async def close(self) -> None:
        """Stop copies that are under way and close connections."""
        try:
            await self.cache.close()
        finally:
            await self._fetcher.close()

    def served_by(self, service: Service) -> None:
        """Tell the registry which service it answers through."""
        self._service = service

    @property
    def base_url(self) -> str:
        """Where the registry listens; known once its service does."""
        return self._service.base_url if self._service is not None else ""

    @property
    def host(self) -> str:
        """The login server: the same without the scheme."""
        return self.base_url.removeprefix("https://")

    def repositories(self, registry: str) -> frozenset[str]:
        """The repositories that exist, for ARM; none for another registry's name."""
        return frozenset(self.store.names()) if registry.lower() == self.name.lower() else frozenset()

    def seed(self, repository: str, image: Image, *, tag: str) -> None:
        """Put an image into the registry as if it had always been there: no event, no rule is asked."""
        self.store.add(repository, image, tag=tag)

    def repository(self, name: str) -> Repository:
        """The repository; raises NameUnknown."""
        found = self.store.find(name)
        if found is None:
            raise NameUnknown(repository=name)
        return found

    def check_push(self, name: str) -> None:
        """Raises NameInvalid, and PushBlocked when a rule has the repository as its target."""
        path = parse_target(name)
        if path is None or path.wildcard:
            raise NameInvalid
        upstream = self.cache.upstream_of(name)
        if upstream is not None:
            raise PushBlocked(repository=name, rule=upstream.rule.name)

    async def push_manifest(self, name: str, reference: str, content: Content, user_agent: str) -> None:
        """Take a manifest in, with one event; raises what is wrong with it."""
        self.check_push(name)
        repository = self.store.open(name)
        _check_manifest(repository, reference, content)
        repository.put_manifest(content, reference)
        tag = None if is_digest(reference) else reference
        await self._push_event(name, content, tag, user_agent)

    async def _announce(self, copy: Copy) -> None:
        """A copy through a rule is complete: an event for the tag, if there is one, and an event for the manifest."""
        if copy.tag is not None:
            await self._push_event(copy.repository, copy.manifest, copy.tag, USER_AGENT)
        if copy.new:
            await self._push_event(copy.repository, copy.manifest, None, USER_AGENT)

    async def delete_manifest(self, name: str, digest: str, user_agent: str) -> None:
        """Delete a manifest with its tags, with one event; raises NameUnknown, ManifestUnknown."""
        repository = self.repository(name)
        content = repository.manifest(digest)
        if content is None or not repository.delete_manifest(digest):
            raise ManifestUnknown(reference=digest)
        await self._delete_event(name, content, user_agent)

    async def delete_repository(self, name: str, user_agent: str) -> Repository:
        """Delete a repository, with one event for each manifest, and return what it was; raises NameUnknown."""
        repository = self.repository(name)
        self.store.delete(name)
        for manifest in repository.manifests.values():
            await self._delete_event(name, manifest.content, user_agent)
        return repository

    def untag(self, name: str, tag: str) -> None:
        """Delete a tag and leave its manifest; there is no event for it. Raises NameUnknown, TagUnknown."""
        if self.repository(name).tags.pop(tag, None) is None:
            raise TagUnknown(reference=tag)

    async def _push_event(self, name: str, content: Content, tag: str | None, user_agent: str) -> None:
        if self.on_push is not None:
            event = self._events.pushed(name, content, tag=tag, host=self.host, user_agent=user_agent)
            await self.on_push(event)

    async def _delete_event(self, name: str, content: Content, user_agent: str) -> None:
        if self.on_delete is not None:
            await self.on_delete(self._events.deleted(name, content, host=self.host, user_agent=user_agent))


def _check_manifest(repository: Repository, reference: str, content: Content) -> None:
    if content.media_type not in MANIFEST_TYPES:
        raise ManifestInvalid
    if is_digest(reference) and reference != content.digest:
        raise DigestInvalid
    try:
        missing: list[str] = repository.missing_blobs(content)
        missing += [item["digest"] for item in manifests_of(content) if item["digest"] not in repository.manifests]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ManifestInvalid from error
    if missing:
        raise ManifestBlobUnknown(detail={"digest": missing[0]})
