"""Blobs on their way into the registry: begun, filled in chunks, closed with the digest that they must have."""

from uuid import uuid4

from sandbox.acr.refusals import DigestInvalid, UploadUnknown
from sandbox.oci.content import Content, digest_of

BLOB = "application/octet-stream"


class Uploads:
    """The uploads of a registry that are not finished."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], bytearray] = {}

    def begin(self, repository: str) -> str:
        """Start an upload and return its id."""
        identifier = str(uuid4())
        self._open[(repository, identifier)] = bytearray()
        return identifier

    def append(self, repository: str, identifier: str, data: bytes) -> int:
        """Add a chunk and return how many bytes there are; raises UploadUnknown."""
        upload = self._open.get((repository, identifier))
        if upload is None:
            raise UploadUnknown
        upload.extend(data)
        return len(upload)

    def finish(self, repository: str, identifier: str, data: bytes, digest: str) -> Content:
        """Add the last chunk and return the blob; raises UploadUnknown, and DigestInvalid, after which it is over."""
        self.append(repository, identifier, data)
        whole = bytes(self._open.pop((repository, identifier)))
        if digest_of(whole) != digest:
            raise DigestInvalid
        return Content(BLOB, digest, whole)

    def cancel(self, repository: str, identifier: str) -> None:
        """Forget an upload; raises UploadUnknown."""
        if self._open.pop((repository, identifier), None) is None:
            raise UploadUnknown
