"""Pulls through cache rules: passed through once, copied, and served by the registry from then on."""

import asyncio

import pytest

from sandbox.hub.accounts import Account
from sandbox.hub.models import Hub
from sandbox.oci.client import PulledImage
from sandbox.oci.images import Form, Image, multi_arch_image, single_image
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.acr_support import ADMIN, NGINX, REGISTRY_ID, Registry


def origins(pulled: PulledImage) -> list[str]:
    """Where each manifest of a pull came from."""
    return [
        "upstream" if "x-azure-origin" in answer.headers else "registry"
        for answer in pulled.requests
        if "/manifests/" in answer.url and answer.status == 200
    ]


@pytest.mark.usefixtures("rule")
class TestFirstAndSecondPull:
    """What is asked of Docker Hub, and when."""

    async def test_the_image_is_the_same_as_at_docker_hub(self, registry: Registry, nginx: Image) -> None:
        """Digest, configuration and layers are those that were published."""
        pulled = await registry.pull(f"{NGINX}:1.27")

        config, *layers = nginx.children[0].blobs
        assert pulled.digest == nginx.digest
        assert pulled.config == config.document
        assert [layer.data for layer in pulled.layers] == [layer.data for layer in layers]

    @pytest.mark.usefixtures("nginx")
    async def test_the_second_pull_does_not_touch_docker_hub(self, registry: Registry) -> None:
        """The first is marked as coming from upstream, the second not, and no request leaves the registry."""
        first = await registry.pull(f"{NGINX}:1.27")
        asked = registry.upstream_requests()
        second = await registry.pull(f"{NGINX}:1.27")

        assert set(origins(first)) == {"upstream"}
        assert set(origins(second)) == {"registry"}
        assert asked == registry.upstream_requests()
        assert second.digest == first.digest

    async def test_the_rules_account_is_counted_and_once(
        self, hub: Hub, account: Account, registry: Registry, nginx: Image
    ) -> None:
        """However often the image is pulled, Docker Hub counts one pull, for the credential set's account."""
        for _ in range(3):
            await registry.pull(f"{NGINX}:1.27")

        assert dict(hub.limits.pulls) == {account.id: 1}
        assert nginx.digest in registry.acr.repository(NGINX).manifests

    async def test_only_the_platform_that_was_pulled_is_copied(self, registry: Registry, nginx: Image) -> None:
        """The index and one image lie in the registry; the other one is fetched when somebody wants it."""
        amd64, arm64 = (child.digest for child in nginx.children)
        await registry.pull(f"{NGINX}:1.27")
        after_first = set(registry.acr.repository(NGINX).manifests)
        second = await registry.pull(f"{NGINX}:1.27", platform="linux/arm64")

        assert after_first == {nginx.digest, amd64}
        assert origins(second) == ["registry", "registry", "upstream"]
        assert set(registry.acr.repository(NGINX).manifests) == {nginx.digest, amd64, arm64}

    async def test_until_the_copy_is_done_pulls_are_passed_through(self, registry: Registry, nginx: Image) -> None:
        """While copies wait, the repository does not exist yet."""
        registry.acr.cache.copy_delay_s = 3600
        for _ in range(2):
            pulled = await registry.pull(f"{NGINX}:1.27", settle=False)
            assert set(origins(pulled)) == {"upstream"}

        assert pulled.digest == nginx.digest
        assert registry.acr.repositories("contoso") == frozenset()

    async def test_a_copied_repository_exists_for_arm(self, registry: Registry, nginx: Image) -> None:
        """By the registry's name in any letter case, and for no other registry."""
        await registry.pull(f"{NGINX}@{nginx.digest}")

        assert registry.acr.repositories("CONTOSO") == {NGINX}
        assert registry.acr.repositories("fabrikam") == frozenset()

    async def test_concurrent_first_pulls_end_in_one_copy(self, registry: Registry, nginx: Image) -> None:
        """Eight clients at once get the image; the events are those of one copy."""
        pulled = await asyncio.gather(*(registry.pull(f"{NGINX}:1.27") for _ in range(8)))

        assert {image.digest for image in pulled} == {nginx.digest}
        assert len(registry.events) == 3

    async def test_concurrent_requests_for_a_tag_end_in_one_copy(self, registry: Registry, nginx: Image) -> None:
        """Clients that ask for the tag without looking first begin the same copy."""
        async with registry.client() as client:
            remotes = [client.repository(registry.acr.host, NGINX, credentials=ADMIN) for _ in range(8)]
            await asyncio.gather(*(remote.manifest("1.27") for remote in remotes))
            await registry.acr.cache.settle()

        assert [event["subject"] for event in registry.events] == [f"{NGINX}:1.27", NGINX]
        assert nginx.digest == registry.acr.repository(NGINX).tags["1.27"].digest

    async def test_a_copy_that_fails_is_tried_again_by_the_next_pull(
        self, hub: Hub, registry: Registry, nginx: Image
    ) -> None:
        """A layer that Docker Hub lost for a moment leaves no half image behind."""
        layer = nginx.children[0].blobs[1]
        async with registry.client() as client:
            remote = client.repository(registry.acr.host, NGINX, credentials=ADMIN)
            del hub.images.open("library/nginx").blobs[layer.digest]
            await remote.manifest(nginx.children[0].digest)
            await registry.acr.cache.settle()
            assert [refusal.code for refusal in registry.acr.cache.failed_copies] == ["MANIFEST_UNKNOWN"]
            assert registry.acr.repositories("contoso") == frozenset()

            hub.images.open("library/nginx").blobs[layer.digest] = layer
            await remote.manifest(nginx.children[0].digest)
            await registry.acr.cache.settle()

        assert registry.acr.repositories("contoso") == {NGINX}


