"""ARM's long-running operations: where their end is told, and what it was.

The SDK could keep its poller as a token, but that is a pickle of a whole answer, and nobody should unpickle what lies
in a table. What is kept is the address at which ARM tells of the operation, without its host: it is asked for at our
own endpoint and only where operations of the registry's subscription are.

The traps: a failed operation is told with status 200 (measured); `Location` tells by 202 and then by the resource, not
by a `status`; and an operation is forgotten after a while, which says nothing about how it ended.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from shared.adapters.arm_clients import ArmReader
from shared.adapters.azure_errors import our_error, refused, retry_after
from shared.domain.operations import Operation
from shared.errors import CachewardenError, PermanentError
from shared.telemetry import get_logger

RUNNING: Final = frozenset({"Creating", "Updating", "Deleting"})
"""Provisioning states of a resource on which an operation runs."""

_SUCCEEDED: Final = "succeeded"
_FAILED: Final = frozenset({"failed", "canceled"})
_ACCEPTED: Final = 202
_NO_CONTENT: Final = 204
_LONGEST: Final = 4000
_STATUS: Final = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f-]{36})(?:/[\w.()-]+)*/providers/microsoft\.containerregistry"
    r"(?:/[\w.-]+)*/operation(?:statuses|results)(?:/[\w.-]+)+\?[\w.~%=&+-]+",
    re.IGNORECASE | re.ASCII,
)

_log = get_logger(__name__)


class End(msgspec.Struct, frozen=True):
    """How an operation ended: `failure` is None when it succeeded."""

    failure: CachewardenError | None = None


class ArmOperations:
    """Operations at one endpoint."""

    def __init__(self, reader: ArmReader, *, endpoint: str, poll_s: float) -> None:
        self._reader = reader
        self._endpoint = urlsplit(endpoint)
        self._poll_s = poll_s

    def accepted(self, subscription: str, resource: str, answer: Any) -> Operation | None:
        """The operation that runs after an answer to a write, None when the write is done already."""
        url = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        if not url:
            state = answer.json().get("properties", {}).get("provisioningState")
            return Operation(resource) if state in RUNNING else None
        status = self._status_in(url)
        if _is_status(status, subscription):
            return Operation(resource, status)
        _log.warning("operation.told_elsewhere", resource=resource)
        return Operation(resource)

    def _status_in(self, url: str) -> str:
        """The path and query of an address at our endpoint; empty for any other, and for what is none."""
        try:
            told = urlsplit(url)
            is_ours = _origin(told) == _origin(self._endpoint)
        except ValueError:
            return ""
        return f"{told.path.removeprefix(self._endpoint.path.rstrip('/'))}?{told.query}" if is_ours else ""

    async def end(self, subscription: str, operation: Operation) -> End | None:
        """Wait for the end; None where ARM does not tell: it named no address, or knows the operation no more.

        Raises:
            AzureError: the address can't be asked just now.
        """
        if not _is_status(operation.status, subscription):
            return None
        while True:
            try:
                answer = await self._reader.look(operation.status)
            except Exception as error:
                ours = our_error(f"asking about {operation.resource}", error)
                if not isinstance(ours, PermanentError):
                    raise
                _log.warning("operation.not_told", resource=operation.resource, code=ours.code)
                return None
            state = _state(answer.status, answer.body)
            if state == _SUCCEEDED:
                return End()
            if state in _FAILED:
                return End(_failure(operation, state, answer.headers, answer.body))
            if state is None:
                return None
            wait = retry_after(answer.headers)
            await asyncio.sleep(self._poll_s if wait is None else wait)


def _state(status: int, document: Any) -> str | None:
    """The state that an answer tells, in lower case; None when it tells none."""
    if status == _ACCEPTED:
        return "running"
    if status == _NO_CONTENT:
        return _SUCCEEDED
    told = document.get("status") if isinstance(document, dict) else None
    return told.lower() if isinstance(told, str) else None


def _failure(operation: Operation, state: str, headers: Mapping[str, str], document: Any) -> CachewardenError:
    told = document.get("error")
    error = told if isinstance(told, dict) else {}
    message = str(error.get("message") or "Azure does not say why.")
    code = str(error.get("code") or f"Operation{state.title()}")
    return refused(f"making {operation.resource}", None, headers, message, code=code)


def _is_status(path: str, subscription: str) -> bool:
    """Whether a path is one at which ARM tells of operations of registries in a subscription.

    The forms are those of Microsoft's examples: below the rule or set, and below the provider's location.
    """
    found = _STATUS.fullmatch(path) if len(path) <= _LONGEST else None
    steps = {".", ".."} & set(path.partition("?")[0].split("/"))
    return found is not None and not steps and found["subscription"].lower() == subscription.lower()


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or {"https": 443, "http": 80}.get(url.scheme)
