"""The one place where an SDK's exception becomes one of ours, so that every adapter says "later" and "never" alike.

The traps: the SDKs raise their own classes, plain `TimeoutError` and, for an answer that is no JSON, `JSONDecodeError`,
`RecursionError`, or an `HttpResponseError` of status 200; a `Retry-After` is seconds or a date; and a failed
long-running operation looks like success by its status.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from shared.adapters.azure_codes import hint_for, passes_by_itself
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.errors import CachewardenError, PermanentError, TemporaryError
from shared.telemetry.names import Outside
from shared.telemetry.spans import outside

_LONGEST_TEXT = 600
_LONGEST_WAIT = 3600.0
_REFUSALS = 400
"""The lowest HTTP status that refuses."""


class AzureUnavailable(TemporaryError):
    """Azure can't answer now: it throttles, fails, or can't be reached; `code` is its own where it gave one."""

    code = "azure_unavailable"
    hint = "Nothing to do; it is tried again."


class AzureRefused(PermanentError):
    """Azure refuses the request and will go on doing so; `code` is Azure's own."""

    code = "azure_refused"
    hint = "Look up the code in Azure's documentation; it is a refusal that this app has not met before."


class IdentityUnavailable(TemporaryError):
    """No token could be had for the app's identity."""

    code = "identity_unavailable"
    hint = "Does the app have a managed identity, and does AZURE_CLIENT_ID name it? On a laptop: az login."


@asynccontextmanager
async def azure_call(call: Outside, doing: str, *, deadline_s: float | None = None) -> AsyncIterator[None]:
    """Run SDK calls inside, as one span; what they raise becomes `TemporaryError` or `PermanentError`.

    Args:
        call: what is asked of which system.
        doing: what is being done, for the error's text: `reading registry contoso`.
        deadline_s: seconds after which the calls are given up; None leaves it to the SDK's own limits.
    """
    with outside(call):
        try:
            async with asyncio.timeout(deadline_s):
                yield
        except CachewardenError:
            raise
        except Exception as error:
            ours = our_error(doing, error)
            if ours is None:
                raise
            raise ours from error


async def together(*work: Awaitable[Any]) -> list[Any]:
    """The results of calls that run at the same time; when one fails the others are stopped, not left behind."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def our_error(doing: str, error: Exception) -> CachewardenError | None:
    """The error of ours that says the same, None when it is none of Azure's or the network's."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

    if _is_unread(error):
        return AzureUnavailable(f"{doing}: the answer is not what was expected", code="unreadable_answer")
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        code, message = _words(error)
        return refused(doing, error.status_code, getattr(error.response, "headers", {}), message, code=code)
    if isinstance(error, ClientAuthenticationError):
        return IdentityUnavailable(f"{doing}: no token: {one_line(str(error))}")
    if isinstance(error, TimeoutError):
        return AzureUnavailable(f"{doing}: no answer in time", code="timeout")
    if isinstance(error, AzureError | OSError):
        return AzureUnavailable(f"{doing}: {one_line(str(error))}", code="unreachable")
    return None


def _is_unread(error: Exception) -> bool:
    """Whether an answer that refuses nothing could not be read; one that refuses says enough by its status."""
    from azure.core.exceptions import DecodeError, DeserializationError

    if isinstance(error, DecodeError):
        return error.status_code is None or error.status_code < _REFUSALS
    return isinstance(
        error,
        json.JSONDecodeError | JsonUnreadable | msgspec.ValidationError | RecursionError | DeserializationError,
    )


def error_code(error: Any) -> str:
    """The service's own code for an `HttpResponseError`, empty when it gave none."""
    return _words(error)[0]


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The wait in seconds that a response's headers ask for, at most an hour; None when they ask for none."""
    for name, scale in (("retry-after-ms", 1000.0), ("x-ms-retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) / scale
        except ValueError:
            seconds = _until(text, now or datetime.now(UTC))
        if not math.isnan(seconds):
            return min(max(seconds, 0.0), _LONGEST_WAIT)
    return None


def _until(date: str, now: datetime) -> float:
    """The seconds until an HTTP date; NaN when it is none."""
    try:
        return (parsedate_to_datetime(date) - now).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return math.nan


def refused(
    doing: str, status: int | None, headers: Mapping[str, str], message: str, *, code: str = ""
) -> CachewardenError:
    """The error for an answer that says no, by its code, and by its status where the code says nothing to us."""
    text = f"{doing}: {code or (f'HTTP {status}' if status else 'no answer')}: {one_line(message)}"
    if passes_by_itself(code, status, message):
        return AzureUnavailable(text, retry_after=retry_after(headers), code=code or None)
    return AzureRefused(text, code=code or None, hint=hint_for(code) or None)


def _words(error: Any) -> tuple[str, str]:
    """The service's code and message.

    ARM's and Log Analytics' SDKs have them in `.error`. The Tables SDK has the code in `.error_code`, except for a
    failed insert or upsert, which it leaves unread, so that the answer itself is all there is (observed, 12.7.0). A
    registry answers with a list of errors, as the OCI distribution specification has it.
    """
    parsed = getattr(error, "error", None)
    code, message = getattr(parsed, "code", None), getattr(parsed, "message", None)
    if code is None:
        code = getattr(error, "error_code", None)
    if code is None and error.response is not None:
        code, message = _unread_words(error.response)
    return str(getattr(code, "value", code) or ""), one_line(str(message or error.message or ""))


def _unread_words(response: Any) -> tuple[str | None, str | None]:
    try:
        body = read_json(response.text())
    except (JsonUnreadable, AttributeError, RuntimeError):  # no JSON, no text, or a body that was never read
        body = None
    found = body.get("odata.error", body.get("error")) if isinstance(body, dict) else None
    if found is None and isinstance(body, dict) and isinstance(body.get("errors"), list):
        found = next(iter(body["errors"]), None)
    if not isinstance(found, dict):
        return response.headers.get("x-ms-error-code"), None
    message = found.get("message")
    return found.get("code"), message.get("value") if isinstance(message, dict) else message


def one_line(text: str) -> str:
    """The text on one line, cut to a length that a log and a page can bear."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"
