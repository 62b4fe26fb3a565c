"""Which images run, by cluster: what a first policy is proposed from."""

from shared.domain.images import parse_reference
from shared.queries import CONTAINER_IMAGES, seen_images
from tests.unit.queries.conftest import Asked

CLUSTER = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/prod"


def container(name: str, repository: str, image: str, tag: str = "1") -> dict[str, str]:
    """A row of Container insights."""
    return {
        "ContainerID": name,
        "Repository": repository,
        "Image": image,
        "ImageTag": tag,
        "_ResourceId": CLUSTER,
    }


class TestContainerImages:
    """ContainerInventory."""

    async def test_images_by_cluster_with_how_many_containers_run_them(self, asked: Asked) -> None:
        """A container is written again each minute and counts once; tags don't matter."""
        asked.add(
            "ContainerInventory",
            container("a", "docker.io", "library/nginx"),
            container("a", "docker.io", "library/nginx"),
            container("b", "docker.io", "library/nginx", "2"),
            container("c", "bitnami", "redis"),
            container("d", "", "busybox"),
            container("e", "", ""),
        )

        found = seen_images(await asked.rows(CONTAINER_IMAGES))

        assert {(one.image.source, one.count) for one in found} == {
            ("docker.io/library/nginx", 2),
            ("docker.io/bitnami/redis", 1),
            ("docker.io/library/busybox", 1),
        }
        assert {one.resource_id for one in found} == {CLUSTER.lower()}
        assert all(one.last_seen is not None and not one.failed for one in found)

    async def test_what_is_no_reference_is_left_out(self, asked: Asked) -> None:
        """A stranger's text never becomes a pattern."""
        asked.add("ContainerInventory", container("a", "x\n# y", "UPPER CASE"), container("b", "ghcr.io", "a/b"))

        assert [one.image for one in seen_images(await asked.rows(CONTAINER_IMAGES))] == [
            parse_reference("ghcr.io/a/b")
        ]
