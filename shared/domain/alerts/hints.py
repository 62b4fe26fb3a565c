"""Hints: resource ids, workspace ids and messages in an alert, each checked for its form before it is compared."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from shared.domain.alerts.reading import Fields

_MOST = 64
_LONGEST = 4_096
_RESOURCE_ID = re.compile(
    r"/subscriptions/[0-9a-z-]{1,64}/resourcegroups/[\w.()-]{1,90}/providers/[a-z0-9.]{1,100}(?:/[a-z0-9]{1,100}/[\w.()-]{1,260}){1,5}"
)
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_QUERY_PATH = re.compile(r"/v1/workspaces/([0-9a-fA-F-]{36})/query")
_QUERY_HOSTS = frozenset(
    {"api.loganalytics.io", "api.loganalytics.azure.com", "api.loganalytics.us", "api.loganalytics.azure.cn"}
)
_WORKSPACE = "/providers/microsoft.operationalinsights/workspaces/"
_MESSAGE_WORDS = ("pull", "image", "manifest", "toomanyrequests", "too many requests", "rate limit", "429")


def resource_ids(candidates: Iterable[str]) -> tuple[str, ...]:
    """Those that are ARM ids of resources, in lower case, each once, at most 64.

    A Log Analytics workspace is where an alert looked, not what failed, so it is left out.
    """
    found: dict[str, None] = {}
    for candidate in candidates:
        lowered = candidate.strip().rstrip("/").lower()
        if _RESOURCE_ID.fullmatch(lowered) and _WORKSPACE not in lowered:
            found[lowered] = None
    return tuple(found)[:_MOST]


def workspace_ids(links: Iterable[str], named: str = "") -> tuple[str, ...]:
    """The workspaces that query links name, and the one that the alert names itself, in lower case, each once.

    A link is parsed, never opened: it holds a query and a host that anybody may have written.
    """
    found = {named.lower(): None} if _GUID.fullmatch(named.lower()) else {}
    for link in links:
        workspace = _workspace_of(link)
        if workspace:
            found[workspace] = None
    return tuple(found)[:_MOST]


def _workspace_of(link: str) -> str:
    try:
        parts = urlsplit(link)
        plain = parts.scheme == "https" and parts.netloc.lower() in _QUERY_HOSTS
    except ValueError:
        return ""
    match = _QUERY_PATH.fullmatch(parts.path) if plain else None
    workspace = match[1].lower() if match is not None else ""
    return workspace if _GUID.fullmatch(workspace) else ""


def messages(values: Iterable[object]) -> tuple[str, ...]:
    """Those values that read like a message about a pull, at most 64, each at most 4,096 characters."""
    found: dict[str, None] = {}
    for value in values:
        if isinstance(value, str) and " " in value.strip() and _is_about_a_pull(value):
            found[value.strip()[:_LONGEST]] = None
            if len(found) == _MOST:
                break
    return tuple(found)


def _is_about_a_pull(value: str) -> bool:
    lowered = value[:_LONGEST].lower()
    return any(word in lowered for word in _MESSAGE_WORDS)


def cells(results: Fields) -> list[object]:
    """The cells of embedded search results; a row may have more cells than there are columns (documented)."""
    found: list[object] = []
    for table in results.items("tables"):
        for row in Fields(table, results.path).items("rows"):
            found.extend(row[:_MOST] if isinstance(row, list) else [])
    return found
