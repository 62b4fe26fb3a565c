"""ARM's paths: without regard to case, with a scope of any depth in front of an extension resource.

The trap it avoids: ARM compares ids without regard to case and clients send them in any; a router that doesn't would
refuse what Azure takes.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web


class Call(msgspec.Struct, frozen=True):
    """An authenticated request on its way into a handler.

    Attributes:
        principal: the caller's object id.
        path: the parts of the path that the route names.
        version: the api-version.
        base_url: the address of this Resource Manager.
    """

    request: web.Request
    principal: str
    path: Mapping[str, str]
    version: str
    base_url: str

    async def body(self) -> bytes:
        """The request's body."""
        return await self.request.read()

    def page(self, items: Sequence[Any], *, size: int) -> tuple[list[Any], str | None]:
        """One page of `items`, and the link to the next one; its token is short, lest a check take it for a secret."""
        token = self.request.query.get("$skiptoken", "0")
        start = int(token) if token.isdecimal() else 0
        more = start + size < len(items)
        link = f"{self.base_url}{self.request.path}?api-version={self.version}&$skiptoken={start + size}"
        return list(items[start : start + size]), link if more else None


type Handler = Callable[[Call], Awaitable[web.StreamResponse]]


class Route(msgspec.Struct, frozen=True):
    """An operation of ARM.

    Attributes:
        method: GET, PUT, …
        pattern: the path, compiled.
        type: the resource type that the api-version belongs to; may name parts of the path.
        action: the action that the caller needs at `scope`; empty where the handler asks itself.
        scope: the ARM id that the action is checked at; may name parts of the path.
    """

    method: str
    pattern: re.Pattern[str]
    type: str
    action: str
    scope: str
    handler: Handler


def route(method: str, template: str, handler: Handler, *, type: str, action: str = "", scope: str = "") -> Route:  # noqa: A002, PLR0913 - ARM's word; the parts of an operation
    """A route from a template: `{name}` is one segment, `{scope}` any number of them."""
    parts = re.split(r"\{(\w+)\}", template)
    pattern = "".join(
        re.escape(part) if index % 2 == 0 else f"(?P<{part}>{'.*' if part == 'scope' else '[^/]+'})"
        for index, part in enumerate(parts)
    )
    return Route(method, re.compile(pattern + "/?", re.IGNORECASE), type, action, scope or template, handler)


def find_route(routes: Iterable[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The first route that takes the method at the path, with the parts that it names."""
    path = re.sub("/{2,}", "/", path)
    for candidate in routes:
        match = candidate.pattern.fullmatch(path) if candidate.method == method else None
        if match is not None:
            return candidate, match.groupdict()
    return None
