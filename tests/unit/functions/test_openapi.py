"""The OpenAPI document: valid, and of exactly the routes that there are."""

import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.api_document import document
from functions.api_routes import PAGES, ROUTES
from tests.support import app_functions


def registered() -> set[tuple[str, str, str, bool]]:
    """Method, path, name and whether a key is wanted, of every HTTP trigger of the app but for the pages."""
    found: set[tuple[str, str, str, bool]] = set()
    for function in app_functions():
        binding = function.get_trigger()
        if binding is not None and binding.type == "httpTrigger" and function.get_function_name() not in PAGES:
            trigger = binding.get_dict_repr()
            with_key = trigger["authLevel"].value != "anonymous"
            for method in trigger["methods"]:
                found.add((method.value, trigger["route"], str(function.get_function_name()), with_key))
    return found


class TestDocument:
    """`GET /api/openapi.json`."""

    def test_it_is_valid(self) -> None:
        """By the published schema of OpenAPI 3.1 and its validator."""
        made = json.loads(document())

        assert made["openapi"] == "3.1.0"
        assert list(OpenAPIV31SpecValidator(made).iter_errors()) == []
        assert list(OpenAPIV31SpecValidator(made | {"paths": {"alerts": {}}}).iter_errors()) != []

    def test_every_route_is_described_and_no_other(self) -> None:
        """Whoever adds a trigger adds it to the table, with its name, its method and whether it wants a key."""
        assert {(one.method, one.path, one.name, one.with_key) for one in ROUTES} == registered()
        assert len(ROUTES) == len({(one.method, one.path) for one in ROUTES})

    @pytest.mark.parametrize("route", ROUTES, ids=lambda one: f"{one.method} {one.path}")
    def test_each_says_what_it_refuses(self, route: object) -> None:
        """503 with Retry-After for all, 401 for all with a key, and every error in the one form."""
        operations = json.loads(document())["paths"]
        one = next(each for each in ROUTES if each is route)
        operation = operations[f"/api/{one.path}"][one.method.lower()]
        problems = {status for status in operation["responses"] if status not in {"200", "202", "401"}}

        assert ("401" in operation["responses"]) == one.with_key
        assert problems == {str(int(status)) for status in (*one.problems, 503)}
        for status in problems:
            schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}
        named = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
        assert named == re.findall(r"\{(\w+)\}", one.path)

    def test_who_may(self) -> None:
        """A function key everywhere but for the probe; who is signed in counts where people answer."""
        made = json.loads(document())
        operations = {one["operationId"]: one for path in made["paths"].values() for one in path.values()}

        assert made["security"] == [{"functionKey": []}, {"functionKeyInQuery": []}]
        assert operations["health"]["security"] == []
        assert {"functionKey": [], "appService": []} in operations["approve"]["security"]
        assert "security" not in operations["plan"]
