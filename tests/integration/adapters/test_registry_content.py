"""ACR's data plane through the real SDK: proofs by digest, and whether a refusal passes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sandbox import scenario
from sandbox.frame.faults import FaultRule
from sandbox.oci.content import OCI_INDEX, Content
from sandbox.oci.images import Image, single_image
from sandbox.world import World
from shared.adapters.arm import ArmRegistries
from shared.adapters.registry_content import AcrContent, LoginServerInvalid, platforms_of
from shared.adapters.vault_access import ArmVaultAccess
from shared.application.registry_ports import NotServed, PullRefused, RegistryContent
from shared.domain.plans import CreateCacheRule, CreateCredentialSet
from shared.errors import PermanentError, TemporaryError
from tests.integration.adapters.support import make
from tests.integration.sandbox.cloud.support import PrincipalCredential

NGINX = "docker-hub/library/nginx"
REDIS = "docker-hub/bitnami/redis"
MANIFESTS = "/v2/.+/manifests/"


def trusting(world: World) -> dict[str, Any]:
    """The option that lets an SDK client trust the sandbox's authority."""
    return {"connection_verify": str(world.certificates.ca)}


@pytest.fixture
def credential(world: World) -> PrincipalCredential:
    """Signs in as the product's identity."""
    return PrincipalCredential(world.tokens, world.app_identity)


@pytest_asyncio.fixture
async def content(world: World, credential: PrincipalCredential) -> AsyncIterator[RegistryContent]:
    """The adapter under test."""
    adapter = AcrContent(credential, **trusting(world))
    yield adapter
    await adapter.aclose()


@pytest_asyncio.fixture
async def rules(world: World, credential: PrincipalCredential) -> None:
    """Cache rules for nginx and redis, with credentials that work."""
    registries = ArmRegistries(credential, endpoint=world.urls.arm, poll_s=0.01, **trusting(world))
    secrets = (scenario.SECRETS.username, scenario.SECRETS.token)
    username, token = (f"{world.urls.vault}/secrets/{name}" for name in secrets)
    wanted = CreateCredentialSet("docker-hub", "docker.io", username, token)
    await make(registries, scenario.REGISTRY_ID, wanted)
    created = await registries.credential_set(scenario.REGISTRY_ID, wanted.name)
    assert created is not None
    access = ArmVaultAccess(credential, endpoint=world.urls.arm, **trusting(world))
    await access.grant(scenario.VAULT_ID, secrets, created.principal_id)
    for name, target in (("nginx", NGINX), ("redis", REDIS)):
        source = target.replace("docker-hub", "docker.io")
        rule = CreateCacheRule(f"{name}-rule", source, target, "docker-hub")
        await make(registries, scenario.REGISTRY_ID, rule)
    await access.aclose()
    await registries.aclose()


def refuse(world: World, status: int, code: str, message: str) -> None:
    """Let the registry refuse manifests."""
    body = {"errors": [{"code": code, "message": message}]}
    world.faults.add(FaultRule(path=MANIFESTS, status=status, headers={"Retry-After": "5"}, body=body))


class TestConnections:
    """What becomes of an answer that nobody reads to its end."""

    async def test_a_manifest_of_more_than_four_mebibytes_gives_its_connection_back(
        self, world: World, content: RegistryContent
    ) -> None:
        """The SDK refuses it by what its length says; a connection that stayed open would fail the test."""
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "padding": "x" * 4 * 1024 * 1024}
        world.acr.seed("app", Image(Content.of_json(OCI_INDEX, document)), tag="1")

        with pytest.raises(NotServed) as caught:
            await content.manifest(world.login_server, "app", "1")

        assert caught.value.code == "unreadable_manifest"


