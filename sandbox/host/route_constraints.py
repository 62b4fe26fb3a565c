"""Inline constraints of route templates (`{id:int}`), as ASP.NET Core's routing has them.

Source: https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints. `datetime` accepts ISO 8601
only, where .NET accepts the invariant culture's formats as well.
"""

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation

from sandbox.host.errors import BindingError

type Constraint = Callable[[str], bool]

_NAMED = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)


def parse_constraint(text: str, template: str) -> Constraint:
    """The check that a constraint asks for; raises `BindingError` for one that ASP.NET Core does not know."""
    match = _NAMED.fullmatch(text)
    try:
        if match is not None and match[2] is None:
            return _PLAIN[match[1].lower()]
        if match is not None and match[1].lower() == "regex":
            pattern = re.compile(match[2], re.IGNORECASE)
            return lambda value: pattern.search(value) is not None
        if match is not None:
            return _WITH_NUMBERS[match[1].lower()](*(int(number) for number in match[2].split(",")))
    except (KeyError, ValueError, TypeError, re.error):
        pass
    raise BindingError(
        f"The route '{template}' has the constraint '{text}', which does not exist or lacks its arguments."
    )


def _integer(bits: int) -> Constraint:
    limit = 1 << (bits - 1)
    return lambda value: re.fullmatch(r"[+-]?[0-9]+", value) is not None and -limit <= int(value) < limit


def _parses(parse: Callable[[str], object]) -> Constraint:
    def check(value: str) -> bool:
        try:
            parse(value)
        except (ValueError, InvalidOperation):
            return False
        return True

    return check


_is_long = _integer(64)
_PLAIN: dict[str, Constraint] = {
    "int": _integer(32),
    "long": _is_long,
    "bool": lambda value: value.lower() in {"true", "false"},
    "alpha": lambda value: re.fullmatch(r"[A-Za-z]*", value) is not None,
    "guid": _parses(uuid.UUID),
    "decimal": _parses(Decimal),
    "double": _parses(float),
    "float": _parses(float),
    "datetime": _parses(datetime.fromisoformat),
    "required": lambda value: value != "",
}


def _length(low: int, high: int | None = None) -> Constraint:
    return lambda value: low <= len(value) <= (low if high is None else high)


_WITH_NUMBERS: dict[str, Callable[..., Constraint]] = {
    "minlength": lambda low: lambda value: len(value) >= low,
    "maxlength": lambda high: lambda value: len(value) <= high,
    "length": _length,
    "min": lambda low: lambda value: _is_long(value) and int(value) >= low,
    "max": lambda high: lambda value: _is_long(value) and int(value) <= high,
    "range": lambda low, high: lambda value: _is_long(value) and low <= int(value) <= high,
}
