"""Docker Hub's adapter against the sandbox's Docker Hub: what it sends, and what the answers mean."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from sandbox import scenario
from sandbox.frame.faults import FaultRule
from sandbox.hub.accounts import Plan
from sandbox.hub.windows import Limit
from sandbox.world import World
from shared.adapters.docker_hub import HubApi
from shared.adapters.docker_hub_answers import retry_after
from shared.application.rotation_ports import (
    CredentialRejected,
    HubUnavailable,
    Login,
    LoginRefused,
    MintingForbidden,
    NoFreeSlot,
    Owner,
)
from tests.fixtures.serving import session_certificates

OWNER = Owner(Login(scenario.ACCOUNT, scenario.ACCOUNT_PASSWORD))
TEAM = Owner(OWNER.login, "contoso-org")


@pytest_asyncio.fixture
async def hub(world: World) -> AsyncIterator[HubApi]:
    """The adapter under test."""
    urls, tls = world.urls, session_certificates().client_context()
    adapter = HubApi(api=urls.hub, auth=urls.hub_auth, registry=urls.hub_registry, tls=tls)
    yield adapter
    await adapter.aclose()


def soon() -> datetime:
    """An end that Docker Hub takes."""
    return datetime.now(UTC) + timedelta(days=60)


class TestTokens:
    """Tokens are made, listed, switched off and deleted."""

    async def test_a_personal_token(self, world: World, hub: HubApi) -> None:
        """A new token has the narrowest scope, and opens the registry until it is switched off."""
        minted = await hub.mint(OWNER, "cachewarden-x-1", soon())
        login = Login(scenario.ACCOUNT, minted.text)

        reading, anonymous = await hub.probe(login), await hub.probe(None)
        assert (reading.limit, reading.by_account, anonymous.by_account) == (200, True, False)
        [made] = [t for t in await hub.tokens(OWNER) if t.label == "cachewarden-x-1"]
        assert made.id == minted.token.id
        account = world.hub.logins.accounts[scenario.ACCOUNT]
        assert world.hub.personal.get(account, made.id).scopes == ("repo:public_read",)

        await hub.set_active(OWNER, made.id, active=False)
        with pytest.raises(CredentialRejected):
            await hub.probe(login)
        await hub.delete(OWNER, made.id)
        await hub.delete(OWNER, made.id)
        assert made.id not in {token.id for token in await hub.tokens(OWNER)}

    async def test_an_organization_token(self, world: World, hub: HubApi) -> None:
        """An owner's login makes one that may pull what is public, under the organization's name."""
        world.hub.add_organization("contoso-org", owners=frozenset({scenario.ACCOUNT}))
        minted = await hub.mint(TEAM, "cachewarden-x-1", soon())

        reading = await hub.probe(Login("contoso-org", minted.text))
        assert (reading.limit, reading.remaining, reading.by_account) == (None, None, True)
        assert [token.id for token in await hub.tokens(TEAM)] == [minted.token.id]

    async def test_more_than_a_page(self, hub: HubApi) -> None:
        """All pages are read."""
        for number in range(101):
            await hub.mint(OWNER, f"cachewarden-x-{number}", soon())

        assert len(await hub.tokens(OWNER)) == 102

    async def test_one_login_for_many_calls(self, world: World, hub: HubApi) -> None:
        """The bearer token is kept, and made anew once when Docker Hub knows it no more."""
        await hub.tokens(OWNER)
        await hub.tokens(OWNER)
        world.clock.advance(660)
        await hub.tokens(OWNER)

        assert len(world.exchanges.exchanges("hub", path="/v2/auth/token")) == 2


class TestRefusals:
    """Each refusal says what it is, and none is tried again."""

    @pytest.mark.parametrize("changes", [{"two_factor": True}, {"sso_enforced": True}])
    async def test_a_password_that_is_not_enough(self, world: World, hub: HubApi, changes: dict[str, Any]) -> None:
        """A second factor or single sign-on shuts the password out; one bad login is all that is counted."""
        world.hub.add_account(scenario.ACCOUNT, scenario.ACCOUNT_PASSWORD, **changes)
        with pytest.raises(LoginRefused):
            await hub.mint(OWNER, "cachewarden-x-1", soon())

        assert len(world.exchanges.exchanges("hub")) == 1

    async def test_a_token_makes_no_token(self, world: World, hub: HubApi) -> None:
        """A login with a token is let in and may manage nothing."""
        minted = await hub.mint(OWNER, "cachewarden-x-1", soon())
        with pytest.raises(MintingForbidden):
            await hub.tokens(Owner(Login(scenario.ACCOUNT, minted.text)))

    async def test_no_owner(self, world: World, hub: HubApi) -> None:
        """Who owns no such organization gets none of its tokens."""
        with pytest.raises(MintingForbidden):
            await hub.tokens(TEAM)
        world.hub.add_organization("contoso-org", owners=frozenset({"somebody"}))
        with pytest.raises(MintingForbidden):
            await hub.tokens(TEAM)

    @pytest.mark.parametrize(
        ("status", "words", "expected"),
        [
            (400, "validation error", "mint_refused"),
            (409, "conflict", "mint_refused"),
            (422, "unprocessable", "mint_refused"),
            (403, "forbidden", "minting_forbidden"),
            (403, "you have reached the limit of access tokens", "no_free_slot"),
        ],
    )
    async def test_a_refused_token(self, world: World, hub: HubApi, status: int, words: str, expected: str) -> None:
        """Whatever Docker Hub says to a new token, a person can make one; nothing of its words goes on."""
        body = {"message": f"{words} for contoso-org"}
        world.faults.add(FaultRule(service="hub", method="POST", path="access-tokens", status=status, body=body))
        world.hub.add_organization("contoso-org", owners=frozenset({scenario.ACCOUNT}))
        with pytest.raises((MintingForbidden, NoFreeSlot)) as caught:
            await hub.mint(TEAM, "cachewarden-x-1", soon())

        assert caught.value.code == expected
        assert "contoso-org" not in str(caught.value)

    async def test_no_slot(self, world: World, hub: HubApi) -> None:
        """The tenth token of a Team is the last; that this is why is not in the answer."""
        world.hub.add_organization("contoso-org", owners=frozenset({scenario.ACCOUNT}), plan=Plan.TEAM)
        for number in range(10):
            await hub.mint(TEAM, f"cachewarden-x-{number}", soon())
        with pytest.raises(MintingForbidden):
            await hub.mint(TEAM, "cachewarden-x-10", soon())

    async def test_an_expired_token(self, world: World, hub: HubApi) -> None:
        """The registry's words become a code of their own."""
        minted = await hub.mint(OWNER, "cachewarden-x-1", datetime.now(UTC) + timedelta(hours=1))
        world.clock.advance(7200)
        with pytest.raises(CredentialRejected) as caught:
            await hub.probe(Login(scenario.ACCOUNT, minted.text))

        assert caught.value.code == "token_expired"

    async def test_a_locked_name(self, world: World, hub: HubApi) -> None:
        """A lock is no verdict on the credential: it passes after ten minutes."""
        for _ in range(10):
            with pytest.raises(CredentialRejected):
                await hub.probe(Login(scenario.ACCOUNT, "wrong"))
        with pytest.raises(HubUnavailable) as caught:
            await hub.probe(Login(scenario.ACCOUNT, "wrong"))

        assert (caught.value.code, caught.value.retry_after) == ("login_locked", 600)

    async def test_the_abuse_limit(self, world: World, hub: HubApi) -> None:
        """Is told apart from the API's own limit, and has the app stay away for a while."""
        world.hub.abuse.limit = Limit(0, 60)
        with pytest.raises(HubUnavailable) as caught:
            await hub.tokens(OWNER)

        assert (caught.value.code, caught.value.retry_after) == ("abuse_limited", 900)

    async def test_the_limit_of_the_api(self, world: World, hub: HubApi) -> None:
        """Its `Retry-After` is a point in time, and still becomes a wait of seconds."""
        world.hub.api.limit = Limit(1, 60)
        with pytest.raises(HubUnavailable) as caught:
            await hub.tokens(OWNER)

        assert caught.value.retry_after is not None
        assert 0 <= caught.value.retry_after <= 62

    async def test_no_secret_in_an_error(self, world: World, hub: HubApi) -> None:
        """Neither the password nor the account's name is in what is raised."""
        world.faults.add(FaultRule(service="hub", status=500, body=f"{scenario.ACCOUNT} {scenario.ACCOUNT_PASSWORD}"))
        with pytest.raises(HubUnavailable) as caught:
            await hub.tokens(OWNER)

        shown = f"{caught.value} {caught.value!r} {OWNER!r} {OWNER.login!r}"
        assert scenario.ACCOUNT not in shown
        assert scenario.ACCOUNT_PASSWORD not in shown


