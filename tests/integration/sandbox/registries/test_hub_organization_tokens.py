"""Docker Hub's organization access tokens, and the slots that they take."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import jsonschema
import pytest

from sandbox.hub.accounts import Organization
from sandbox.hub.organization_tokens import NewOrganizationToken
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.support import HubServices, call, registry_token

TEXT: Mapping[str, Any] = {"type": "string"}
ORGANIZATION: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "label", "is_active", "created_at", "expires_at", "last_used_at"],
    "properties": {
        "id": TEXT,
        "label": TEXT,
        "created_by": TEXT,
        "is_active": {"type": "boolean"},
        "created_at": TEXT,
        "expires_at": {"type": ["string", "null"]},
        "last_used_at": {"type": ["string", "null"]},
        "token": {"type": "string", "pattern": "^dckr_oat_"},
        "resources": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "path", "scopes"],
                "properties": {
                    "type": {"enum": ["TYPE_REPO", "TYPE_ORG"]},
                    "path": TEXT,
                    "scopes": {"type": "array", "items": TEXT},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
PUBLIC = [{"type": "TYPE_REPO", "path": "*/*/public", "scopes": ["scope-image-pull"]}]


class TestOrganizationTokens:
    """`/v2/orgs/{name}/access-tokens`."""

    async def test_a_token_lives_and_dies(
        self, organization: Organization, bearer: str, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """Made, used, listed, changed, deleted; every body is in the documented form."""
        url = f"{served.api}/v2/orgs/{organization.name}/access-tokens"
        made = await call(http, "POST", url, token=bearer, json={"label": "cache", "resources": PUBLIC})
        login = await registry_token(http, served, login=("contoso", made.body["token"]))
        one = f"{url}/{made.body['id']}"
        read = await call(http, "GET", one, token=bearer)
        listed = await call(http, "GET", url, token=bearer)
        changed = await call(http, "PATCH", one, token=bearer, json={"is_active": False})
        shut = await registry_token(http, served, login=("contoso", made.body["token"]))
        gone = await call(http, "DELETE", one, token=bearer)

        assert [reply.status for reply in (made, login, read, listed, changed, shut, gone)] == [
            201,
            200,
            200,
            200,
            200,
            401,
            204,
        ]
        for body in (made.body, read.body, changed.body, *listed.body["results"]):
            jsonschema.validate(body, ORGANIZATION)
        assert "token" not in read.body
        assert read.body["resources"] == PUBLIC
        assert listed.body["total"] == 1

    async def test_expired_tokens_keep_their_slots(
        self,
        organization: Organization,
        bearer: str,
        http: aiohttp.ClientSession,
        served: HubServices,
        clock: ManualClock,
    ) -> None:
        """Ten on the Team plan; the eleventh is refused until one is deleted, though all have expired."""
        soon = clock.now() + timedelta(minutes=1)
        tokens = [
            served.hub.organization.create(organization, NewOrganizationToken(f"t{n}", expires_at=soon), by="owner")
            for n in range(10)
        ]
        clock.advance(120)

        url = f"{served.api}/v2/orgs/contoso/access-tokens"
        full = await call(http, "POST", url, token=bearer, json={"label": "next"})
        await call(http, "DELETE", f"{url}/{tokens[0].id}", token=bearer)
        room = await call(http, "POST", url, token=bearer, json={"label": "next"})

        assert (full.status, room.status) == (403, 201)

    @pytest.mark.parametrize(
        "resources",
        [
            [{"type": "TYPE_OTHER", "path": "a/b", "scopes": ["scope-image-pull"]}],
            [{"type": "TYPE_REPO", "path": "a/b", "scopes": ["repo:read"]}],
            [{"type": "TYPE_REPO", "path": "a/b", "scopes": []}],
            [{"type": "TYPE_REPO", "path": f"a/{n}", "scopes": ["scope-image-pull"]} for n in range(51)],
        ],
    )
    async def test_resources_that_do_not_fit_are_refused(
        self,
        organization: Organization,
        bearer: str,
        http: aiohttp.ClientSession,
        served: HubServices,
        resources: list[dict[str, Any]],
    ) -> None:
        """Unknown types, scopes without their prefix, and more than fifty."""
        url = f"{served.api}/v2/orgs/{organization.name}/access-tokens"

        reply = await call(http, "POST", url, token=bearer, json={"label": "x", "resources": resources})

        assert reply.status == 400
