"""What the registry answers when it says no; through a rule in the words that users quote. Sources: the README."""

from typing import Any
from uuid import uuid4

from sandbox.frame.service import Refusal

CORRELATION = "X-Ms-Correlation-Request-Id"


class AcrRefusal(Refusal):
    """A refusal with a correlation id, which stands in many of the texts and in a header, and the `detail`, if any."""

    def __init__(self, *, detail: Any = None, headers: dict[str, str] | None = None, **fields: object) -> None:
        correlation = str(uuid4())
        super().__init__(headers={CORRELATION: correlation, **(headers or {})}, correlation=correlation, **fields)
        self.detail = detail


class Unauthorized(AcrRefusal):
    """Nobody that the registry knows, or nobody who may do this."""

    status = 401
    code = "UNAUTHORIZED"
    text = (
        "authentication required, visit https://aka.ms/acr/authorization for more information. "
        "CorrelationId: {correlation}"
    )


class CredentialsUnhealthy(Unauthorized):
    """The rule's credential set is unhealthy; users see the same words as for the registry's own sign-in."""


class Denied(AcrRefusal):
    """The caller is known and may not do this."""

    status = 403
    code = "DENIED"
    text = "requested access to the resource is denied"


class NameInvalid(AcrRefusal):
    """No name of a repository."""

    status = 400
    code = "NAME_INVALID"
    text = "invalid repository name"


class NameUnknown(AcrRefusal):
    """No such repository."""

    status = 404
    code = "NAME_UNKNOWN"
    text = 'repository "{repository}" is not found'


class TagUnknown(AcrRefusal):
    """No manifest under this tag."""

    status = 404
    code = "MANIFEST_UNKNOWN"
    text = 'manifest tagged by "{reference}" is not found'


class ManifestUnknown(AcrRefusal):
    """No manifest of this digest."""

    status = 404
    code = "MANIFEST_UNKNOWN"
    text = "manifest {reference} is not found"
    guessed = True


class ManifestNotAccepted(AcrRefusal):
    """The manifest is in a form that the client's Accept header does not name (seen: 404 for multi-arch images)."""

    status = 404
    code = "MANIFEST_UNKNOWN"
    text = "{reason}"
    guessed = True


class ManifestInvalid(AcrRefusal):
    """What was pushed is no manifest."""

    status = 400
    code = "MANIFEST_INVALID"
    text = "manifest invalid"


class ManifestBlobUnknown(AcrRefusal):
    """What was pushed refers to something that is not in the repository."""

    status = 400
    code = "MANIFEST_BLOB_UNKNOWN"
    text = "manifest references a manifest or blob that is not in the repository"


class DigestInvalid(AcrRefusal):
    """The bytes that came are not those of the digest."""

    status = 400
    code = "DIGEST_INVALID"
    text = "provided digest did not match uploaded content"


class BlobUnknown(AcrRefusal):
    """No such blob in this repository."""

    status = 404
    code = "BLOB_UNKNOWN"
    text = "blob unknown to registry"


class UploadUnknown(AcrRefusal):
    """No such upload, or one that is over."""

    status = 404
    code = "BLOB_UPLOAD_UNKNOWN"
    text = "blob upload unknown to registry"


class Unsupported(AcrRefusal):
    """Not an operation of the registry."""

    status = 405
    code = "UNSUPPORTED"
    text = "The operation is unsupported."


class PageInvalid(AcrRefusal):
    """`n` is no positive number."""

    status = 400
    code = "PAGINATION_NUMBER_INVALID"
    text = "invalid number of results requested"


class PushBlocked(AcrRefusal):
    """The repository is a rule's target; that pushes are blocked is known, the words are not."""

    status = 403
    code = "DENIED"
    text = (
        "pushing to repository '{repository}' is not allowed because it is a target of cache rule '{rule}'. "
        "CorrelationId:{correlation}. For more information, please visit https://aka.ms/acr/cache"
    )
    guessed = True


class UpstreamLimited(AcrRefusal):
    """The upstream answered 429; the status is inferred."""

    status = 429
    code = "TOOMANYREQUESTS"
    text = "too many requests to source registry for cache rule '{rule}'. CorrelationId: {correlation}"


class UpstreamUnauthorized(AcrRefusal):
    """The upstream does not know the rule's credentials, or wants some; the status is inferred."""

    status = 401
    code = "UNAUTHORIZED"
    text = (
        "authentication required with source registry for cache rule '{rule}' "
        "For more information, please visit https://aka.ms/acr/cache"
    )


class UpstreamDenied(AcrRefusal):
    """The upstream knows the credentials and gives nothing for them; the status is inferred."""

    status = 403
    code = "DENIED"
    text = "requested access to pull from source '{source}' for cache rule '{rule}' has been denied."


class UpstreamFailed(AcrRefusal):
    """The upstream answered something else, or nothing; status and frame were seen for referrers only."""

    status = 424
    code = "UNKNOWN"
    text = (
        "request to fetch {what} from source '{source}' for cache rule '{rule}' returned status code {upstream}. "
        "CorrelationId:{correlation}. For more information, please visit https://aka.ms/acr/cache"
    )
    guessed = True
