"""What an emulated service is to the sandbox: a name, routes, and refusals in the service's own words."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import web

type Clock = Callable[[], datetime]
"""Tells the time, always aware and in UTC; tests hand in their own."""


def system_clock() -> datetime:
    """The machine's time in UTC."""
    return datetime.now(UTC)


class Refusal(Exception):
    """An answer other than success, with the service's own code and exact words.

    A subclass sets `status` and `code`; `{}`-fields of `text` are filled from the keyword arguments.

    Attributes:
        guessed: True where the real service's status, code or words are not known, and this is the harsher reading.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "BadRequest"
    text: ClassVar[str] = ""
    guessed: ClassVar[bool] = False

    def __init__(self, *, headers: Mapping[str, str] | None = None, **fields: object) -> None:
        self.message = self.text.format(**fields)
        self.headers = dict(headers or {})
        super().__init__(f"{self.code}: {self.message}")


class Service(ABC):
    """One emulated service on one port.

    Attributes:
        name: the service's word in the exchange log, in fault rules and in `var/sandbox.json`.
        watched: False for the control API: its exchanges are not logged, and no fault hits it.
        base_url: scheme, host and port, no slash at the end; set by the frame before the first request.
        tls: False only for the identity endpoint and the control API, which are plain HTTP in reality as well.
    """

    name: ClassVar[str]
    tls: ClassVar[bool] = True
    watched: ClassVar[bool] = True
    base_url: str

    @abstractmethod
    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The service's routes, in the order in which they are tried."""

    @abstractmethod
    def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """The refusal as the service writes it; called for every `Refusal` that a handler raises."""

    async def close(self) -> None:  # noqa: B027 - most services hold nothing open
        """Release what the service holds open: sessions, tasks, databases."""

    def redact(self, body: Any) -> Any:
        """The body as the exchange log may keep it; a service with secrets in its bodies overrides it."""
        return body
