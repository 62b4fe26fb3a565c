"""Docker Hub: its management API for tokens, and its registry's verdict on a login.

The traps: a `Retry-After` of the management API is a point in time, not a wait (observed, docker/hub-feedback#2459);
bad logins lock the user name for everybody (docker/hub-feedback#2201), so nothing refused is tried twice here; a token
can't make its successor, only a password can (docker/hub-feedback#2478); and DELETE answers 204.
"""

import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from shared.adapters.docker_hub_answers import Answer, TokenList, ensure_ok, login_refusal, minting_refusal, rejection
from shared.application.rotation_ports import DockerHub, HubUnavailable, Login, Minted, Owner
from shared.domain.headroom import Reading, is_address, parse_limit
from shared.domain.rotation import HubToken
from shared.telemetry.names import Outside
from shared.telemetry.spans import traced
from shared.version import VERSION

if TYPE_CHECKING:
    import aiohttp

_PROBE: Final = "ratelimitpreview/test"
_FORMS: Final = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
_SESSION_S: Final = 540.0
"""A bearer token of the API lives ten minutes (documented)."""
_LARGEST_ANSWER: Final = 1024 * 1024
_PAGE: Final = 100
_MOST_PAGES: Final = 20
_UNAUTHORIZED, _NOT_FOUND, _BAD_REQUEST, _LIMITED = 401, 404, 400, 429