class TestRepositories:
    """What the registry holds."""

    async def test_none(self, world: World, content: RegistryContent) -> None:
        """An empty registry has no repositories."""
        assert await content.repositories(world.login_server) == frozenset()

    @pytest.mark.usefixtures("rules")
    async def test_cached_ones(self, world: World, content: RegistryContent) -> None:
        """A repository exists once an image was pulled through its rule."""
        await content.manifest(world.login_server, REDIS, "7.4")
        await content.manifest(world.login_server, NGINX, "1.27")

        assert {REDIS, NGINX} >= await content.repositories(world.login_server) > frozenset()

    async def test_pages(self, world: World, content: RegistryContent) -> None:
        """All pages of a long list are read."""
        pages = [[f"a/r{number}" for number in range(start, start + 1000)] for start in (0, 1000)]
        link = {"Link": '</acr/v1/_catalog?last=a%2Fr999&n=1000>; rel="next"'}
        world.faults.add(
            FaultRule(path="_catalog\\?n=1000$", status=200, headers=link, body={"repositories": pages[0]})
        )
        world.faults.add(FaultRule(path="_catalog\\?last=", status=200, body={"repositories": pages[1]}))

        assert len(await content.repositories(world.login_server)) == 2000

    async def test_trouble(self, world: World, content: RegistryContent) -> None:
        """A registry that throttles is temporary, with the wait that it asks for."""
        world.faults.add(FaultRule(service="registry", path="_catalog", status=429, headers={"Retry-After": "3"}))
        with pytest.raises(TemporaryError) as caught:
            await content.repositories(world.login_server)
        assert caught.value.retry_after == 3

    @pytest.mark.parametrize("host", ["evil.example/x", "user@host", "", "host:99999999", "a b", "host#x", "host?x"])
    async def test_hosts(self, content: RegistryContent, host: str) -> None:
        """What is no host name gets no token."""
        with pytest.raises(LoginServerInvalid):
            await content.repositories(host)


@pytest.mark.usefixtures("rules")
class TestServed:
    """Manifests that the registry serves."""

    async def test_an_image(self, world: World, content: RegistryContent) -> None:
        """An image has the digest that Docker Hub has, comes from the upstream first and then from the cache."""
        first = await content.manifest(world.login_server, REDIS, "7.4")
        await world.acr.cache.settle()
        second = await content.manifest(world.login_server, REDIS, first.digest)

        assert first.digest == single_image("bitnami/redis:7.4").digest
        assert (first.origin, second.origin) == ("upstream", "cache")
        assert (first.digest, first.platforms) == (second.digest, {})

    async def test_an_index(self, world: World, content: RegistryContent) -> None:
        """An index names the manifest of each platform, and each can be pulled."""
        index = await content.manifest(world.login_server, NGINX, "1.27")
        assert "linux/amd64" in index.platforms

        for digest in index.platforms.values():
            assert (await content.manifest(world.login_server, NGINX, digest)).digest == digest

    async def test_another_digest(self, world: World, content: RegistryContent) -> None:
        """Bytes that are not what was asked for are no proof, by digest and by tag."""
        served = await content.manifest(world.login_server, REDIS, "7.4")
        media_type = "application/vnd.oci.image.manifest.v1+json"
        body = {"schemaVersion": 2, "mediaType": media_type, "layers": []}
        headers = {"Docker-Content-Digest": served.digest, "Content-Type": media_type}
        world.faults.add(FaultRule(path=MANIFESTS, status=200, headers=headers, body=body))

        for reference in (served.digest, "7.4"):
            with pytest.raises(PullRefused) as caught:
                await content.manifest(world.login_server, REDIS, reference)
            assert caught.value.code == "digest_mismatch"

    async def test_no_manifest(self, world: World, content: RegistryContent) -> None:
        """An answer that is no manifest may be one later."""
        world.faults.add(FaultRule(path=MANIFESTS, status=200, body="<p>hello</p>"))
        with pytest.raises(NotServed):
            await content.manifest(world.login_server, REDIS, "7.4")


