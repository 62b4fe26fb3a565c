"""Prevention: a push elsewhere has an image cached before anybody pulls it."""

import pytest

from shared.domain.cache_rules import CacheRule
from shared.domain.event_readers import REGISTRY_EVENTS
from shared.domain.incidents import IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.errors import TemporaryError
from tests.fakes.application import TestApplication
from tests.fakes.rotation import TARGET
from tests.fixtures.events import DIGEST, NGINX, cured, outcome, pushed


class TestPrevention:
    """A push elsewhere."""

    async def test_the_base_is_cached_before_it_is_limited(self) -> None:
        """Same plan, same proof, another notice."""
        world = TestApplication()
        world.lineage.bases["app"] = ("docker.io/library/nginx:1.27",)

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        await world.work()

        assert [(r.source, r.target) for r in world.registries.rules.values()] == [(NGINX, TARGET)]
        incident = (await world.all_incidents())[NGINX]
        assert (incident.state, incident.preventive) == (IncidentState.VERIFIED, True)
        [notice] = world.topic.sent
        assert notice.kind is NoticeKind.INCIDENT_PREVENTED
        assert await outcome(world) == ("incident", incident.id)

    async def test_a_chart_names_several(self) -> None:
        """What the policy does not allow is left out."""
        world = TestApplication()
        world.lineage.bases["charts/shop"] = ("nginx:1.27", "bitnami/redis:7", "evil/miner:1", "quay.io/x/y:1")

        event = pushed("charts/shop", "1.0.0", eventType="Microsoft.ContainerRegistry.ChartPushed")
        await world.app.events.accept(REGISTRY_EVENTS, event)
        await world.work()

        assert {r.source for r in world.registries.rules.values()} == {NGINX, "docker.io/bitnami/redis"}

    @pytest.mark.parametrize(
        ("bases", "reason"), [((), "no_base"), (("evil/miner:1",), "base_not_allowed"), (("nginx:1",), "base_covered")]
    )
    async def test_what_needs_nothing_is_left_alone(self, bases: tuple[str, ...], reason: str) -> None:
        """With the reason."""
        world = await cured()
        world.lineage.bases["app"] = bases

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        await world.work()

        assert await outcome(world) == ("ignored", reason)
        assert len(world.registries.rules) == 1

    async def test_a_cure_never_causes_another(self) -> None:
        """Each image has a base of its own, without end; every fill of the cache is told, and one rule comes of it."""
        world = TestApplication()
        world.lineage.bases["app"] = ("docker.io/library/base0:1",)
        for number in range(50):
            world.lineage.bases[f"docker-hub/library/base{number}"] = (f"docker.io/library/base{number + 1}:1",)

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        for _ in range(10):
            filled = len(world.content.pulled)
            await world.work()
            for pull in world.content.pulled[filled:]:
                repository, _, tag = pull.partition("/")[2].partition(":")
                await world.app.events.accept(REGISTRY_EVENTS, pushed(repository, tag))
                await world.app.events.accept(REGISTRY_EVENTS, pushed(repository, None))

        assert [rule.source for rule in world.registries.rules.values()] == ["docker.io/library/base0"]
        assert world.lineage.read == [f"app:{DIGEST}"]

    async def test_a_fill_through_somebodys_own_rule_is_recognised_too(self) -> None:
        """Its target lies outside the policy's prefixes; ARM's rules say that it is one."""
        world = TestApplication()
        world.registries.rules["theirs"] = CacheRule("theirs", "docker.io/library/*", "mirror/*", None)
        world.lineage.bases["mirror/node"] = ("docker.io/library/debian:12",)

        await world.app.events.accept(REGISTRY_EVENTS, pushed("mirror/node"))
        await world.work()

        assert world.lineage.read == []
        assert await outcome(world) == ("ignored", "cache_fill")

    async def test_trouble_that_passes_ends_in_the_same(self) -> None:
        """The message is tried again later, and none is lost."""
        world = TestApplication()
        world.lineage.bases["app"] = ("nginx:1.27",)
        world.lineage.trouble["made_of"] = [TemporaryError("busy", retry_after=3)] * 2

        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        await world.work()

        assert [rule.source for rule in world.registries.rules.values()] == [NGINX]

    async def test_trouble_that_does_not_pass_becomes_a_dead_letter(self) -> None:
        """After several looks over minutes the message fails, and the queue brings it to the dead letters."""
        world = TestApplication()
        world.lineage.trouble["made_of"] = [TemporaryError("busy")] * 6
        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))

        with pytest.raises(TemporaryError):
            await world.work()

    async def test_an_image_that_is_gone_is_left_alone(self) -> None:
        """After several looks over minutes: it was deleted as well, and nobody has to mend anything."""
        world = TestApplication()
        await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))

        await world.work()

        assert len(world.lineage.read) == 6
        assert await outcome(world) == ("ignored", "image_gone")
        assert world.topic.sent == []
