"""Reads YAML into msgspec types and finds every problem in one go, each with its path and line.

msgspec's own conversion stops at the first problem and knows no lines. This reader walks PyYAML's nodes beside the type
and goes on after a problem with a neutral value in its place, so that whoever wrote the file mends it once. The walk
follows the type, never the file, and so an alias bomb or an endless nesting has nothing to expand into; the events are
counted before PyYAML's recursive composer sees them.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import yaml
from msgspec import inspect

from shared.domain.problems import LONGEST_FOUND, Problem, did_you_mean, join
from shared.domain.yaml_values import (
    Extra,
    NotAsExpectedError,
    expectation,
    found_in,
    neutral,
    read_scalar,
    read_text,
    tag_of,
)

LARGEST_FILE = 262_144
"""Characters; a policy of a thousand upstreams stays below."""

_DEEPEST = 16
_MOST_EVENTS = 40_000
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Reading[T](msgspec.Struct, frozen=True):
    """What a file says.

    Attributes:
        value: the value, with neutral values where there are problems; None when there is nothing to read.
        problems: what is wrong, in the order of the file.
        lines: path → line of everything that stands in the file, what is wrong included.
    """

    value: T | None
    problems: tuple[Problem, ...]
    lines: dict[str, int]


def read_yaml[T](text: str, kind: type[T]) -> Reading[T]:
    """Read a document into a type; never raises for what the text says."""
    try:
        problem = _too_much(text)
        node = None if problem else yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = " ".join(part for part in (error.context, error.problem) if part)
        lines = text.splitlines()
        line = min(mark.line + 1, len(lines)) if mark else 0
        problem = Problem(line, "", found[:LONGEST_FOUND], "YAML")
        if line and "\t" in lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]:
            problem = Problem(line, "", "a tab before the text", "spaces: YAML is not indented with tabs")
    except (yaml.YAMLError, ValueError) as error:
        problem = Problem(0, "", str(error).splitlines()[0][:LONGEST_FOUND], "YAML")
    if problem is None and node is None:
        problem = Problem(0, "", "an empty file", "a mapping")
    if problem is not None or node is None:
        return Reading(None, (problem,) if problem else (), {})
    reader = _Reader()
    value = reader.read(node, inspect.type_info(kind), "")
    return Reading(value, tuple(sorted(reader.problems)), reader.lines)


def _too_much(text: str) -> Problem | None:
    """What is too large or too deep, found before anything recursive runs over it."""
    if len(text) > LARGEST_FILE:
        return Problem(0, "", f"{len(text)} characters", f"at most {LARGEST_FILE}")
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST or count > _MOST_EVENTS:
            line = event.start_mark.line + 1 if event.start_mark else 0
            what = "nesting that is too deep" if depth > _DEEPEST else "too many values"
            return Problem(line, "", what, f"depth up to {_DEEPEST}, up to {_MOST_EVENTS} values")
    return None


class _Reader:
    """Walks nodes beside a type; remembers problems and lines."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}

    def read(self, node: yaml.Node, kind: inspect.Type, path: str) -> Any:
        """The value that a node holds, a neutral one after a problem."""
        self.lines.setdefault(path, _line(node))
        match kind:
            case inspect.Metadata(type=inspect.StrType() | inspect.IntType() | inspect.TimeDeltaType() as inner):
                value = self._read_scalar(node, inner, path, kind.extra or {})
            case inspect.Metadata():
                value = self.read(node, kind.type, path)
            case inspect.StructType():
                value = self._read_struct(node, kind, path)
            case inspect.UnionType():
                value = self._read_union(node, kind, path)
            case inspect.DictType():
                value = self._read_dict(node, kind, path)
            case inspect.VarTupleType():
                value = self._read_list(node, kind, path)
            case _:
                value = self._read_scalar(node, kind, path, {})
        return value

    def _problem(self, line: int, path: str, found: str, expected: str) -> None:
        self.problems.append(Problem(line, path, found, expected))

    def _read_scalar(self, node: yaml.Node, kind: inspect.Type, path: str, extra: Extra) -> Any:
        expected = expectation(kind, extra)
        if isinstance(node, yaml.ScalarNode):
            try:
                return read_scalar(node, kind, extra)
            except NotAsExpectedError as error:
                expected = str(error)
        found = "text that is not shown here" if extra.get("hidden") else found_in(node)
        self._problem(_line(node), path, found, expected)
        return neutral(kind)

    def _read_union(self, node: yaml.Node, kind: inspect.UnionType, path: str) -> Any:
        """`X | None`, or structs told apart by their tag."""
        structs = {str(one.tag): one for one in kind.types if isinstance(one, inspect.StructType) and one.tag_field}
        if structs:
            return self._read_tagged(node, structs, path)
        if tag_of(node) == "null":
            return None
        return self.read(node, next(one for one in kind.types if not isinstance(one, inspect.NoneType)), path)

    def _read_tagged(self, node: yaml.Node, structs: dict[str, inspect.StructType], path: str) -> Any:
        tag_field = next(iter(structs.values())).tag_field or ""
        if not isinstance(node, yaml.MappingNode):
            self._problem(_line(node), path, found_in(node), f"a mapping with {tag_field}: {', '.join(structs)}")
            return None
        tag = next((value for key, value in node.value if key.value == tag_field), None)
        name = str(tag.value) if isinstance(tag, yaml.ScalarNode) else ""
        if name not in structs:
            expected = f"one of {', '.join(structs)}{did_you_mean(name, structs)}"
            self._problem(_line(tag or node), join(path, tag_field), found_in(tag), expected)
            return None
        return self._read_struct(node, structs[name], path)

    def _read_struct(self, node: yaml.Node, kind: inspect.StructType, path: str) -> Any:
        fields = {field.encode_name: field for field in kind.fields}
        known = [*fields, *([kind.tag_field] if kind.tag_field else [])]
        values: dict[str, Any] = {}
        for key, entry in self._entries(node, path, lambda: f"a mapping with {', '.join(known)}"):
            if key in fields:
                values[fields[key].name] = self.read(entry, fields[key].type, join(path, key))
            elif key != kind.tag_field:
                found, expected = f"the unknown key {key!r}"[:LONGEST_FOUND], f"one of {', '.join(known)}"
                self._problem(self.lines[join(path, key)], join(path, key), found, expected + did_you_mean(key, known))
        for field in kind.fields:
            if field.required and field.name not in values:
                if isinstance(node, yaml.MappingNode):
                    self._problem(_line(node), join(path, field.encode_name), "nothing", expectation(field.type))
                values[field.name] = neutral(field.type)
        return kind.cls(**values)

    def _read_dict(self, node: yaml.Node, kind: inspect.DictType, path: str) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, entry in self._entries(node, path, lambda: "a mapping of names"):
            at = join(path, key)
            match kind.key_type:
                case inspect.Metadata(type=inspect.StrType() as text, extra=extra):
                    try:
                        read_text(key, "str", text, extra or {})
                    except NotAsExpectedError as error:
                        self._problem(self.lines[at], at, repr(key[:LONGEST_FOUND]), str(error))
            value = self.read(entry, kind.value_type, at)
            if value is not None:
                read[key] = value
        self._check_length(node, kind.min_length, path)
        return read

    def _read_list(self, node: yaml.Node, kind: inspect.VarTupleType, path: str) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self._problem(_line(node), path, found_in(node), "a list: [a, b]")
            return ()
        self._check_length(node, kind.min_length, path)
        return tuple(self.read(item, kind.item_type, f"{path}[{index}]") for index, item in enumerate(node.value))

    def _check_length(self, node: yaml.Node, least: int | None, path: str) -> None:
        if least and isinstance(node, yaml.CollectionNode) and len(node.value) < least:
            self._problem(_line(node), path, "an empty one", f"at least {least} entry")

    def _entries(self, node: yaml.Node, path: str, expected: Callable[[], str]) -> Iterator[tuple[str, yaml.Node]]:
        """The entries of a mapping, each key once; the line of an entry is its key's."""
        if not isinstance(node, yaml.MappingNode):
            self._problem(_line(node), path, found_in(node), expected())
            return
        first: dict[str, int] = {}
        for key_node, entry in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode) or tag_of(key_node) == "merge":
                self._problem(line, path, f"the key {found_in(key_node)}", "plain text as a key; no merge keys")
                continue
            key = str(key_node.value)
            if key in first:
                self._problem(line, join(path, key), "the same key again", f"it once (it is in line {first[key]})")
                continue
            first[key] = line
            self.lines.setdefault(join(path, key), line)
            yield key, entry


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 0
