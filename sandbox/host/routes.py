"""Route templates of HTTP functions, matched as ASP.NET Core does it for the real host.

Two traps. Routes are not ranked: the host tries them in the order of the functions' names and takes the first that
matches, so a `{*rest}` function named `all` hides every function after it (FunctionMetadataManager.cs sorts the names,
WebJobsRouteBuilder.cs keeps the order). And `%2F` inside a segment stays as it is; all else is decoded (Kestrel).
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

import msgspec

from sandbox.host.errors import BindingError
from sandbox.host.functions import Function
from sandbox.host.route_constraints import Constraint, parse_constraint

_PARAMETER = re.compile(
    r"\{(?P<rest>\*{0,2})(?P<name>\w+)(?P<rules>(?::[^{}()=?]+(?:\([^)]*\))?)*)(?:=(?P<default>[^}?]*))?(?P<optional>\?)?\}"
)
_RULE = re.compile(r":([^:()]+(?:\([^)]*\))?)")
_SLASH = re.compile("%2f", re.IGNORECASE)


class Parameter(msgspec.Struct, frozen=True):
    """One `{…}` of a template."""

    name: str
    constraints: tuple[Constraint, ...]
    default: str | None
    is_optional: bool
    is_rest: bool


class Segment(msgspec.Struct, frozen=True):
    """What stands between two slashes: a pattern with a group for each parameter."""

    pattern: re.Pattern[str]
    parameters: tuple[Parameter, ...]

    @property
    def may_be_missing(self) -> bool:
        """Whether a path may end before this segment."""
        return len(self.parameters) == 1 and (
            self.parameters[0].is_optional or self.parameters[0].is_rest or self.parameters[0].default is not None
        )

    def match(self, text: str) -> dict[str, str] | None:
        """The values of the parameters, or None when the text does not fit."""
        found = self.pattern.fullmatch(text)
        if found is None:
            return None
        values = {parameter.name: found[parameter.name] for parameter in self.parameters}
        fits = all(check(values[parameter.name]) for parameter in self.parameters for check in parameter.constraints)
        return values if fits else None


class Route(msgspec.Struct, frozen=True):
    """A function's template with its methods; no methods are all methods."""

    function: Function
    segments: tuple[Segment, ...]
    methods: frozenset[str]

    def match(self, method: str, parts: Sequence[str]) -> dict[str, str] | None:
        """The route values of a path's decoded parts, with defaults, or None when the request is not for this route."""
        if self.methods and method.upper() not in self.methods:
            return None
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            is_rest = bool(segment.parameters) and segment.parameters[-1].is_rest
            text = "/".join(parts[index:]) if is_rest else parts[index] if index < len(parts) else ""
            if text == "":
                if not segment.may_be_missing:
                    return None
                parameter = segment.parameters[0]
                values |= {} if parameter.default is None else {parameter.name: parameter.default}
                continue
            found = segment.match(text)
            if found is None:
                return None
            values |= found
            if is_rest:
                return values
        return values if len(parts) <= len(self.segments) else None


class RouteTable:
    """All routes of an app, in the order in which the real host tries them."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        """Parse the templates below the prefix; raises `BindingError` for a template that ASP.NET Core refuses."""
        self._routes = tuple(parse_route(function, prefix) for function in functions)

    def find(self, method: str, raw_path: str) -> tuple[Function, dict[str, str]] | None:
        """The function for a request with its route values, or None; the path is as it came over the wire."""
        parts = path_parts(raw_path)
        for route in self._routes:
            values = route.match(method, parts)
            if values is not None:
                return route.function, values
        return None


def path_parts(raw_path: str) -> list[str]:
    """The decoded segments of a path; one slash at the end does not count."""
    path = raw_path.removeprefix("/").removesuffix("/")
    return [_SLASH.sub("%2F", unquote(_SLASH.sub("%252F", part))) for part in path.split("/")] if path else []


def parse_route(function: Function, prefix: str) -> Route:
    """The route of an HTTP function: its template, or its name, below the prefix."""
    template = (function.trigger.route or function.name).strip("/")
    full = f"{prefix}/{template}" if prefix else template
    segments = tuple(_parse_segment(text, template) for text in full.split("/"))
    names = [parameter.name.lower() for segment in segments for parameter in segment.parameters]
    if len(names) != len(set(names)):
        raise BindingError(f"The route '{template}' has a parameter twice.")
    return Route(function, segments, frozenset(method.upper() for method in function.trigger.methods or ()))


def _parse_segment(text: str, template: str) -> Segment:
    pattern, parameters, position = "", [], 0
    for match in _PARAMETER.finditer(text):
        literal = text[position : match.start()]
        position = match.end()
        parameter = Parameter(
            name=match["name"],
            constraints=tuple(parse_constraint(rule, template) for rule in _RULE.findall(match["rules"])),
            default=match["default"],
            is_optional=match["optional"] is not None,
            is_rest=match["rest"] != "",
        )
        parameters.append(parameter)
        pattern += re.escape(literal) + f"(?P<{parameter.name}>.+)"
    literal = text[position:]
    if "{" in re.sub(_PARAMETER, "", text) or "}" in re.sub(_PARAMETER, "", text) or not text:
        raise BindingError(f"The route '{template}' can't be read at '{text}'.")
    return Segment(re.compile(pattern + re.escape(literal), re.IGNORECASE | re.DOTALL), tuple(parameters))
