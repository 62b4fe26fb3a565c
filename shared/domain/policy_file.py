"""Reads the policy file, and refuses it with everything that is wrong with it at once.

A policy that is half understood is worse than none, so the app does not start with one: `load_policy` either gives a
policy without errors or raises.
"""

from datetime import timedelta
from typing import Any

import msgspec

from shared.domain.durations import format_duration
from shared.domain.policy import Policy
from shared.domain.policy_checks import errors_in, warnings_in
from shared.domain.problems import Problem
from shared.domain.yaml_reader import read_yaml
from shared.errors import PermanentError


class PolicyInvalid(PermanentError):
    """The policy file has errors.

    Attributes:
        path: the file.
        problems: every error, in the order of the file.
    """

    code = "policy_invalid"
    hint = "Mend the lines that are named; `cachewarden policy check FILE` checks the file again."

    def __init__(self, path: str, problems: tuple[Problem, ...]) -> None:
        self.path = path
        self.problems = problems
        super().__init__("\n".join(f"{path}:{problem.line or 1}: error: {problem.told}" for problem in problems))


class PolicyCheck(msgspec.Struct, frozen=True):
    """What a policy file is worth.

    Attributes:
        policy: the policy, None when there are errors.
        errors: what makes it unusable.
        warnings: what is allowed and probably not meant.
    """

    policy: Policy | None
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def check_policy(text: str) -> PolicyCheck:
    """Read a policy and say everything that is wrong with it; never raises for what the text says."""
    reading = read_yaml(text, Policy)
    if reading.value is None:
        return PolicyCheck(None, errors=reading.problems)
    told = tuple(problem.path for problem in reading.problems)
    further = [one for one in errors_in(reading.value, reading.lines) if not _is_below(one.path, told)]
    errors = tuple(sorted((*reading.problems, *further)))
    if errors:
        return PolicyCheck(None, errors=errors)
    return PolicyCheck(reading.value, warnings=tuple(sorted(warnings_in(reading.value, reading.lines))))


def _is_below(path: str, told: tuple[str, ...]) -> bool:
    """Whether a path is one that has been told, or part of what stands there."""
    return path.startswith(tuple(f"{one}{end}" for one in told for end in ".[")) or path in told


def load_policy(text: str, *, path: str) -> Policy:
    """The policy in a file's text; `path` is only told in errors.

    Raises:
        PolicyInvalid: it has errors; all of them are named.
    """
    checked = check_policy(text)
    if checked.policy is None:
        raise PolicyInvalid(path, checked.errors)
    return checked.policy


def effective_policy(policy: Policy) -> dict[str, Any]:
    """The policy as plain values with every default written out, in the form of the file."""
    plain = msgspec.to_builtins(policy, builtin_types=(timedelta,))
    written = _with_short_durations(plain)
    if not isinstance(written, dict):
        raise TypeError("a policy is a mapping")
    return written


def _with_short_durations(value: Any) -> Any:
    match value:
        case timedelta():
            return format_duration(value)
        case dict():
            return {key: _with_short_durations(entry) for key, entry in value.items() if entry is not None}
        case list() | tuple():
            return [_with_short_durations(entry) for entry in value]
        case _:
            return value
