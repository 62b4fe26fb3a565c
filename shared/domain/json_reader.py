"""Reads JSON that somebody else wrote; whatever is wrong with it is one error.

The traps: msgspec has errors of its own for what is no JSON or has another form, but a text that is no Unicode and a
document that is nested without end raise Python's (observed, 0.22). Whoever catches the former alone takes a
stranger's text for a defect of ours. And it takes a byte order mark, which services and editors write, for no JSON.
"""

import codecs
from functools import cache
from typing import Any, overload

import msgspec


class JsonUnreadable(ValueError):
    """A text is no JSON, or of another form than expected; who reads it answers with an error of its own."""


@overload
def read_json[T](text: bytes | str, kind: type[T]) -> T: ...


@overload
def read_json(text: bytes | str, kind: Any = Any) -> Any: ...


def read_json(text: bytes | str, kind: Any = Any) -> Any:
    """The value of a JSON text, as `kind`.

    Raises:
        JsonUnreadable: with what is wrong, in a few words.
    """
    bare = text.removeprefix("\ufeff") if isinstance(text, str) else text.removeprefix(codecs.BOM_UTF8)
    try:
        return _decoder(kind).decode(bare)
    except RecursionError as error:
        raise JsonUnreadable("it is nested too deeply") from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise JsonUnreadable(str(error)) from error


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
