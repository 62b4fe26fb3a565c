"""Image references as a container runtime reads them.

Written apart from the product's own parser on purpose: the sandbox must not inherit a mistake that it is to uncover.
"""

from typing import Final, Self

import msgspec

DOCKER_HUB: Final = "docker.io"


class Reference(msgspec.Struct, frozen=True):
    """Where an image is: host (`docker.io` when none was written), repository, and a tag, a digest or both."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference with what Docker leaves out filled in: host, `library/`, and `latest` when nothing is said.

        Raises:
            ValueError: when there is no repository in the text.
        """
        rest, _, digest = text.partition("@")
        path, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:
            path, tag = rest, ""
        host, slash, repository = path.partition("/")
        if not slash or not ({".", ":"} & set(host) or host == "localhost"):
            host, repository = DOCKER_HUB, path
        if host == DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        if not repository.strip("/") or repository == "library/":
            raise ValueError(f"no repository in the image reference {text!r}")
        return cls(host, repository, tag or ("" if digest else "latest"), digest)

    @property
    def manifest(self) -> str:
        """What is asked for at `/v2/<repository>/manifests/`: the digest when there is one."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.host}/{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")
