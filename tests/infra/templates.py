"""A model of the Bicep templates: what is declared, and what refers to what.

There is no Bicep compiler where these tests run, so this finds what a compiler would find first: a name that nobody
declared, a parameter that a module does not have, an output that is not there. The parser (pycep) keeps no difference
between a name and a text without spaces, so a text counts as a reference only where it is the root of an accessor.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from pycep import BicepParser

INFRA = Path(__file__).resolve().parents[2] / "infra"


class Template(msgspec.Struct, frozen=True):
    """One file.

    Attributes:
        path: the file.
        text: what it says.
        tree: what pycep read.
    """

    path: Path
    text: str
    tree: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its path below infra/."""
        return self.path.relative_to(INFRA).as_posix()

    def section(self, name: str) -> Mapping[str, Any]:
        """The declarations of a kind: `parameters`, `variables`, `resources`, `modules`, `outputs`."""
        found: Mapping[str, Any] = self.tree.get(name, {})
        return found

    @property
    def required(self) -> set[str]:
        """The parameters without a default."""
        return {name for name in self.section("parameters") if not self._has_default(name)}

    def _has_default(self, name: str) -> bool:
        # An empty text as default is None to the parser, and no default as well: the line tells them apart.
        [line] = [line for line in self.text.splitlines() if line.startswith(f"param {name} ")]
        return "=" in line

    def called(self, module: str) -> "Template":
        """The template that a module declaration names."""
        return template((self.path.parent / self.section("modules")[module]["detail"]["path"]).resolve())

    def body(self, section: str, name: str) -> Mapping[str, Any]:
        """A resource's or a module's body, without the loop or the condition around it."""
        body = self.section(section)[name]["config"]
        while "config" in body and ("loop_type" in body or "condition" in body):
            body = body["config"]
        found: Mapping[str, Any] = body
        return found

    def of_type(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The bodies of the resources of a type that it makes, by their names in the file."""
        return {
            name: self.body("resources", name)
            for name, resource in self.section("resources").items()
            if resource["type"] == kind and not resource["existing"]
        }


@cache
def template(path: Path) -> Template:
    """A file, parsed."""
    text = path.read_text(encoding="utf-8")
    return Template(path, text, BicepParser().parse(text=text))


def module(name: str) -> Template:
    """A file of infra/modules."""
    return template(INFRA / "modules" / f"{name}.bicep")


def templates() -> list[Template]:
    """All of them."""
    return [template(path) for path in sorted(INFRA.rglob("*.bicep"))]


def data(name: str) -> Any:
    """A JSON file of infra/, as the templates load it."""
    return json.loads((INFRA / name).read_text(encoding="utf-8"))


def accessors(value: Any) -> Iterator[tuple[str, ...]]:
    """The paths of every accessor below a value: `app.outputs.id` is `("app", "outputs", "id")`."""
    if isinstance(value, Mapping):
        operator = value.get("operator")
        if isinstance(operator, Mapping) and operator.get("type") == "property_accessor":
            path = _path(value)
            if path:
                yield path
            else:
                yield from accessors(operator["operands"]["operand_1"])
            return
        for inner in value.values():
            yield from accessors(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from accessors(inner)


def _path(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    operator = value.get("operator") if isinstance(value, Mapping) else None
    if not isinstance(operator, Mapping):
        return ()
    operands = operator["operands"]
    if operator["type"] == "property_accessor":
        root = _path(operands["operand_1"])
        return (*root, *_path(operands["operand_2"])) if root else ()
    return _path(operands["operand_1"]) if operator["type"] == "index_accessor" else ()
