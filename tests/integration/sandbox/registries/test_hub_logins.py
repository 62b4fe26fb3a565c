"""Docker Hub's token service: who gets in with what, and what too many bad logins lead to."""

from datetime import timedelta

import aiohttp
import pytest

from sandbox.hub.accounts import Account, Resource
from sandbox.hub.models import Hub
from sandbox.hub.organization_tokens import NewOrganizationToken
from sandbox.hub.personal_tokens import NewPersonalToken, PersonalTokenChange
from sandbox.oci.images import single_image
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.support import HubServices, call, manifest, registry_token

PASSWORD = "correct horse battery staple ü"


@pytest.fixture
def account(hub: Hub) -> Account:
    """An account with a password."""
    return hub.add_account("contosobot", PASSWORD)


class TestSecrets:
    """Passwords and tokens."""

    async def test_an_anonymous_client_gets_a_token_for_five_minutes(
        self, http: aiohttp.ClientSession, served: HubServices, clock: ManualClock
    ) -> None:
        """After that the registry calls it invalid."""
        reply = await registry_token(http, served)
        url = f"{served.registry}/v2/ratelimitpreview/test/manifests/latest"
        clock.advance(299)
        good = await call(http, "HEAD", url, token=reply.body["token"])
        clock.advance(1)
        bad = await call(http, "HEAD", url, token=reply.body["token"])

        assert reply.body["expires_in"] == 300
        assert reply.body["token"] == reply.body["access_token"]
        assert good.status == 200
        assert bad.status == 401
        assert 'error="invalid_token"' in bad.headers["WWW-Authenticate"]

    async def test_a_token_for_another_service_is_none_here(
        self, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """The registry looks at the service that the token was asked for."""
        query = {"service": "elsewhere", "scope": "repository:ratelimitpreview/test:pull"}
        token = (await call(http, "GET", f"{served.auth}/token", params=query)).body["token"]

        reply = await call(http, "HEAD", f"{served.registry}/v2/ratelimitpreview/test/manifests/latest", token=token)

        assert reply.status == 401

    @pytest.mark.usefixtures("account")
    async def test_a_password_opens_the_registry(self, http: aiohttp.ClientSession, served: HubServices) -> None:
        """With GET and Basic, and with the OAuth2 form."""
        basic = await registry_token(http, served, login=("contosobot", PASSWORD))
        form = {"grant_type": "password", "username": "contosobot", "password": PASSWORD}
        oauth = await call(http, "POST", f"{served.auth}/token", data={**form, "service": "registry.docker.io"})

        assert (basic.status, oauth.status) == (200, 200)

    async def test_a_personal_token_opens_it_until_it_ends_or_is_switched_off(
        self, hub: Hub, account: Account, http: aiohttp.ClientSession, served: HubServices, clock: ManualClock
    ) -> None:
        """Expired, inactive and deleted tokens are refused, each in its words."""
        ending = hub.personal.create(
            account, NewPersonalToken("ends", ["repo:public_read"], clock.now() + timedelta(days=1))
        )
        other = hub.personal.create(account, NewPersonalToken("stays", ["repo:public_read"]))
        assert (await registry_token(http, served, login=("contosobot", ending.text))).status == 200
        assert hub.personal.get(account, ending.uuid).last_used == clock.now()

        clock.advance(86400)
        expired = await registry_token(http, served, login=("contosobot", ending.text))
        hub.personal.change(account, other.uuid, PersonalTokenChange(is_active=False))
        inactive = await registry_token(http, served, login=("contosobot", other.text))

        assert (expired.status, expired.body) == (401, {"details": "personal access token is expired"})
        assert (inactive.status, inactive.body) == (401, {"details": "incorrect username or password"})
        assert not await hub.accepts("contosobot", ending.text)

    @pytest.mark.parametrize("trait", ["two_factor", "sso_enforced"])
    async def test_a_second_factor_shuts_the_password_out_but_not_the_token(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices, trait: str
    ) -> None:
        """Documented: password sign-in is not supported then."""
        account = hub.add_account("secured", PASSWORD, **{trait: True})  # type: ignore[arg-type] # both are bool
        token = hub.personal.create(account, NewPersonalToken("bot", ["repo:read"]))

        assert (await registry_token(http, served, login=("secured", PASSWORD))).status == 401
        assert (await registry_token(http, served, login=("secured", token.text))).status == 200

    async def test_a_public_read_token_does_not_open_private_repositories(
        self, hub: Hub, account: Account, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """`repo:read` does."""
        hub.publish("contosobot/app", single_image("app"), tag="1", private=True)
        statuses = []
        for scope in ("repo:public_read", "repo:read"):
            token = hub.personal.create(account, NewPersonalToken("bot", [scope]))
            login = ("contosobot", token.text)
            reply = await manifest(http, served, repository="contosobot/app", reference="1", login=login)
            statuses.append(reply.status)

        assert statuses == [401, 200]

    async def test_an_organization_token_opens_what_its_resources_name(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """The user name is the organization's; public images need `*/*/public`."""
        organization = hub.add_organization("contoso", owners=frozenset({"owner"}))
        hub.publish("contoso/app", single_image("app"), tag="latest", private=True)
        statuses = {}
        for path in ("*/*/public", "contoso/*", "contoso/app", "contoso/other"):
            new = NewOrganizationToken("cache", resources=[Resource("TYPE_REPO", path, ("scope-image-pull",))])
            token = hub.organization.create(organization, new, by="owner")
            statuses[path] = [
                (await manifest(http, served, repository=repository, login=("contoso", token.text))).status
                for repository in ("ratelimitpreview/test", "contoso/app")
            ]

        assert statuses == {
            "*/*/public": [200, 401],
            "contoso/*": [401, 200],
            "contoso/app": [401, 200],
            "contoso/other": [401, 401],
        }

    async def test_unreadable_credentials_are_wrong_credentials(
        self, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """Not base64, not UTF-8, no colon: 401 and no crash."""
        replies = [
            await call(http, "GET", f"{served.auth}/token", headers={"Authorization": f"Basic {value}"})
            for value in ("%%%", "/////w==", "bm9jb2xvbg==")
        ]

        assert [reply.status for reply in replies] == [401, 401, 401]


@pytest.mark.usefixtures("account")
class TestLock:
    """Ten bad logins lock the user name for ten minutes."""

    async def test_a_locked_user_name_is_refused_with_the_right_password_too(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices, clock: ManualClock
    ) -> None:
        """429 from both doors until ten minutes after the last bad login; others are not touched."""
        hub.add_account("other", PASSWORD)
        for _ in range(10):
            assert (await registry_token(http, served, login=("contosobot", "wrong"))).status == 401
            clock.advance(30)

        right = ("contosobot", PASSWORD)
        locked = await registry_token(http, served, login=right)
        api = {"identifier": "contosobot", "secret": PASSWORD}
        locked_api = await call(http, "POST", f"{served.api}/v2/auth/token", json=api)
        other = await registry_token(http, served, login=("other", PASSWORD))
        accepted_while_locked = await hub.accepts(*right)
        clock.advance(569)
        still = await registry_token(http, served, login=right)
        clock.advance(1)
        free = await registry_token(http, served, login=right)

        assert locked.body == {"details": "too many failed login attempts for username or IP address"}
        assert [reply.status for reply in (locked, locked_api, other, still, free)] == [429, 429, 200, 429, 200]
        assert not accepted_while_locked

    async def test_asking_whether_a_credential_is_good_counts_as_no_login(self, hub: Hub) -> None:
        """A health check may ask as often as it likes."""
        for _ in range(30):
            assert not await hub.accepts("contosobot", "wrong")

        assert await hub.accepts("contosobot", PASSWORD)