class HubApi(DockerHub):
    """Docker Hub over HTTP; the connection is made on first use, closed by `aclose`."""

    def __init__(
        self,
        *,
        api: str = "https://hub.docker.com",
        auth: str = "https://auth.docker.io",
        registry: str = "https://registry-1.docker.io",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._api = api.rstrip("/")
        self._auth = auth.rstrip("/")
        self._registry = registry.rstrip("/")
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._bearers: dict[Login, tuple[str, float]] = {}

    async def aclose(self) -> None:
        """Close the connection, and forget who is logged in."""
        self._bearers.clear()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def tokens(self, owner: Owner) -> tuple[HubToken, ...]:
        """All tokens of the account or organization, expired ones included."""
        found: list[HubToken] = []
        for page in range(1, _MOST_PAGES + 1):
            path = f"{_collection(owner)}?page={page}&page_size={_PAGE}"
            answer = await self._manage("GET", path, owner)
            listed = answer.read(TokenList)
            found += [token.as_hub_token() for token in listed.results]
            if not listed.results or len(found) >= listed.size:
                return tuple(found)
        raise HubUnavailable(f"there are more than {_MOST_PAGES * _PAGE} tokens", code="too_many_tokens")

    async def mint(self, owner: Owner, label: str, expires_at: datetime) -> Minted:
        """Make a token that may pull public images and nothing else; raises `NoFreeSlot`."""
        ends = expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if owner.organization is None:
            body: dict[str, Any] = {"token_label": label, "scopes": ["repo:public_read"]}
        else:
            pull = {"type": "TYPE_REPO", "path": "*/*/public", "scopes": ["scope-image-pull"]}
            body = {"label": label, "description": "made and renewed by Cachewarden", "resources": [pull]}
        answer = await self._manage("POST", _collection(owner), owner, {**body, "expires_at": ends})
        return answer.minted()

    async def set_active(self, owner: Owner, token_id: str, *, active: bool) -> None:
        """Switch a token on or off; one that is gone, or has expired, is left alone."""
        path = f"{_collection(owner)}/{quote(token_id, safe='')}"
        await self._manage("PATCH", path, owner, {"is_active": active}, fine={_NOT_FOUND, _BAD_REQUEST})

    async def delete(self, owner: Owner, token_id: str) -> None:
        """Delete a token; one that is gone is left alone."""
        path = f"{_collection(owner)}/{quote(token_id, safe='')}"
        await self._manage("DELETE", path, owner, fine={_NOT_FOUND})

    @traced(Outside.DOCKER_HUB_PROBE)
    async def probe(self, login: Login | None) -> Reading:
        """Look at the pull limit without a pull: a HEAD does not count (documented); raises `CredentialRejected`."""
        import aiohttp

        url = f"{self._auth}/token?service=registry.docker.io&scope=repository:{_PROBE}:pull"
        headers = {} if login is None else {"Authorization": aiohttp.encode_basic_auth(login.username, login.secret)}
        answer = await self._send("GET", url, headers=headers)
        if answer.status == _UNAUTHORIZED and login is not None:
            raise rejection(answer)
        ensure_ok(answer, "asking for a registry token")
        bearer = {"Authorization": f"Bearer {answer.text('token')}", "Accept": _FORMS}
        seen = await self._send("HEAD", f"{self._registry}/v2/{_PROBE}/manifests/latest", headers=bearer)
        if seen.status == _UNAUTHORIZED and login is not None:
            raise rejection(seen, code="not_allowed_to_pull")
        if seen.status != _LIMITED:
            ensure_ok(seen, "looking at the pull limit")
        return _reading(seen, by_account=login is not None)

    @traced(Outside.DOCKER_HUB_MANAGE)
    async def _manage(
        self,
        method: str,
        path: str,
        owner: Owner,
        body: Mapping[str, Any] | None = None,
        *,
        fine: set[int] = frozenset(),  # type: ignore[assignment]
    ) -> Answer:
        """A request of the management API as the owner; one with a bearer token that has ended logs in once more."""
        known = owner.login in self._bearers
        answer = await self._send(method, self._api + path, headers=await self._bearer(owner.login), body=body)
        if answer.status == _UNAUTHORIZED and known:
            self._bearers.pop(owner.login, None)
            answer = await self._send(method, self._api + path, headers=await self._bearer(owner.login), body=body)
        if answer.status in fine:
            return answer
        if refusal := minting_refusal(answer, method, organization=owner.organization is not None):
            raise refusal
        ensure_ok(answer, f"{method} of an access token")
        return answer

    async def _bearer(self, login: Login) -> dict[str, str]:
        token, ends = self._bearers.get(login, ("", 0.0))
        if time.monotonic() >= ends:
            token = await self._log_in(login)
            self._bearers[login] = (token, time.monotonic() + _SESSION_S)
        return {"Authorization": f"Bearer {token}"}

    @traced(Outside.DOCKER_HUB_LOGIN)
    async def _log_in(self, login: Login) -> str:
        body = {"identifier": login.username, "secret": login.secret}
        answer = await self._send("POST", f"{self._api}/v2/auth/token", body=body)
        if answer.status == _UNAUTHORIZED:
            raise login_refusal(answer)
        ensure_ok(answer, "logging in")
        return answer.text("access_token")

    async def _send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls) if self._tls is not None else None
            timeout = aiohttp.ClientTimeout(total=30, connect=5)
            agent = {"User-Agent": f"cachewarden/{VERSION}"}
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=agent)
        try:
            async with self._session.request(
                method, url, headers=headers, json=body, allow_redirects=False
            ) as response:
                content = await response.content.read(_LARGEST_ANSWER)
                return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HubUnavailable(f"{method} {url.partition('?')[0]}: {type(error).__name__}") from error


def _collection(owner: Owner) -> str:
    if owner.organization is None:
        return "/v2/access-tokens"
    return f"/v2/orgs/{quote(owner.organization, safe='')}/access-tokens"


def _reading(seen: Answer, *, by_account: bool) -> Reading:
    """What the headers of a HEAD say; a 429 without them is the abuse limit's, since a HEAD has no words.

    Whose window it is says the source: an address, or an account's UUID (documented, and observed docker/docs#13499).
    """
    limit, window = parse_limit(seen.headers.get("ratelimit-limit"))
    remaining, _ = parse_limit(seen.headers.get("ratelimit-remaining"))
    refused = seen.status == _LIMITED
    source = seen.headers.get("docker-ratelimit-source", "").strip()
    return Reading(
        at=datetime.now(UTC),
        limit=limit,
        remaining=remaining,
        window_s=window,
        by_account=not is_address(source) if source else by_account,
        refused=refused,
        abuse=refused and limit is None,
    )
