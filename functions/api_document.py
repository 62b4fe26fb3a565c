"""The OpenAPI document, made of the table of routes and the models' own JSON Schemas."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import msgspec

from functions.api_model import JSON, Answers, Route
from functions.api_routes import ROUTES
from shared.application.documents import Problem
from shared.version import VERSION

_PROBLEM: Final = "application/problem+json"
_REFERENCE: Final = "#/components/schemas/{name}"
_KEYS: Final[Sequence[Mapping[str, list[str]]]] = ({"functionKey": []}, {"functionKeyInQuery": []})
_SCHEMES: Final = {
    "functionKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "A function key of the app, or its master key.",
    },
    "functionKeyInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "code",
        "description": "The same for callers that can't send a header, as Azure Monitor's action groups.",
    },
    "appService": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "App Service authentication, where it is switched on: who is signed in counts as who answers.",
    },
}
_DESCRIPTIONS: Final = {
    400: "The request is not what it should be; `detail` says what was found and what was expected.",
    404: "There is no such thing.",
    409: "The thing is in a state in which this can't be done.",
    413: "The body is larger than any alert.",
    503: "The storage, an outside system, the settings or the policy are in trouble; call again.",
}


@cache
def document() -> bytes:
    """The document as JSON, with a line for each value, as it is committed in docs/reference/openapi.json."""
    models = list(dict.fromkeys(model for route in ROUTES for model in _models(route) if model is not dict))
    schemas, components = msgspec.json.schema_components([*models, Problem], ref_template=_REFERENCE)
    known = dict(zip([*models, Problem], schemas, strict=True)) | {dict: {"type": "object"}}
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(f"/api/{route.path}", {})[route.method.lower()] = _operation(route, known)
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": "Cachewarden",
            "version": VERSION,
            "description": "Cures Docker Hub 429 pull failures with Azure Container Registry's artifact cache.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in ROUTES)],
        "security": list(_KEYS),
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": _SCHEMES},
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def _models(route: Route) -> Iterator[Any]:
    yield from route.answers.models
    if route.body is not None:
        yield route.body


def _operation(route: Route, known: Mapping[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "responses": dict(_responses(route, known)),
    }
    if parameters := [*_path_parameters(route.path), *_query_parameters(route)]:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {JSON: {"schema": known[route.body]}}
        operation["requestBody"] = {"required": not route.body_is_optional, "content": content}
    if not route.with_key:
        operation["security"] = []
    elif route.names_a_person:
        operation["security"] = [*_KEYS, {"functionKey": [], "appService": []}]
    return operation


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for one in route.parameters:
        yield {"name": one.name, "in": "query", "description": one.description, "schema": one.schema}


def _responses(route: Route, known: Mapping[Any, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    status = HTTPStatus(route.answers.status)
    yield str(int(status)), {"description": status.phrase, "content": _content(route.answers, known)}
    if route.with_key:
        yield "401", {"description": "No key, or a wrong one; the host answers without a body."}
    for refusal in (*route.problems, HTTPStatus.SERVICE_UNAVAILABLE):
        answer: dict[str, Any] = {
            "description": _DESCRIPTIONS[refusal],
            "content": {_PROBLEM: {"schema": known[Problem]}},
        }
        if refusal == HTTPStatus.SERVICE_UNAVAILABLE:
            seconds = {"type": "integer", "minimum": 0}
            answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": seconds}}
        yield str(int(refusal)), answer


def _content(answers: Answers, known: Mapping[Any, Any]) -> dict[str, Any]:
    schemas = [known[model] for model in answers.models]
    content = {answers.media: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}
    return content | {text: {"schema": {"type": "string"}} for text in answers.texts}
