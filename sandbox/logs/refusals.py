"""The query API's refusals, in its own codes and words.

Documented at https://learn.microsoft.com/azure/azure-monitor/logs/api/errors; the inner codes SEM0100 and SYN0002 and
their texts are seen in public error reports. What is marked as guessed is not in either.
"""

from typing import Any

from sandbox.frame.service import Refusal


class LogsRefusal(Refusal):
    """A refusal with an `{"error": …}` body, and inner errors where the service nests them."""

    def inner(self) -> dict[str, Any] | None:
        """The `innererror` of the body, None when there is none."""
        return None


class BadArgument(LogsRefusal):
    """The request, not the query, is wrong."""

    code = "BadArgumentError"
    text = "The request had some invalid properties"

    def __init__(self, detail: str) -> None:
        super().__init__()
        self.detail = detail

    def inner(self) -> dict[str, Any] | None:
        """What was wrong, in the words of the sandbox."""
        return {"code": "ValidationError", "message": self.detail}


class QuerySyntaxError(BadArgument):
    """The query does not parse.

    Attributes:
        line: of the first fault, counted from 1.
        column: of the first fault in its line, counted from 0.
    """

    def __init__(self, detail: str, *, line: int, column: int) -> None:
        super().__init__(detail)
        self.line = line
        self.column = column

    def inner(self) -> dict[str, Any] | None:
        """The parser's finding."""
        position = {"line": self.line, "pos": self.column}
        message = f"Query could not be parsed on line [{self.line},{self.column}]: {self.detail}"
        finding = {"code": "SYN0002", "message": message, **position}
        return {"code": "SyntaxError", "message": "A recognition error occurred in the query.", "innererror": finding}


class QuerySemanticError(BadArgument):
    """The query parses, but names or types in it do not exist or do not fit."""

    number = "SEM0100"

    def inner(self) -> dict[str, Any] | None:
        """The analyser's finding."""
        finding = {"code": self.number, "message": self.detail}
        return {"code": "SemanticError", "message": "A semantic error occurred.", "innererror": finding}


class NoOperand(QuerySemanticError):
    """A fuzzy union of which no table exists; that it fails is documented, its words are seen in public reports."""

    guessed = True

    def __init__(self) -> None:
        super().__init__(
            "union: must have at least one operand that can be evaluated successfully when running with 'Fuzzy' mode."
        )


class BeyondTheEngine(QuerySemanticError):
    """Azure may know this construct; the sandbox's engine does not."""

    number = "SANDBOX"
    guessed = True

    def __init__(self, detail: str) -> None:
        super().__init__(f"The sandbox's engine does not know this, Azure may: {detail}")


class AuthenticationMissing(LogsRefusal):
    """No bearer token was sent."""

    status = 401
    code = "AuthenticationFailed"
    text = "Authentication failed. The 'Authorization' header is missing."


class TokenInvalid(LogsRefusal):
    """The token is malformed, of another tenant, or out of time."""

    status = 403
    code = "InvalidAuthenticationToken"
    text = "The access token is invalid."


class TokenForAnother(LogsRefusal):
    """The token was made for another audience."""

    status = 403
    code = "InvalidAuthenticationTokenAudience"
    text = (
        "The access token has been obtained from wrong audience or resource '{audience}'. It should exactly match "
        "(including forward slash) with one of the allowed audiences '{allowed}'."
    )


class InsufficientAccess(LogsRefusal):
    """The caller has no role on the workspace that lets it query."""

    status = 403
    code = "InsufficientAccessError"
    text = "The provided credentials have insufficient access to perform the requested operation"


class PathNotFound(LogsRefusal):
    """There is no such workspace or operation."""

    status = 404
    code = "PathNotFoundError"
    text = "The requested path does not exist"


class Throttled(LogsRefusal):
    """More than 200 queries in 30 seconds of one caller, or more than 200 of them waiting (documented limits)."""

    status = 429
    code = "ThrottledError"
    text = "You've made too many requests in a short time. Please try again in {seconds} seconds."
    guessed = True
