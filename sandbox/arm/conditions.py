"""Azure ABAC conditions on role assignments, as far as delegated role assignment needs them.

The trap it avoids: the product's identity may hand out one role to service principals only. A sandbox that ignores
the condition would let a wider grant pass that Azure refuses. The grammar is that of condition version 2.0 with
`AND`, `OR`, `!`, `ActionMatches` and `ForAnyOfAnyValues` over role id and principal type; anything else is an error
and never silently true.
"""

import re
from collections.abc import Iterator
from typing import Final, Protocol

import msgspec

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<paren>[()])|(?P<not>!)|(?P<word>AND\b|OR\b|&&|\|\|)|(?P<action>ActionMatches\s*\{\s*'(?P<pattern>[^']*)'\s*\})"
    r"|(?P<test>@(?P<source>Request|Resource)\[Microsoft\.Authorization/roleAssignments:(?P<attribute>\w+)\]\s*"
    r"(?P<operator>ForAnyOfAnyValues:(?:GuidEquals|StringEqualsIgnoreCase))\s*\{(?P<values>[^}]*)\}))"
)


class ConditionError(ValueError):
    """The text is no condition that the sandbox understands."""


class Condition(Protocol):
    """A parsed condition."""

    def holds(self, *, action: str, role: str, principal_type: str) -> bool:
        """Whether it lets `action` pass for a role assignment of `role` to a principal of `principal_type`."""


class ActionMatches(msgspec.Struct, frozen=True):
    """True for the action that it names; `*` stands for any text."""

    pattern: str

    def holds(self, *, action: str, role: str, principal_type: str) -> bool:  # noqa: ARG002 - the protocol's
        """Whether the action is the one."""
        expression = ".*".join(re.escape(part) for part in self.pattern.split("*"))
        return re.fullmatch(expression, action, re.IGNORECASE) is not None


class AttributeIn(msgspec.Struct, frozen=True):
    """True when the role assignment's attribute is one of the values, compared without regard to case."""

    attribute: str
    values: frozenset[str]

    def holds(self, *, action: str, role: str, principal_type: str) -> bool:  # noqa: ARG002 - the protocol's
        """Whether the attribute has one of the values."""
        return {"RoleDefinitionId": role, "PrincipalType": principal_type}[self.attribute].lower() in self.values


class Negation(msgspec.Struct, frozen=True):
    """True when its operand is false."""

    operand: Condition

    def holds(self, *, action: str, role: str, principal_type: str) -> bool:
        """The operand's opposite."""
        return not self.operand.holds(action=action, role=role, principal_type=principal_type)


class Junction(msgspec.Struct, frozen=True):
    """True when both operands are (`every`), or one of them."""

    operands: tuple[Condition, ...]
    every: bool

    def holds(self, *, action: str, role: str, principal_type: str) -> bool:
        """The operands, joined."""
        results = (operand.holds(action=action, role=role, principal_type=principal_type) for operand in self.operands)
        return all(results) if self.every else any(results)


def parse_condition(text: str) -> Condition:
    """The condition that `text` says; `AND` binds tighter than `OR`.

    Raises:
        ConditionError: naming the place that can't be understood.
    """
    reader = _Reader(text)
    condition = _either(reader)
    if reader.token is not None:
        raise ConditionError(f"the condition should end at position {reader.token.start()}")
    return condition


class _Reader:
    """One token of look-ahead over the text."""

    def __init__(self, text: str) -> None:
        self._tokens = self._scan(text)
        self.token: re.Match[str] | None = None
        self.advance()

    def advance(self) -> None:
        self.token = next(self._tokens, None)

    def takes(self, group: str, *texts: str) -> bool:
        if self.token is None or self.token[group] is None or (texts and self.token[group] not in texts):
            return False
        self.advance()
        return True

    @staticmethod
    def _scan(text: str) -> Iterator[re.Match[str]]:
        position, text = 0, text.rstrip()
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None:
                raise ConditionError(
                    f"the condition can't be understood from position {position}: {text[position:][:40]!r}"
                )
            position = token.end()
            yield token


def _either(reader: _Reader) -> Condition:
    operands = [_both(reader)]
    while reader.takes("word", "OR", "||"):
        operands.append(_both(reader))
    return operands[0] if len(operands) == 1 else Junction(tuple(operands), every=False)


def _both(reader: _Reader) -> Condition:
    operands = [_single(reader)]
    while reader.takes("word", "AND", "&&"):
        operands.append(_single(reader))
    return operands[0] if len(operands) == 1 else Junction(tuple(operands), every=True)


def _single(reader: _Reader) -> Condition:
    if reader.takes("not"):
        return Negation(_single(reader))
    if reader.takes("paren", "("):
        condition = _either(reader)
        if not reader.takes("paren", ")"):
            raise ConditionError("a parenthesis is not closed")
        return condition
    token = reader.token
    if token is None:
        raise ConditionError("the condition ends too early")
    if reader.takes("action"):
        return ActionMatches(token["pattern"])
    if reader.takes("test"):
        if token["attribute"] not in {"RoleDefinitionId", "PrincipalType"}:
            raise ConditionError(f"the attribute {token['attribute']!r} is unknown")
        values = (value.strip().strip("'").lower() for value in token["values"].split(","))
        return AttributeIn(token["attribute"], frozenset(values))
    raise ConditionError(f"unexpected {token[0].strip()!r} at position {token.start()}")
