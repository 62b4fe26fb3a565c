"""What is said of a route of the HTTP interface; `api_routes` says it of each."""

from http import HTTPStatus
from typing import Any, Final

import msgspec

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"


class Parameter(msgspec.Struct, frozen=True):
    """A query parameter; all of them may be left out."""

    name: str
    description: str
    schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "string"})


class Answers(msgspec.Struct, frozen=True):
    """What comes when all went well.

    Attributes:
        models: the types of the body, one of which it is; none for a text.
        media: what it is; JSON lines have a model for each line.
        texts: other media types that a parameter asks for.
    """

    models: tuple[Any, ...]
    status: int = HTTPStatus.OK
    media: str = JSON
    texts: tuple[str, ...] = ()


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path below `/api`.

    Attributes:
        name: the function's.
        problems: the statuses of refusals besides 401 and 503, which every route has.
        body: the type of the request's body, None where it has none; `dict` where its form is another product's.
        body_is_optional: whether it may be left out.
        with_key: whether it wants a function key.
        names_a_person: whether it records who is signed in.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answers: Answers
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    body_is_optional: bool = False
    problems: tuple[int, ...] = ()
    with_key: bool = True
    names_a_person: bool = False


def number(name: str, description: str, largest: int) -> Parameter:
    """A parameter that is a whole number from 1 on."""
    return Parameter(name, description, {"type": "integer", "minimum": 1, "maximum": largest})


def word(name: str, description: str, words: type[Any]) -> Parameter:
    """A parameter that is one of the words of an enumeration."""
    return Parameter(name, description, {"type": "string", "enum": [str(one) for one in words]})
