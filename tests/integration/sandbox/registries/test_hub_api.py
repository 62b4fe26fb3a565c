"""Docker Hub's management API: logging in, who may manage tokens, and the limit per minute."""

import aiohttp
import pytest

from sandbox.hub.accounts import Account, Organization
from sandbox.hub.models import Hub
from sandbox.hub.organization_tokens import NewOrganizationToken
from sandbox.hub.personal_tokens import NewPersonalToken
from sandbox.hub.windows import Limit
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.support import HubServices, api_login, call


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
