"""The artifact cache: the first pull is passed through, a copy follows, and from then on the registry serves itself.

A client tells the two apart by `X-Azure-Origin: upstream`. containerd asks for a tag by HEAD and then for the manifest
by digest, so a tag that was seen upstream is kept in mind until its manifest is pulled. A tag that was copied is
compared with the upstream again when it is five minutes old, by a HEAD that costs no pull; a digest never is. What was
copied stays when the upstream fails or the rule goes away.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from sandbox.acr.algebra import Upstream, upstream_of
from sandbox.acr.ports import RuleBook
from sandbox.acr.refusals import AcrRefusal, BlobUnknown, ManifestUnknown, TagUnknown
from sandbox.acr.upstream import UpstreamFetcher
from sandbox.frame.service import Clock
from sandbox.oci.content import Content, blobs_of, is_digest
from sandbox.oci.store import ImageStore, Repository

FRESH_S: Final = 300
"""How long a copied tag is served without a look at the upstream; "a delay of max 5 minutes" (an ACR engineer)."""


class Copy(msgspec.Struct, frozen=True):
    """A manifest that came to lie in the registry.

    Attributes:
        tag: the tag that it came to have, None for a pull by digest.
        new: whether the manifest itself was not there before.
    """

    repository: str
    manifest: Content
    tag: str | None
    new: bool


type Copied = Callable[[Copy], Awaitable[None]]
"""Is told of every copy that is complete."""


class Served(msgspec.Struct, frozen=True):
    """A manifest, and whether it came from upstream just now."""

    content: Content
    from_upstream: bool


class Seen(msgspec.Struct, frozen=True):
    """What a HEAD tells of a manifest: media type, digest, size in bytes, and whether the upstream said it."""

    media_type: str
    digest: str
    size: int
    from_upstream: bool


class Cache:
    """Pulls of one registry: from its own store, or through its rules.

    Attributes:
        copy_delay_s: how long a copy waits before it begins, to show the time in which pulls are still passed through.
        failed_copies: the refusals that ended a copy; the next pull is passed through and tries again.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each
        self,
        registry: str,
        rules: RuleBook,
        store: ImageStore,
        fetcher: UpstreamFetcher,
        *,
        copied: Copied,
        clock: Clock,
    ) -> None:
        self.copy_delay_s = 0.0
        self.failed_copies: list[AcrRefusal] = []
        self._registry = registry
        self._rules = rules
        self._store = store
        self._fetcher = fetcher
        self._copied = copied
        self._clock = clock
        self._compared: dict[tuple[str, str], float] = {}
        self._tags_seen: dict[tuple[str, str], set[str]] = {}
        self._defects: list[Exception] = []
        self._copies: dict[tuple[str, str, str | None], asyncio.Task[None]] = {}

    def upstream_of(self, repository: str) -> Upstream | None:
        """Where a repository's images come from; None when no rule covers it."""
        return upstream_of(self._rules.rules(self._registry), repository)

    async def manifest(self, repository: str, reference: str) -> Served:
        """A manifest for a GET; one from upstream is copied in the background.

        Raises:
            AcrRefusal: it is nowhere, or the upstream refused it.
        """
        upstream = self.upstream_of(repository)
        local = await self._current(repository, reference, upstream)
        if local is not None:
            return Served(local, from_upstream=False)
        if upstream is None:
            raise _unknown(reference)
        content = await self._fetcher.manifest(upstream, reference)
        tags = self._tags_seen.pop((repository, content.digest), set())
        if not is_digest(reference):
            tags.add(reference)
        for tag in tags or (None,):
            self._begin_copy(upstream, self._store.open(repository), content, tag)
        return Served(content, from_upstream=True)

    async def look(self, repository: str, reference: str) -> Seen:
        """What a HEAD tells; of itself it copies nothing but a tag for a manifest that is here. Raises AcrRefusal."""
        upstream = self.upstream_of(repository)
        local = await self._current(repository, reference, upstream)
        if local is not None:
            return Seen(local.media_type, local.digest, len(local.data), from_upstream=False)
        if upstream is None:
            raise _unknown(reference)
        headers = await self._fetcher.head(upstream, reference)
        digest, size = _digest(headers), int(headers.get("content-length", "0"))
        found = self._store.find(repository)
        known = found.manifest(digest) if found is not None else None
        if not is_digest(reference) and found is not None and known is not None:
            self._begin_copy(upstream, found, known, reference)
        elif not is_digest(reference):
            self._tags_seen.setdefault((repository, digest), set()).add(reference)
        return Seen(headers.get("content-type", ""), digest, size, from_upstream=True)

    async def blob(self, repository: str, digest: str) -> Content:
        """A blob, passed through while it is not copied. Raises AcrRefusal."""
        local = self._store.blob(repository, digest)
        if local is not None:
            return local
        upstream = self.upstream_of(repository)
        if upstream is None:
            raise BlobUnknown(detail={"digest": digest})
        return await self._fetcher.blob(upstream, digest)

    async def settle(self) -> None:
        """Wait until no copy is under way; raises the defects: what went wrong in copies, other than refusals."""
        while self._copies:
            await asyncio.gather(*self._copies.values())
        self._raise_defects()

    async def close(self) -> None:
        """Stop the copies that are under way; raises the defects."""
        copies = list(self._copies.values())
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        self._raise_defects()

    def _raise_defects(self) -> None:
        defects, self._defects = self._defects, []
        if defects:
            raise ExceptionGroup("copies through cache rules went wrong", defects)

    async def _current(self, repository: str, reference: str, upstream: Upstream | None) -> Content | None:
        """The local manifest, unless the upstream has another one under the tag by now."""
        found = self._store.find(repository)
        local = found.manifest(reference) if found is not None else None
        if local is None or upstream is None or is_digest(reference):
            return local
        key, now = (repository, reference), self._clock().timestamp()
        if now < self._compared.get(key, 0) + FRESH_S:
            return local
        try:
            headers = await self._fetcher.head(upstream, reference)
        except AcrRefusal:
            return local
        if _digest(headers) != local.digest:
            return None
        self._compared[key] = now
        return local

    def _begin_copy(self, upstream: Upstream, repository: Repository, content: Content, tag: str | None) -> None:
        key = (repository.name, content.digest, tag)
        if key in self._copies or repository.holds(content.digest, tag):
            return

        async def copy() -> None:
            try:
                await asyncio.sleep(self.copy_delay_s)
                await self._copied(await self._copy(upstream, repository, content, tag))
            except AcrRefusal as refusal:
                self.failed_copies.append(refusal)
            except Exception as error:  # noqa: BLE001 - raised by `settle` or `close`; there is no request to fail
                self._defects.append(error)
            finally:
                del self._copies[key]

        self._copies[key] = asyncio.create_task(copy())

    async def _copy(self, upstream: Upstream, repository: Repository, content: Content, tag: str | None) -> Copy:
        for descriptor in blobs_of(content):
            if descriptor["digest"] not in repository.blobs:
                blob = await self._fetcher.blob(upstream, descriptor["digest"])
                repository.blobs[blob.digest] = blob
        new = content.digest not in repository.manifests
        repository.put_manifest(content, tag)
        if tag is not None:
            self._compared[(repository.name, tag)] = self._clock().timestamp()
        return Copy(repository.name, content, tag, new)


def _digest(headers: Mapping[str, str]) -> str:
    return headers.get("docker-content-digest", "")


def _unknown(reference: str) -> AcrRefusal:
    return (ManifestUnknown if is_digest(reference) else TagUnknown)(reference=reference)
