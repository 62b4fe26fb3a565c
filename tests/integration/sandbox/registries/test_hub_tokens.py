"""Docker Hub's management API: logging in, and the tokens that only a password may make."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import jsonschema
import pytest

from sandbox.hub.accounts import Account, Organization, Plan
from sandbox.hub.models import Hub
from sandbox.hub.organization_tokens import NewOrganizationToken
from sandbox.hub.personal_tokens import NewPersonalToken
from sandbox.hub.windows import Limit
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.support import HubServices, api_login, call, registry_token

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


@pytest.fixture
def owner(hub: Hub) -> Account:
    """Somebody with a password and no second factor."""
    return hub.add_account("owner", "correct horse")


@pytest.fixture
def organization(hub: Hub, owner: Account) -> Organization:
    """The owner's organization on the Team plan."""
    return hub.add_organization("contoso", owners=frozenset({owner.username}), plan=Plan.TEAM)


@pytest.fixture
async def bearer(owner: Account, http: aiohttp.ClientSession, served: HubServices) -> str:
    """The owner's login by password."""
    return await api_login(http, served, owner.username, owner.password)


class TestLogin:
    """`POST /v2/auth/token`."""

    @pytest.mark.usefixtures("owner")
    async def test_wrong_secrets_are_refused(self, http: aiohttp.ClientSession, served: HubServices) -> None:
        """An unknown name and a wrong password read the same."""
        replies = [
            await call(http, "POST", f"{served.api}/v2/auth/token", json={"identifier": name, "secret": "wrong"})
            for name in ("owner", "nobody")
        ]

        assert [(reply.status, reply.body) for reply in replies] == [
            (401, {"detail": "Incorrect authentication credentials"})
        ] * 2

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"identifier": "owner"}', b'{"identifier": 1, "secret": "x"}'])
    async def test_a_malformed_body_is_a_400(
        self, http: aiohttp.ClientSession, served: HubServices, body: bytes
    ) -> None:
        """The answer names the field."""
        reply = await call(http, "POST", f"{served.api}/v2/auth/token", data=body)

        assert reply.status == 400
        assert set(reply.body) == {"fields", "text"}

    async def test_the_login_lasts_ten_minutes(
        self, bearer: str, http: aiohttp.ClientSession, served: HubServices, clock: ManualClock
    ) -> None:
        """Then it is no token any more."""
        clock.advance(599)
        before = await call(http, "GET", f"{served.api}/v2/access-tokens", token=bearer)
        clock.advance(1)
        after = await call(http, "GET", f"{served.api}/v2/access-tokens", token=bearer)

        assert (before.status, after.status) == (200, 401)


class TestWhoMayManage:
    """Only a login with a password may."""

    async def test_a_login_by_personal_token_is_refused(
        self, hub: Hub, owner: Account, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """403 with its reason; the token itself as bearer is 401."""
        token = hub.personal.create(owner, NewPersonalToken("bot", ["repo:admin"]))
        bearer = await api_login(http, served, owner.username, token.text)

        minted = await call(http, "GET", f"{served.api}/v2/access-tokens", token=bearer)
        raw = await call(http, "GET", f"{served.api}/v2/access-tokens", token=token.text)

        assert (minted.status, minted.body["message"]) == (
            403,
            "token issued from personal access token is not allowed",
        )
        assert (raw.status, raw.body) == (401, {"message": "unauthorized", "errinfo": {}})

    async def test_a_login_by_organization_token_is_refused(
        self, hub: Hub, organization: Organization, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """An organization's token can't make its successor."""
        token = hub.organization.create(organization, NewOrganizationToken("cache"), by="owner")
        bearer = await api_login(http, served, "contoso", token.text)

        reply = await call(http, "POST", f"{served.api}/v2/orgs/contoso/access-tokens", token=bearer, json={})

        assert (reply.status, reply.body["message"]) == (
            403,
            "token issued from organization access token is not allowed",
        )

    @pytest.mark.parametrize("trait", ["two_factor", "sso_enforced"])
    async def test_a_second_factor_shuts_the_password_out(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices, trait: str
    ) -> None:
        """Such an account can't rotate by API."""
        hub.add_account("secured", "correct horse", **{trait: True})  # type: ignore[arg-type] # both are bool

        reply = await call(
            http, "POST", f"{served.api}/v2/auth/token", json={"identifier": "secured", "secret": "correct horse"}
        )

        assert reply.status == 401

    @pytest.mark.usefixtures("organization")
    async def test_only_owners_manage_an_organizations_tokens(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """Others get 403, an unknown organization is 404."""
        hub.add_account("member", "correct horse")
        bearer = await api_login(http, served, "member", "correct horse")

        other = await call(http, "GET", f"{served.api}/v2/orgs/contoso/access-tokens", token=bearer)
        unknown = await call(http, "GET", f"{served.api}/v2/orgs/nobody/access-tokens", token=bearer)

        assert (other.status, unknown.status) == (403, 404)


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


class TestRateLimit:
    """So many requests a minute."""

    async def test_headers_count_down_and_then_name_a_point_in_time(
        self, hub: Hub, bearer: str, http: aiohttp.ClientSession, served: HubServices, clock: ManualClock
    ) -> None:
        """The 429's Retry-After is a Unix timestamp: a client that waits that many seconds waits for decades."""
        hub.api.limit = Limit(3, 60)
        url = f"{served.api}/v2/access-tokens"

        replies = [await call(http, "GET", url, token=bearer) for _ in range(3)]
        clock.advance(60)
        again = await call(http, "GET", url, token=bearer)

        assert [reply.status for reply in replies] == [200, 200, 429]
        assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["1", "0", "0"]
        assert replies[2].body == {"detail": "Rate limit exceeded", "error": False}
        reset = int(replies[2].headers["X-Retry-After"])
        assert clock.now().timestamp() <= reset <= clock.now().timestamp() + 61
        assert replies[2].headers["Retry-After"] == replies[2].headers["X-RateLimit-Reset"] == str(reset)
        assert again.status == 200

    async def test_refusals_carry_the_headers_too(self, http: aiohttp.ClientSession, served: HubServices) -> None:
        """Also a request without a token spends one."""
        reply = await call(http, "GET", f"{served.api}/v2/access-tokens")

        assert (reply.status, reply.headers["X-RateLimit-Limit"]) == (401, "180")
