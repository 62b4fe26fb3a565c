"""The JSON of access tokens as the management API writes it; a token's text stands only in the answer that makes it."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from sandbox.hub.accounts import OrganizationToken, PersonalToken
from sandbox.hub.refusals import InvalidFields

_LARGEST_PAGE: Final = 100
_NUMBER: Final = re.compile("[1-9][0-9]{0,8}")


def personal_token_json(token: PersonalToken, *, shown: bool = False) -> dict[str, Any]:
    """A personal access token; one that never ends has no `expires_at`."""
    return {
        "uuid": token.uuid,
        "client_id": "HUB",
        "creator_ip": token.creator_ip,
        "creator_ua": token.creator_ua,
        "created_at": _time(token.created_at),
        "last_used": _time(token.last_used) if token.last_used is not None else None,
        "generated_by": "manual",
        "is_active": token.is_active,
        "token": token.text if shown else "",
        "token_label": token.label,
        "scopes": list(token.scopes),
    } | ({"expires_at": _time(token.expires_at)} if token.expires_at is not None else {})


def organization_token_json(token: OrganizationToken, *, shown: bool = False, listed: bool = False) -> dict[str, Any]:
    """An organization access token: the answer that makes it has no `created_by`, a list no resources."""
    body: dict[str, Any] = {
        "id": token.id,
        "label": token.label,
        "is_active": token.is_active,
        "created_at": _time(token.created_at),
        "expires_at": _time(token.expires_at) if token.expires_at is not None else None,
        "last_used_at": _time(token.last_used_at) if token.last_used_at is not None else None,
    }
    body |= {"token": token.text} if shown else {"created_by": token.created_by}
    if not listed:
        body["resources"] = [
            {"type": resource.type, "path": resource.path, "scopes": list(resource.scopes)}
            for resource in token.resources
        ]
    return body


def paged(request: web.Request, base_url: str, items: list[dict[str, Any]], *, total: str) -> dict[str, Any]:
    """The page that `page` and `page_size` ask for, with links to its neighbours; raises InvalidFields."""
    number, size = _number(request, "page", 1), _number(request, "page_size", 10)
    size = min(size, _LARGEST_PAGE)
    body: dict[str, Any] = {total: len(items), "results": items[(number - 1) * size : number * size]}
    link = f"{base_url}{request.path}?page_size={size}&page="
    if number * size < len(items):
        body["next"] = f"{link}{number + 1}"
    if number > 1:
        body["previous"] = f"{link}{number - 1}"
    return body


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not _NUMBER.fullmatch(text):
        raise InvalidFields(**{name: "expected a number from 1 on"})
    return int(text)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