class TestPullLimit:
    """The limit is looked at without a pull."""

    async def test_whose_window(self, world: World, hub: HubApi) -> None:
        """The address has one window, the account another; neither look is a pull."""
        anonymous = await hub.probe(None)

        assert (anonymous.limit, anonymous.remaining, anonymous.window_s) == (100, 100, 21600)
        assert not world.hub.limits.pulls

    async def test_nothing_left(self, world: World, hub: HubApi) -> None:
        """An empty window is told, and a refused look as well; the credential is good all the same."""
        world.hub.exhaust("127.0.0.1")
        empty = await hub.probe(None)
        world.hub.limits.refuse_head = True
        refused = await hub.probe(None)

        assert (empty.remaining, empty.refused) == (0, False)
        assert refused.refused

    async def test_no_headers(self, world: World, hub: HubApi) -> None:
        """A paid plan has no headers: unknown or unlimited, and never zero."""
        world.hub.add_account("paid", "p", plan=Plan.PRO)

        assert (await hub.probe(Login("paid", "p"))).remaining is None


class TestRetryAfter:
    """Two names, two meanings."""

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "30"}, 30.0),
            ({"retry-after": "2000000060"}, 60.0),
            ({"x-retry-after": "2000000005", "retry-after": "9"}, 5.0),
            ({"retry-after": "1999999999"}, 0.0),
            ({"retry-after": "35.852µs"}, None),
            ({}, None),
        ],
    )
    def test_wait(self, headers: dict[str, str], seconds: float | None) -> None:
        """Seconds stay seconds, a point in time becomes the wait until then."""
        assert retry_after(headers, now=2_000_000_000) == seconds
