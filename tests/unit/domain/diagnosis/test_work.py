"""Work: how much a diagnosis does, counted and not timed, grows with the text up to a bound and not beyond."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable
from types import CodeType

import pytest

import shared.domain.diagnosis
from shared.domain.diagnosis import diagnose
from shared.domain.diagnosis.unwrapping import WINDOW
from tests.fixtures.failure_texts import LIMITED_TEMPO

_TOOL = 3  # sys.monitoring: free for anybody; coverage uses 1
_WIDEST = 10_000

HOSTILE: dict[str, Callable[[int], str]] = {
    "backslashes": lambda size: "\\" * size,
    "quotes": lambda size: '"' * size,
    "brackets": lambda size: "[" * size + "](",
    "escapes": lambda size: "\x1b[" * (size // 2),
    "percents": lambda size: "%2" * (size // 2),
    "colons": lambda size: "image:" * (size // 6),
    "images": lambda size: 'image "nginx:1" ' * (size // 16),
    "unfinished images": lambda size: 'image "a/' * (size // 9),
    "pulls": lambda size: "docker pull a/b:1\n" * (size // 18),
    "statuses": lambda size: "status 429 " * (size // 11),
    "code words": lambda size: "TooManyRequests" * (size // 15),
    "limits": lambda size: "rate limit " * (size // 11),
    "addresses": lambda size: "https://a/v2/b/manifests/c " * (size // 27),
    "one address": lambda size: "https://a/v2/" + "b/" * (size // 2),
    "one name": lambda size: 'image "' + "a/" * (size // 2) + '"',
    "dashes": lambda size: 'image "a' + "-" * size + '"',
    "dots": lambda size: "docker pull " + "a." * (size // 2) + "!",
    "lines": lambda size: "\n" * size,
    "lines of pulls": lambda size: "docker pull a\ndocker pull b\n" * (size // 28) + "toomanyrequests:",
    "steps": lambda size: "#1 load metadata for a/b:1\n" * (size // 27) + "#1 ERROR: toomanyrequests:",
    "flags": lambda size: "docker" + " --a b" * (size // 6) + " pull x",
    "stages": lambda size: "FROM a AS b\n" * (size // 12),
    "wide characters": lambda size: "\u2028\u201c\ud800" * (size // 3),
    "a failure at the end": lambda size: "x " * (size // 2) + LIMITED_TEMPO,
    "a failure at the beginning": lambda size: LIMITED_TEMPO + " x" * (size // 2),
}


def work(text: str) -> int:
    """How many lines and calls a diagnosis of the text runs."""
    count = 0

    def ran(_code: CodeType, _line: int) -> None:
        nonlocal count
        count += 1

    def called(_code: CodeType, _offset: int, _callable: object, _first: object) -> None:
        nonlocal count
        count += 1

    monitoring = sys.monitoring
    monitoring.use_tool_id(_TOOL, "work")
    try:
        monitoring.register_callback(_TOOL, monitoring.events.LINE, ran)
        monitoring.register_callback(_TOOL, monitoring.events.CALL, called)
        monitoring.set_events(_TOOL, monitoring.events.LINE | monitoring.events.CALL)
        diagnose(text)
    finally:
        monitoring.set_events(_TOOL, 0)
        monitoring.free_tool_id(_TOOL)
    return count


class TestWork:
    """The number of steps."""

    @pytest.mark.parametrize("kind", sorted(HOSTILE))
    def test_grows_no_faster_than_the_text(self, kind: str) -> None:
        """Twice the text is at most twice the steps, and a little that does not depend on the text."""
        small, large = work(HOSTILE[kind](WINDOW // 8)), work(HOSTILE[kind](WINDOW // 4))

        assert large <= 2.2 * small + 1000

    @pytest.mark.parametrize("kind", sorted(HOSTILE))
    def test_does_not_grow_beyond_the_window(self, kind: str) -> None:
        """A megabyte is as much work as the part that is looked at, read once as it is and twice unfolded."""
        windowful, megabyte = work(HOSTILE[kind](WINDOW)), work(HOSTILE[kind](1_000_000))

        assert megabyte <= 3.3 * windowful + 1000

    def test_sees_a_failure_in_the_middle_of_a_megabyte(self) -> None:
        """The part that is looked at lies around the first sign of a limit."""
        text = "x " * 250_000 + LIMITED_TEMPO + " x" * 250_000

        assert str(diagnose(text).image) == "docker.io/grafana/tempo:2.4"


def patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Every compiled expression of the package."""
    found = []
    for module in pkgutil.iter_modules(shared.domain.diagnosis.__path__):
        loaded = importlib.import_module(f"shared.domain.diagnosis.{module.name}")
        found += [
            (f"{module.name}.{name}", value) for name, value in vars(loaded).items() if isinstance(value, re.Pattern)
        ]
    return found


class TestExpressions:
    """Steps inside an expression are not counted, so each expression is bounded by itself."""

    @pytest.mark.parametrize(("name", "pattern"), patterns())
    def test_look_at_a_bounded_width(self, name: str, pattern: re.Pattern[str]) -> None:
        """No repetition is open-ended, so a match that fails has cost no more than a constant."""
        parsed = re._parser.parse(pattern.pattern, pattern.flags)  # type: ignore[attr-defined]  # no public way to the width

        assert parsed.getwidth()[1] <= _WIDEST, name