class TestRefused:
    """Whether a refusal passes."""

    async def test_no_rule_yet(self, world: World, content: RegistryContent) -> None:
        """What the registry does not know may be a rule that is a minute old."""
        with pytest.raises(NotServed) as caught:
            await content.manifest(world.login_server, NGINX, "1.27")
        assert caught.value.code in {"manifest_unknown", "name_unknown"}

    async def test_no_role(self, world: World) -> None:
        """An identity that may not pull is told so for good, with a hint."""
        stranger = PrincipalCredential(world.tokens, world.directory.create("stranger"))
        adapter = AcrContent(stranger, **trusting(world))
        with pytest.raises(PermanentError) as caught:
            await adapter.manifest(world.login_server, NGINX, "1.27")
        await adapter.aclose()
        assert "AcrPull" in caught.value.hint

    @pytest.mark.parametrize(
        ("status", "code", "message"),
        [
            (404, "MANIFEST_UNKNOWN", 'manifest tagged by "1" is not found'),
            (429, "TOOMANYREQUESTS", "too many requests to source registry for cache rule 'nginx'"),
            (401, "UNAUTHORIZED", "authentication required with source registry for cache rule 'nginx'"),
            (403, "DENIED", "requested access to pull from source 'x' for cache rule 'nginx' has been denied."),
            (424, "UNKNOWN", "request to fetch manifest from source 'x' for cache rule 'nginx' returned 500"),
            (500, "UNKNOWN", "unknown error"),
            (503, "UNAVAILABLE", "service unavailable"),
        ],
    )
    async def test_what_passes(
        self, world: World, content: RegistryContent, status: int, code: str, message: str
    ) -> None:
        """What the upstream refused through a rule, what is not there yet, and trouble may pass."""
        refuse(world, status, code, message)
        with pytest.raises(NotServed) as caught:
            await content.manifest(world.login_server, NGINX, "1")

        assert (caught.value.code, caught.value.retry_after) == (code.lower(), 5)
        assert message in str(caught.value)

    @pytest.mark.parametrize(
        ("status", "code", "message"),
        [
            (403, "DENIED", "requested access to the resource is denied"),
            (400, "NAME_INVALID", "invalid repository name"),
            (405, "UNSUPPORTED", "The operation is unsupported."),
        ],
    )
    async def test_what_stays(
        self, world: World, content: RegistryContent, status: int, code: str, message: str
    ) -> None:
        """What the registry itself refuses does not pass."""
        refuse(world, status, code, message)
        with pytest.raises(PullRefused) as caught:
            await content.manifest(world.login_server, NGINX, "1")

        assert caught.value.code == code.lower()
        assert message in str(caught.value)

    async def test_no_words(self, world: World, content: RegistryContent) -> None:
        """A refusal without an OCI body goes by its status."""
        world.faults.add(FaultRule(path=MANIFESTS, status=502, body="<p>bad gateway</p>"))
        with pytest.raises(NotServed):
            await content.manifest(world.login_server, NGINX, "1")

    async def test_dropped_connections(self, world: World, content: RegistryContent) -> None:
        """A registry that can't be reached is temporary."""
        world.faults.add(FaultRule(service="registry", drop=True))
        with pytest.raises(TemporaryError):
            await content.manifest(world.login_server, NGINX, "1")

    async def test_a_token_service_in_trouble(self, world: World, content: RegistryContent) -> None:
        """So is one whose token service is overloaded."""
        world.faults.add(FaultRule(service="registry", path="/oauth2/", status=503))
        with pytest.raises(TemporaryError):
            await content.manifest(world.login_server, NGINX, "1")


def digest_of(letter: str) -> str:
    """A digest of one letter only."""
    return "sha256:" + letter * 64


def test_platforms() -> None:
    """Variants are part of a platform, attestations and entries without platform are none."""
    entries = [
        (digest_of("a"), {"os": "linux", "architecture": "amd64"}),
        (digest_of("b"), {"os": "linux", "architecture": "arm", "variant": "v7"}),
        (digest_of("c"), {"os": "unknown", "architecture": "unknown"}),
        (digest_of("d"), None),
        (digest_of("e"), {"os": "linux", "architecture": "amd64"}),
    ]
    index = {"manifests": [{"digest": digest, "platform": platform} for digest, platform in entries]}

    assert platforms_of(index) == {"linux/amd64": digest_of("a"), "linux/arm/v7": digest_of("b")}


@pytest.mark.parametrize(
    "manifest",
    [
        {"manifests": "text"},
        {"manifests": [1, "x", None, {"digest": 7, "platform": {"os": "linux", "architecture": "amd64"}}]},
        {"manifests": [{"digest": digest_of("a"), "platform": "linux"}]},
        {"manifests": [{"digest": digest_of("a"), "platform": {"os": ["linux"], "architecture": 64}}]},
        {"manifests": [{"digest": "../../other/manifests/1", "platform": {"os": "linux", "architecture": "amd64"}}]},
    ],
)
def test_an_index_as_a_stranger_writes_it(manifest: dict[str, Any]) -> None:
    """It has no platforms, and nothing is raised: one such image kept its whole registry from being proven."""
    assert platforms_of(manifest) == {}
