"""`GET /api/mirrors`: what of a registry can be used without editing manifests."""

import tomllib

import msgspec
import pytest
import yaml

from shared.application.documents import Document
from shared.application.mirrors import MirrorReport
from shared.application.questions import BadQuestion, NotFound
from shared.domain.cache_rules import CacheRule
from tests.fakes.application import POLICY, REGISTRY, TestApplication
from tests.fakes.azure import LOGIN_SERVER

FOREIGN = CacheRule("somebody-s-own", "quay.io/*", "quay/*")
NAKED = CacheRule("naked", "docker.io/bitnami/*", "bitnami/*")


async def cured() -> TestApplication:
    """An application that has cured one image, in a registry with two rules of somebody else's."""
    world = TestApplication()
    world.registries.rules |= {rule.name: rule for rule in (FOREIGN, NAKED)}
    world.failing("nginx:1.27")
    await world.alert()
    await world.work()
    return world


async def text_of(world: TestApplication, **asked: str) -> Document:
    """A format that is no JSON."""
    told = await world.app.mirrors.show(asked)
    assert isinstance(told, Document)
    return told


class TestMirrors:
    """Ours and foreign rules alike, read as they are now."""

    async def test_json(self) -> None:
        """The mappings, what is left out with the reason, and what a runtime can use; it is the usual format."""
        world = await cured()
        told = await world.app.mirrors.show({})

        assert isinstance(told, MirrorReport)
        assert told == await world.app.mirrors.show({"format": "json", "registry": "contoso"})
        assert {(each.source, each.target) for each in told.mappings} == {
            ("docker.io/library/nginx", f"{LOGIN_SERVER}/docker-hub/library/nginx"),
            ("quay.io/*", f"{LOGIN_SERVER}/quay/*"),
        }
        assert [(each.rule, "no credential set" in each.why) for each in told.left_out] == [("naked", True)]
        assert [[mirror.prefix for mirror in each.mirrors] for each in told.upstreams] == [["docker-hub"], ["quay"]]
        assert msgspec.json.encode(told)

    async def test_containerd(self) -> None:
        """For all upstreams, or the file of one."""
        world = await cured()
        told = await text_of(world, format="containerd")
        one = await text_of(world, format="containerd", upstream="docker.io")

        assert told.media_type == "application/toml"
        assert list(tomllib.loads(told.text)["host"]) == [
            f"https://{LOGIN_SERVER}/v2/{p}" for p in ("docker-hub", "quay")
        ]
        assert list(tomllib.loads(one.text)["host"]) == [f"https://{LOGIN_SERVER}/v2/docker-hub"]

    async def test_kyverno(self) -> None:
        """A policy that is named after the registry."""
        told = await text_of(await cured(), format="kyverno")

        policy = yaml.safe_load(told.text)
        assert (told.media_type, policy["kind"]) == ("application/yaml", "ClusterPolicy")
        assert policy["metadata"]["name"] == "cachewarden-contoso"

    async def test_kustomize(self) -> None:
        """The images of incidents that are covered now, one whose rule is gone no longer."""
        world = await cured()
        names = [each["name"] for each in yaml.safe_load((await text_of(world, format="kustomize")).text)["images"]]
        assert "nginx" in names
        world.registries.rules.clear()

        assert yaml.safe_load((await text_of(world, format="kustomize")).text)["images"] == []

    @pytest.mark.parametrize(
        ("asked", "error", "said"),
        [
            ({"format": "docker"}, BadQuestion, "format: 'docker' found, one of these expected: json, containerd"),
            ({"registry": "other"}, NotFound, "registry: the policy has no 'other'; it has contoso"),
            ({"format": "containerd", "upstream": "x"}, NotFound, "upstream: the registry serves none named 'x'"),
        ],
    )
    async def test_questions_that_are_none(self, asked: dict[str, str], error: type[Exception], said: str) -> None:
        """What was wrong, and what was expected."""
        with pytest.raises(error) as caught:
            await (await cured()).app.mirrors.show(asked)
        assert str(caught.value).startswith(said)

    async def test_several_registries(self) -> None:
        """Which one is meant has to be said."""
        world = TestApplication(
            POLICY.replace(f"  - id: {REGISTRY}\n", f"  - id: {REGISTRY}\n  - id: {REGISTRY}2\n", 1)
        )
        with pytest.raises(BadQuestion) as caught:
            await world.app.mirrors.show({})
        assert "contoso, contoso2" in str(caught.value)
