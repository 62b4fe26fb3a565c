"""The one hierarchy of errors: every error says whether trying again can help, and what a person can do.

A trigger lets a `TemporaryError` escape, so that the queue delivers the message again, and records a `PermanentError`.
An outside system's refusal is classified by its own error code, never by its HTTP status: a failed long-running
operation of ARM answers with status 200.
"""

from typing import ClassVar


class CachewardenError(Exception):
    """The base of every error that this product raises on purpose.

    Attributes:
        code: a stable word for logs, incidents and the error catalogue; an outside system's own code where it has one.
        retryable: whether the same call can succeed later without anybody changing anything.
        hint: what a person can do about it, one sentence.
    """

    code: str = "error"
    retryable: ClassVar[bool] = False
    hint: str = ""

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if hint is not None:
            self.hint = hint


class TemporaryError(CachewardenError):
    """The call may succeed later; `retry_after` is the wait that the outside system asked for, in seconds."""

    code = "temporary"
    retryable = True

    def __init__(
        self, message: str, *, retry_after: float | None = None, code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_after = retry_after


class PermanentError(CachewardenError):
    """The call can't succeed until somebody changes something."""

    code = "permanent"


class CallerError(PermanentError):
    """Whoever called over HTTP has to change what they send; `status` is the HTTP status that says so."""

    code = "bad_request"
    status: ClassVar[int] = 400
