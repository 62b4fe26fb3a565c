"""Which permissions the app's requests need, read from recorded exchanges.

ARM's actions follow from method and path (documented: provider and types, then `read`, `write`, `delete`, or a POST's
last word with `action`). What a data plane wants stands in its documentation, and is written down here once a service.
"""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from sandbox.arm.roles import RoleDefinition

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_VAULT = "Microsoft.KeyVault/vaults/secrets"


class Need(msgspec.Struct, frozen=True, order=True):
    """A permission that a request needed.

    Attributes:
        action: the action, or the data action.
        scope: the ARM id that it is needed at; empty where the request does not say.
        data: whether it is a data action.
    """

    action: str
    scope: str = ""
    data: bool = False


def needs(*exchanges: Path) -> set[Need]:
    """What the requests of the app needed that were served, of all in the files of exchanges."""
    return {
        need
        for path in exchanges
        for line in path.read_text(encoding="utf-8").splitlines()
        for need in _of(json.loads(line))
    }


def _of(exchange: dict[str, object]) -> Iterator[Need]:
    headers = {str(name).lower(): value for name, value in dict(exchange["request_headers"]).items()}  # type: ignore[call-overload]  # JSON
    service, method, path = str(exchange["service"]), str(exchange["method"]), urlsplit(str(exchange["url"])).path
    if int(str(exchange["status"])) >= HTTPStatus.BAD_REQUEST:
        return
    if service == "insights" and method == "POST":  # from the worker's exporter, which has a name of its own
        yield Need("Microsoft.Insights/Telemetry/Write", data=True)
    if not str(headers.get("user-agent", "")).startswith("cachewarden/"):
        return
    if service == "arm":
        if "/providers/" in path:  # a subscription's list of resources shows what the caller may read, with no action
            yield arm_need(method, unquote(path))
    elif service == "logs":
        yield Need("Microsoft.OperationalInsights/workspaces/query/read")
    elif service == "topic":
        yield Need("Microsoft.EventGrid/events/send/action", data=True)
    elif service == "registry" and ("/manifests/" in path or "/_catalog" in path):
        yield Need("Microsoft.ContainerRegistry/registries/pull/read")
    elif service == "vault":
        yield _vault_need(method, path)


def patterns_for(role: RoleDefinition, need: Need) -> set[str]:
    """The actions of a role, with their wildcards, that grant the permission; none when it doesn't."""
    patterns = role.data_actions if need.data else role.actions
    return {one for one in patterns if re.fullmatch(re.escape(one).replace(r"\*", ".*"), need.action, re.IGNORECASE)}


def arm_need(method: str, path: str) -> Need:
    """What ARM asks of a request."""
    head, _, tail = path.rpartition("/providers/")
    provider, *segments = tail.strip("/").split("/")
    types = "/".join([provider, *segments[::2]])
    named = len(segments) % 2 == 0
    if method == "POST":
        return Need(f"{'/'.join([provider, *segments[:-1:2]])}/{segments[-1]}/action", scope=path)
    extension = provider == "Microsoft.Authorization"
    scope = head if extension else path if named else path.rpartition("/")[0]
    return Need(f"{types}/{_VERBS[method]}", scope=scope)


def _vault_need(method: str, path: str) -> Need:
    listing = re.fullmatch(r"/secrets(/[^/]+/versions)?/?", path) is not None
    read = "readMetadata" if listing else "getSecret"
    verb = {"GET": read, "PUT": "setSecret", "PATCH": "update", "POST": "recover"}[method]
    return Need(f"{_VAULT}/{verb}/action", scope=path, data=True)
