"""Image references in their one canonical form (helper E1 completes this module)."""

import msgspec


class ImageReference(msgspec.Struct, frozen=True, order=True):
    """A normalised image reference.

    Attributes:
        registry: the canonical host in lower case: `docker.io`, whatever alias of Docker Hub was written.
        repository: the path below the host, `library/` written out: `library/nginx`.
        tag: only when it was written; there is no implied `latest`.
        digest: `sha256:…`, only when it was written.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def source(self) -> str:
        """The repository with its host, as a cache rule's source names it: `docker.io/library/nginx`."""
        return f"{self.registry}/{self.repository}"

    @property
    def suffix(self) -> str:
        """Tag and digest as they were written: `:1.27`, `@sha256:…`, `:1.27@sha256:…` or nothing."""
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.source + self.suffix
