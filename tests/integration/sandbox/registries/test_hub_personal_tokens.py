"""Docker Hub's personal access tokens: made, listed, changed, deleted."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import jsonschema
import pytest

from sandbox.hub.accounts import Account
from sandbox.hub.models import Hub
from sandbox.hub.personal_tokens import NewPersonalToken
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.support import HubServices, api_login, call

TEXT: Mapping[str, Any] = {"type": "string"}
PERSONAL: Mapping[str, Any] = {
    "type": "object",
    "required": ["uuid", "client_id", "created_at", "is_active", "token", "token_label", "scopes", "last_used"],
    "properties": {
        "uuid": TEXT,
        "client_id": TEXT,
        "creator_ip": TEXT,
        "creator_ua": TEXT,
        "created_at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
        "last_used": {"type": ["string", "null"]},
        "generated_by": TEXT,
        "is_active": {"type": "boolean"},
        "token": TEXT,
        "token_label": TEXT,
        "scopes": {"type": "array", "items": TEXT},
        "expires_at": TEXT,
    },
    "additionalProperties": False,
}


class TestPersonalTokens:
    """`/v2/access-tokens`."""

    async def test_a_token_lives_and_dies(
        self, bearer: str, http: aiohttp.ClientSession, served: HubServices, clock: ManualClock
    ) -> None:
        """Made, shown once, listed, renamed, switched off, deleted; every body is in the documented form."""
        url = f"{served.api}/v2/access-tokens"
        expires_at = (clock.now() + timedelta(days=31)).isoformat()
        new = {"token_label": "cachewarden", "scopes": ["repo:public_read"], "expires_at": expires_at}
        made = await call(http, "POST", url, token=bearer, json=new)
        one = f"{url}/{made.body['uuid']}"
        read = await call(http, "GET", one, token=bearer)
        changed = await call(http, "PATCH", one, token=bearer, json={"token_label": "renamed", "is_active": False})
        listed = await call(http, "GET", url, token=bearer)
        gone = await call(http, "DELETE", one, token=bearer)
        after = await call(http, "GET", one, token=bearer)

        assert [reply.status for reply in (made, read, changed, listed, gone, after)] == [201, 200, 200, 200, 204, 404]
        for body in (made.body, read.body, changed.body, *listed.body["results"]):
            jsonschema.validate(body, PERSONAL)
        assert made.body["token"].startswith("dckr_pat_")
        assert [read.body["token"], listed.body["results"][0]["token"]] == ["", ""]
        assert (changed.body["token_label"], changed.body["is_active"]) == ("renamed", False)
        assert (listed.body["count"], listed.body["active_count"]) == (1, 0)

    async def test_lists_come_in_pages_that_lead_to_each_other(
        self, hub: Hub, owner: Account, bearer: str, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """Ten by default, the newest first; `next` is followed to the end."""
        made = [hub.personal.create(owner, NewPersonalToken(f"t{n}", ["repo:read"])).uuid for n in range(23)]

        url: str | None = f"{served.api}/v2/access-tokens"
        found, sizes = [], []
        while url is not None:
            page = (await call(http, "GET", url, token=bearer)).body
            sizes.append(len(page["results"]))
            found += [item["uuid"] for item in page["results"]]
            url = page.get("next")

        assert sizes == [10, 10, 3]
        assert found == made[::-1]

    @pytest.mark.parametrize(
        "body",
        [
            {"token_label": "", "scopes": ["repo:read"]},
            {"token_label": "x" * 101, "scopes": ["repo:read"]},
            {"token_label": "x", "scopes": []},
            {"token_label": "x", "scopes": ["repo:everything"]},
            {"token_label": "x", "scopes": ["repo:read"], "expires_at": "2020-01-01T00:00:00Z"},
            {"token_label": "x", "scopes": ["repo:read"], "expires_at": "2030-01-01T00:00:00Z"},
            {"token_label": "x", "scopes": ["repo:read"], "expires_at": "2026-12-01T00:00:00"},
            {"token_label": "x", "scopes": ["repo:read"], "uuid": "mine"},
        ],
    )
    async def test_what_does_not_fit_is_refused(
        self, bearer: str, http: aiohttp.ClientSession, served: HubServices, body: dict[str, Any]
    ) -> None:
        """400, and no token is made."""
        refused = await call(http, "POST", f"{served.api}/v2/access-tokens", token=bearer, json=body)
        listed = await call(http, "GET", f"{served.api}/v2/access-tokens", token=bearer)

        assert refused.status == 400
        assert listed.body["count"] == 0

    async def test_an_expired_token_can_only_be_deleted(
        self, hub: Hub, owner: Account, http: aiohttp.ClientSession, served: HubServices, clock: ManualClock
    ) -> None:
        """A change is refused, it does not count as active, and DELETE works."""
        soon = clock.now() + timedelta(minutes=1)
        token = hub.personal.create(owner, NewPersonalToken("old", ["repo:read"], soon))
        clock.advance(60)
        bearer = await api_login(http, served, owner.username, owner.password)

        url = f"{served.api}/v2/access-tokens/{token.uuid}"
        changed = await call(http, "PATCH", url, token=bearer, json={"is_active": True})
        listed = await call(http, "GET", f"{served.api}/v2/access-tokens", token=bearer)
        deleted = await call(http, "DELETE", url, token=bearer)

        assert (changed.status, listed.body["active_count"], deleted.status) == (400, 0, 204)

    async def test_a_strangers_token_is_not_there(
        self, hub: Hub, bearer: str, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """404 for reading, changing and deleting."""
        stranger = hub.add_account("stranger", "x")
        token = hub.personal.create(stranger, NewPersonalToken("theirs", ["repo:read"]))
        url = f"{served.api}/v2/access-tokens/{token.uuid}"

        replies = [
            await call(http, "GET", url, token=bearer),
            await call(http, "PATCH", url, token=bearer, json={"is_active": False}),
            await call(http, "DELETE", url, token=bearer),
        ]

        assert [reply.status for reply in replies] == [404, 404, 404]
        assert hub.personal.get(stranger, token.uuid).is_active
