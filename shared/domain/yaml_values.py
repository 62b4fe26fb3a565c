"""Single values of a YAML file beside msgspec's types: what was read, what was expected, what stands in for it."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import yaml
from msgspec import inspect

from shared.domain.durations import parse_duration
from shared.domain.problems import LONGEST_FOUND, did_you_mean

type Extra = Mapping[str, Any]
"""`msgspec.Meta.extra` of a field: `expected` is the sentence for people, `hidden` keeps the found text out of it."""

_YAML_KINDS = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}
_TEXT_TAGS = frozenset({"str", "timestamp"})


class NotAsExpectedError(ValueError):
    """A value is not what its type asks for; the text says what was expected."""


def read_scalar(node: yaml.ScalarNode, kind: inspect.Type, extra: Extra) -> Any:
    """The value of a scalar; raises `NotAsExpectedError`."""
    text, tag = str(node.value), tag_of(node)
    for known, read in _READERS.items():
        if isinstance(kind, known):
            return read(text, tag, kind, extra)
    raise TypeError(f"no policy field has the type {kind}")


def read_text(text: str, tag: str, kind: inspect.StrType, extra: Extra) -> str:
    """Text that has its field's form; raises `NotAsExpectedError`."""
    expected = str(extra.get("expected", "text"))
    if tag not in _TEXT_TAGS:
        raise NotAsExpectedError(f"{expected} (in quotes, or YAML reads it as {_YAML_KINDS.get(tag, tag)})")
    if kind.pattern and not re.fullmatch(kind.pattern, text):
        raise NotAsExpectedError(expected)
    if kind.max_length is not None and len(text) > kind.max_length:
        raise NotAsExpectedError(f"at most {kind.max_length} characters")
    return text


def _read_choice(text: str, _tag: str, kind: inspect.EnumType, _extra: Extra) -> Any:
    known = {str(member.value): member for member in kind.cls}
    if text not in known:
        raise NotAsExpectedError(f"{expectation(kind)}{did_you_mean(text, known)}")
    return known[text]


def _read_bool(text: str, tag: str, kind: inspect.BoolType, _extra: Extra) -> bool:
    if tag != "bool":
        raise NotAsExpectedError(expectation(kind))
    return text.lower() in {"true", "yes", "on"}


def _read_integer(text: str, tag: str, kind: inspect.IntType, extra: Extra) -> int:
    value = int(text) if tag == "int" and re.fullmatch(r"[0-9]{1,12}", text) else None
    if value is None or not (kind.ge or 0) <= value <= (kind.le if kind.le is not None else value):
        raise NotAsExpectedError(expectation(kind, extra))
    return value


def _read_duration(text: str, _tag: str, kind: inspect.TimeDeltaType, extra: Extra) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise NotAsExpectedError(expectation(kind, extra)) from error


_READERS: dict[type[inspect.Type], Callable[[str, str, Any, Extra], Any]] = {
    inspect.StrType: read_text,
    inspect.EnumType: _read_choice,
    inspect.BoolType: _read_bool,
    inspect.IntType: _read_integer,
    inspect.TimeDeltaType: _read_duration,
}


def neutral(kind: inspect.Type) -> Any:
    """A value of a kind that stands in for one that could not be read: empty wherever the kind has an empty value."""
    match kind:
        case inspect.Metadata():
            value = neutral(kind.type)
        case inspect.StructType():
            value = kind.cls(**{field.name: neutral(field.type) for field in kind.fields if field.required})
        case inspect.EnumType():
            value = next(iter(kind.cls))
        case inspect.TimeDeltaType():
            value = timedelta.max
        case inspect.IntType():
            value = kind.ge or 0
        case _:
            empty = {inspect.VarTupleType: (), inspect.DictType: {}, inspect.StrType: "", inspect.BoolType: False}
            value = empty.get(type(kind))
    return value


def expectation(kind: inspect.Type, extra: Extra | None = None) -> str:
    """What a value of a kind should be, for people."""
    if isinstance(kind, inspect.Metadata):
        return expectation(kind.type, {**(extra or {}), **(kind.extra or {})})
    if isinstance(kind, inspect.EnumType):
        return f"one of {', '.join(str(member.value) for member in kind.cls)}"
    if isinstance(kind, inspect.IntType):
        return str((extra or {}).get("expected", f"a whole number from {kind.ge} to {kind.le}"))
    plain = {
        inspect.StructType: "a mapping",
        inspect.DictType: "a mapping",
        inspect.VarTupleType: "a list",
        inspect.BoolType: "true or false",
    }
    return plain.get(type(kind)) or str((extra or {}).get("expected", "text"))


def found_in(node: yaml.Node | None) -> str:
    """What stands in a file, shortened, for people."""
    if not isinstance(node, yaml.ScalarNode):
        return "nothing" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
    text = str(node.value)
    shown = text[:LONGEST_FOUND] + ("…" if len(text) > LONGEST_FOUND else "")
    return repr(shown) if tag_of(node) in _TEXT_TAGS else (shown or "nothing")


def tag_of(node: yaml.Node) -> str:
    """The last word of a node's tag: `str`, `int`, `merge`."""
    return str(node.tag).rpartition(":")[2]