@pytest.mark.usefixtures("rule")
class TestTags:
    """A tag is looked up again after five minutes."""

    async def test_a_moved_tag_is_found_after_five_minutes(
        self, hub: Hub, registry: Registry, nginx: Image, clock: ManualClock
    ) -> None:
        """Before that the old image is served, without a request; then a HEAD finds the new one."""
        await registry.pull(f"{NGINX}:1.27")
        moved = multi_arch_image("nginx:1.27 rebuilt")
        hub.publish("library/nginx", moved, tag="1.27")

        clock.advance(299)
        before = await registry.pull(f"{NGINX}:1.27")
        clock.advance(1)
        after = await registry.pull(f"{NGINX}:1.27")

        assert (before.digest, after.digest) == (nginx.digest, moved.digest)
        assert registry.acr.repository(NGINX).tags["1.27"].digest == moved.digest

    async def test_looking_again_costs_no_pull(
        self, hub: Hub, registry: Registry, nginx: Image, clock: ManualClock
    ) -> None:
        """A tag that did not move is served after one HEAD, and then for five minutes without any."""
        await registry.pull(f"{NGINX}:1.27")
        clock.advance(300)
        count = len(registry.upstream_requests())
        await registry.pull(f"{NGINX}:1.27")
        await registry.pull(f"{NGINX}:1.27")

        assert registry.upstream_requests()[count:] == [("HEAD", "/library/nginx/manifests/1.27")]
        assert hub.limits.pulls.total() == 1
        assert nginx.digest == registry.acr.repository(NGINX).tags["1.27"].digest

    @pytest.mark.parametrize("trouble", ["exhausted", "revoked", "rule deleted", "tag deleted"])
    async def test_what_was_copied_stays(
        self, hub: Hub, registry: Registry, nginx: Image, clock: ManualClock, trouble: str
    ) -> None:
        """Whatever happens upstream or to the rule, the copy is served."""
        await registry.pull(f"{NGINX}:1.27")
        clock.advance(3600)
        match trouble:
            case "exhausted":
                hub.exhaust("contosobot")
                hub.limits.refuse_head = True
            case "revoked":
                registry.rules.logins["docker-hub"] = ("contosobot", "another")
            case "rule deleted":
                registry.rules.written.clear()
            case _:
                hub.images.delete("library/nginx")

        assert (await registry.pull(f"{NGINX}:1.27")).digest == nginx.digest

    async def test_a_second_tag_of_a_copied_image_costs_no_pull(
        self, hub: Hub, registry: Registry, nginx: Image
    ) -> None:
        """The manifest is here already; the HEAD of the new tag is enough to learn it."""
        hub.publish("library/nginx", nginx, tag="stable")
        await registry.pull(f"{NGINX}:1.27")
        await registry.pull(f"{NGINX}:stable")

        assert hub.limits.pulls.total() == 1
        assert set(registry.acr.repository(NGINX).tags) == {"1.27", "stable"}

    async def test_a_pull_by_digest_never_looks_again(
        self, registry: Registry, nginx: Image, clock: ManualClock
    ) -> None:
        """What is addressed by its content can't have moved."""
        await registry.pull(f"{NGINX}@{nginx.digest}")
        count = len(registry.upstream_requests())
        clock.advance(86400)
        await registry.pull(f"{NGINX}@{nginx.digest}")

        assert count == len(registry.upstream_requests())


@pytest.mark.usefixtures("rule")
class TestEvents:
    """What Event Grid is told of a copy."""

    async def test_a_multi_arch_pull_sends_three(self, registry: Registry, nginx: Image) -> None:
        """The index with its tag and without, and the platform's image."""
        await registry.pull(f"{NGINX}:1.27")

        found = sorted((e["subject"], e["data"]["target"]["digest"]) for e in registry.events)
        assert found == sorted(
            [(f"{NGINX}:1.27", nginx.digest), (NGINX, nginx.digest), (NGINX, nginx.children[0].digest)]
        )

    async def test_an_event_has_event_grids_schema(self, hub: Hub, registry: Registry) -> None:
        """Topic, type, versions, and the target with its size and media type."""
        image = single_image("tool", form=Form.DOCKER)
        hub.publish("acme/tool", image, tag="v1")
        await registry.pull("docker-hub/acme/tool:v1")

        tagged, untagged = registry.events
        assert tagged["topic"] == REGISTRY_ID
        assert tagged["eventType"] == "Microsoft.ContainerRegistry.ImagePushed"
        assert (tagged["dataVersion"], tagged["metadataVersion"]) == ("1.0", "1")
        assert tagged["data"]["action"] == "push"
        assert tagged["data"]["target"] == {
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "size": len(image.manifest.data),
            "digest": image.digest,
            "length": len(image.manifest.data),
            "repository": "docker-hub/acme/tool",
            "tag": "v1",
        }
        assert tagged["data"]["request"]["host"] == registry.acr.host
        assert "tag" not in untagged["data"]["target"]
        assert tagged["id"] != untagged["id"]

    async def test_a_hook_that_fails_is_no_secret(self, registry: Registry, nginx: Image) -> None:
        """The pull works; whoever waits for the copies gets the error."""

        async def broken(_event: dict[str, object]) -> None:
            raise ConnectionError("nobody listens")

        registry.acr.on_push = broken
        pulled = await registry.pull(f"{NGINX}:1.27", settle=False)

        assert pulled.digest == nginx.digest
        with pytest.raises(ExceptionGroup, match="copies through cache rules"):
            await registry.acr.cache.settle()
