"""One repository at a registry as a client sees it: asks, answers the challenge, checks every digest.

The flow is the distribution specification's: ask without a token, read `WWW-Authenticate`, fetch a token from its
realm (with Basic when there are credentials), ask again once.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import aiohttp
import msgspec

from sandbox.oci.content import MANIFEST_TYPES, Content, digest_of, is_digest
from sandbox.oci.refusals import Answer, DigestMismatch, PullRefused, RegistryUnreachable, Step

_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')
_ACCEPT_MANIFESTS: Final = MappingProxyType({"Accept": ", ".join(sorted(MANIFEST_TYPES))})
_UNAUTHORIZED: Final = 401
_ERROR: Final = 400

type Watcher = Callable[[Answer], None]


class Credentials(msgspec.Struct, frozen=True):
    """A user name and a password or token."""

    username: str
    password: str

    def header(self) -> str:
        """The value of an Authorization header."""
        return aiohttp.encode_basic_auth(self.username, self.password)


class _Tokens(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""


class Fetched(msgspec.Struct, frozen=True):
    """Content with the headers that it came with."""

    content: Content
    headers: Mapping[str, str]


class Remote:
    """One repository, asked with one set of credentials or anonymously; the token is kept as long as this object."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        repository: str,
        *,
        credentials: Credentials | None = None,
        watch: Watcher | None = None,
    ) -> None:
        self._session = session
        self._base = f"{base_url}/v2/{repository}"
        self._repository = repository
        self._credentials = credentials
        self._watch = watch
        self._authorization: str | None = None

    async def head_manifest(self, reference: str) -> Mapping[str, str]:
        """The headers of a manifest; asking costs no pull at Docker Hub. Raises PullRefused, RegistryUnreachable."""
        answer, _ = await self._ask("HEAD", f"/manifests/{reference}", Step.RESOLVE, accept=_ACCEPT_MANIFESTS)
        return answer.headers

    async def manifest(self, reference: str) -> Fetched:
        """A manifest by tag or digest. Raises PullRefused, RegistryUnreachable, DigestMismatch."""
        answer, body = await self._ask("GET", f"/manifests/{reference}", Step.FETCH, accept=_ACCEPT_MANIFESTS)
        expected = reference if is_digest(reference) else answer.headers.get("docker-content-digest", "")
        return Fetched(_checked(answer, body, expected), answer.headers)

    async def blob(self, digest: str) -> Content:
        """A configuration or a layer. Raises PullRefused, RegistryUnreachable, DigestMismatch."""
        answer, body = await self._ask("GET", f"/blobs/{digest}", Step.FETCH)
        return _checked(answer, body, digest)

    async def _ask(
        self, method: str, path: str, step: Step, *, accept: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[Answer, bytes]:
        url = self._base + path
        answer, body = await self._send(method, url, {**accept, **self._authorized()})
        if answer.status == _UNAUTHORIZED and await self._answer_challenge(answer):
            answer, body = await self._send(method, url, {**accept, **self._authorized()})
        if answer.status >= _ERROR:
            raise self._refused(step, answer, body)
        return answer, body

    def _refused(self, step: Step, answer: Answer, body: bytes) -> PullRefused:
        return PullRefused(step, answer, body, authenticated=self._credentials is not None)

    def _authorized(self) -> dict[str, str]:
        return {"Authorization": self._authorization} if self._authorization is not None else {}

    async def _answer_challenge(self, answer: Answer) -> bool:
        scheme, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        if scheme.lower() == "basic" and self._credentials is not None:
            self._authorization = self._credentials.header()
            return True
        parameters = dict(_PARAMETER.findall(rest))
        if scheme.lower() != "bearer" or not parameters.get("realm", "").startswith("https://"):
            return False
        self._authorization = f"Bearer {await self._token(parameters)}"
        return True

    async def _token(self, challenge: Mapping[str, str]) -> str:
        query = {
            "service": challenge.get("service", ""),
            "scope": challenge.get("scope", f"repository:{self._repository}:pull"),
        }
        headers = {"Authorization": self._credentials.header()} if self._credentials is not None else {}
        answer, body = await self._send("GET", challenge["realm"], headers, params=query)
        if answer.status >= _ERROR:
            raise self._refused(Step.AUTHORIZE, answer, body)
        try:
            tokens = msgspec.json.decode(body, type=_Tokens)
        except msgspec.DecodeError as error:
            raise RegistryUnreachable(_host(answer.url), f"no token in the answer: {error}") from error
        return tokens.token or tokens.access_token

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], *, params: Mapping[str, str] | None = None
    ) -> tuple[Answer, bytes]:
        try:
            async with self._session.request(method, url, headers=headers, params=params) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RegistryUnreachable(_host(url), f"{type(error).__name__}: {error}") from error
        found = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(method, str(response.url), response.status, found)
        if self._watch is not None:
            self._watch(answer)
        return answer, body


def _host(url: str) -> str:
    return url.split("/")[2]


def _checked(answer: Answer, body: bytes, expected: str) -> Content:
    content = Content(answer.headers.get("content-type", "").split(";")[0], digest_of(body), body)
    if expected and content.digest != expected:
        raise DigestMismatch(answer.url, expected, content.digest)
    return content
