"""Route templates and their constraints."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.host.errors import BindingError
from sandbox.host.functions import Binding, Function
from sandbox.host.routes import RouteTable, path_parts


def http_function(route: str | None, name: str = "f", methods: tuple[str, ...] | None = None) -> Function:
    """An HTTP function with that template."""
    trigger = Binding(type="httpTrigger", name="req", direction="IN", route=route, methods=methods)
    return Function(name=name, id=name, trigger=trigger)


def values(template: str, path: str, prefix: str = "api") -> dict[str, str] | None:
    """The route values of a path, or None when the template does not take it."""
    found = RouteTable([http_function(template)], prefix).find("GET", path)
    return None if found is None else found[1]


class TestTemplates:
    """What a template takes."""

    @pytest.mark.parametrize(
        ("template", "path", "expected"),
        [
            ("a/b", "/api/a/b", {}),
            ("a/b", "/api/a/b/", {}),
            ("a/b", "/API/A/B", {}),
            ("a/b", "/api/a", None),
            ("a/b", "/api/a/b/c", None),
            ("a", "/a", None),
            ("{x}", "/api/1", {"x": "1"}),
            ("{x}", "/api/", None),
            ("a/{x?}", "/api/a", {}),
            ("a/{x?}", "/api/a/1", {"x": "1"}),
            ("a/{x=5}", "/api/a", {"x": "5"}),
            ("a/{*rest}", "/api/a/b/c", {"rest": "b/c"}),
            ("a/{**rest}", "/api/a", {}),
            ("{name}.{ext}", "/api/file.json", {"name": "file", "ext": "json"}),
            ("v{version:int}/x", "/api/v2/x", {"version": "2"}),
            ("{x:int}", "/api/word", None),
            ("{x:int:min(3)}", "/api/2", None),
            ("{x:int:min(3)}", "/api/3", {"x": "3"}),
            ("{x}", "/api/a%2Fb%20c", {"x": "a%2Fb c"}),
            ("{x}", "/api/%252F", {"x": "%2F"}),
        ],
    )
    def test_match(self, template: str, path: str, expected: dict[str, str] | None) -> None:
        """Literals, parameters, optional ones, defaults, rests, several in one segment, constraints, encoding."""
        assert values(template, path) == expected

    def test_without_a_prefix(self) -> None:
        """An empty prefix puts the template at the root."""
        assert values("a", "/a", prefix="") == {}

    def test_name_is_the_default(self) -> None:
        """A function without a template has its name as template."""
        table = RouteTable([http_function(None, "Health")], "api")

        assert table.find("GET", "/api/health") is not None

    def test_first_match_wins(self) -> None:
        """The order of the table decides, and a method that a route does not take leaves the request to the next."""
        table = RouteTable(
            [http_function("{x}", "a", ("POST",)), http_function("b", "b"), http_function("{y}", "c")], "api"
        )
        found = [table.find(method, "/api/b") for method in ("POST", "GET")]

        assert [match[0].name if match else None for match in found] == ["a", "b"]

    @pytest.mark.parametrize(
        "template", ["{", "{}", "a//b", "{x:nothing}", "{x:min(a)}", "{x:length}", "{x}/{X}", "{x"]
    )
    def test_refused(self, template: str) -> None:
        """A template that ASP.NET Core refuses is the function's error."""
        with pytest.raises(BindingError, match=r"The route '.*'"):
            RouteTable([http_function(template)], "api")

    @given(st.lists(st.text(min_size=1, max_size=8).filter(lambda text: "/" not in text), min_size=1, max_size=4))
    def test_any_text_survives_encoding(self, parts: list[str]) -> None:
        """Percent-encoded segments come back as they were, whatever they hold."""
        path = "/" + "/".join(quote(part, safe="") for part in parts)

        assert path_parts(path) == parts


class TestConstraints:
    """What each constraint lets through."""

    @pytest.mark.parametrize(
        ("constraint", "good", "bad"),
        [
            ("int", ["0", "-5", "2147483647"], ["2147483648", "1.0", "x"]),
            ("long", ["2147483648", "-9223372036854775808"], ["9223372036854775808"]),
            ("bool", ["true", "FALSE"], ["1"]),
            ("alpha", ["abc"], ["a1"]),
            ("guid", ["0f8fad5b-d9cb-469f-a165-70867728950e"], ["x"]),
            ("decimal", ["1.5", "-2"], ["x"]),
            ("double", ["1e3"], ["x"]),
            ("datetime", ["2026-11-24"], ["yesterday"]),
            ("required", ["x"], []),
            ("minlength(2)", ["ab"], ["a"]),
            ("maxlength(2)", ["ab"], ["abc"]),
            ("length(2)", ["ab"], ["a", "abc"]),
            ("length(1,2)", ["a", "ab"], ["abc"]),
            ("max(3)", ["3"], ["4", "x"]),
            ("range(2,3)", ["2", "3"], ["1", "4"]),
            ("regex(^a+$)", ["aa", "AA"], ["ab"]),
        ],
    )
    def test_constraint(self, constraint: str, good: list[str], bad: list[str]) -> None:
        """Values inside the constraint are taken, others are not."""
        template = "{x:" + constraint + "}"

        assert [values(template, f"/api/{value}") for value in good] == [{"x": value} for value in good]
        assert [values(template, f"/api/{value}") for value in bad] == [None] * len(bad)
