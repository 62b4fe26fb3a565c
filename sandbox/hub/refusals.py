"""What Docker Hub answers when it says no, in its words; where the words come from stands in the README."""

from typing import Any

from sandbox.frame.service import Refusal


class LoginFailed(Refusal):
    """The user name, password or token is wrong."""

    status = 401
    code = "UNAUTHORIZED"
    text = "incorrect username or password"


class TokenExpired(Refusal):
    """The personal access token is past its end."""

    status = 401
    code = "UNAUTHORIZED"
    text = "personal access token is expired"


class PasswordNotAccepted(Refusal):
    """The account has a second factor or enforced single sign-on; the code is a guess, the refusal is documented."""

    status = 401
    code = "UNAUTHORIZED"
    text = "incorrect username or password"
    guessed = True


class LoginLocked(Refusal):
    """Too many bad logins: ten minutes without any login for this user name, right or wrong."""

    status = 429
    code = "TOOMANYREQUESTS"
    text = "too many failed login attempts for username or IP address"


class AbuseLimited(Refusal):
    """The limit on requests of any kind from one address; it knows no plan and no login."""

    status = 429
    code = "HAP429"
    text = "Too Many Requests (HAP429)"


class PullLimitReached(Refusal):
    """No pulls are left for this address."""

    status = 429
    code = "TOOMANYREQUESTS"
    text = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"


class AccountPullLimitReached(PullLimitReached):
    """No pulls are left for this account; the words carry its name and a session's id, as Docker Hub's do."""

    text = (
        "You have reached your pull rate limit as '{account}': {session}. You may increase the limit by upgrading. "
        "https://www.docker.com/increase-rate-limit"
    )


class RegistryRefusal(Refusal):
    """A refusal of the registry with the `detail` of its error document."""

    def __init__(self, *, detail: Any = None, headers: dict[str, str] | None = None, **fields: object) -> None:
        super().__init__(headers=headers, **fields)
        self.detail = detail


class AuthenticationRequired(RegistryRefusal):
    """No token, a bad one, or one that does not allow this; Docker Hub says the same of repositories that are not."""

    status = 401
    code = "UNAUTHORIZED"
    text = "authentication required"


class ManifestUnknown(RegistryRefusal):
    """No such tag or digest."""

    status = 404
    code = "MANIFEST_UNKNOWN"
    text = "manifest unknown"


class ManifestNotAccepted(RegistryRefusal):
    """The manifest is in a form that the client's Accept header does not name."""

    status = 404
    code = "MANIFEST_UNKNOWN"
    text = "{reason}"


class BlobUnknown(RegistryRefusal):
    """No such blob in this repository."""

    status = 404
    code = "BLOB_UNKNOWN"
    text = "blob unknown to registry"


class PageInvalid(RegistryRefusal):
    """`n` is no positive number."""

    status = 400
    code = "PAGINATION_NUMBER_INVALID"
    text = "invalid number of results requested"


class ApiRefusal(Refusal):
    """A refusal of the management API."""


class Unauthorized(ApiRefusal):
    """No bearer token of ours; a personal access token itself is none."""

    status = 401
    code = "unauthorized"
    text = "unauthorized"


class ApiLoginFailed(ApiRefusal):
    """Wrong identifier or secret, or a password that the account does not take here."""

    status = 401
    code = "unauthorized"
    text = "Incorrect authentication credentials"


class PersonalTokenNotAllowed(ApiRefusal):
    """The bearer token was minted from a personal access token."""

    status = 403
    code = "forbidden"
    text = "token issued from personal access token is not allowed"


class OrganizationTokenNotAllowed(ApiRefusal):
    """The bearer token was minted from an organization access token."""

    status = 403
    code = "forbidden"
    text = "token issued from organization access token is not allowed"


class NotAnOwner(ApiRefusal):
    """Only owners of an organization manage its tokens."""

    status = 403
    code = "forbidden"
    text = "forbidden"
    guessed = True


class NoSlotLeft(ApiRefusal):
    """The organization has as many tokens as its plan allows; nobody documents the words, so they say nothing here."""

    status = 403
    code = "forbidden"
    text = "forbidden"
    guessed = True


class NotFound(ApiRefusal):
    """No such token, organization or operation."""

    status = 404
    code = "not_found"
    text = "object not found"
    guessed = True


class InvalidFields(ApiRefusal):
    """The body does not fit; `fields` says where."""

    status = 400
    code = "bad_request"
    text = "validation error"
    guessed = True

    def __init__(self, **fields: str) -> None:
        super().__init__()
        self.fields = fields


class ApiRateLimited(ApiRefusal):
    """Too many requests in a minute; the header names a point in time, not a wait."""

    status = 429
    code = "rate_limited"
    text = "Rate limit exceeded"
