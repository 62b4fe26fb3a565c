"""Docker Hub's pull limit: what counts, for whom, and how it is shown."""

import asyncio

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.hub.accounts import Plan
from sandbox.hub.models import PREVIEW, Hub
from sandbox.hub.pulls import Puller, PullLimits, anonymous_source
from sandbox.hub.refusals import PullLimitReached
from sandbox.hub.windows import Limit, Windows
from sandbox.oci.images import multi_arch_image, single_image
from sandbox.oci.refusals import PullRefused
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.support import HubServices, call, manifest, registry_token


class TestCounting:
    """Which requests count as a pull."""

    async def test_a_head_shows_the_limit_and_costs_nothing(
        self, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """The check with `ratelimitpreview/test`, twice: limit, rest and source in the headers."""
        await manifest(http, served, method="HEAD")
        reply = await manifest(http, served, method="HEAD")

        assert reply.status == 200
        assert reply.headers["ratelimit-limit"] == "100;w=21600"
        assert reply.headers["ratelimit-remaining"] == "100;w=21600"
        assert reply.headers["docker-ratelimit-source"] == "127.0.0.1"

    async def test_a_get_counts(self, http: aiohttp.ClientSession, served: HubServices) -> None:
        """The same with GET is a pull."""
        reply = await manifest(http, served)

        assert reply.headers["ratelimit-remaining"] == "99;w=21600"

    @pytest.mark.parametrize(("platforms", "pulls"), [(["linux/amd64"], 1), (["linux/amd64", "linux/arm64"], 2)])
    async def test_a_multi_arch_image_counts_once_per_architecture(
        self, hub: Hub, served: HubServices, platforms: list[str], pulls: int
    ) -> None:
        """Index and image of one platform are one pull; another platform is another one."""
        hub.publish("library/nginx", multi_arch_image("nginx"), tag="1.27")

        async with served.client() as client:
            for platform in platforms:
                await client.pull("nginx:1.27", platform)

        assert pulls == hub.limits.anonymous.used("127.0.0.1")

    async def test_blobs_do_not_count(self, hub: Hub, served: HubServices) -> None:
        """Configuration and layers are free."""
        hub.publish("library/alpine", single_image("alpine"), tag="3")

        async with served.client() as client:
            image = await client.pull("alpine:3")

        assert len(image.layers) == 2
        assert hub.limits.pulls.total() == 1


class TestLimit:
    """What happens when nothing is left."""

    async def test_an_anonymous_client_is_refused_in_docker_hubs_words(self, hub: Hub, served: HubServices) -> None:
        """429, code, message and headers, when the index is asked for by its digest."""
        image = multi_arch_image("nginx")
        hub.publish("library/nginx", image, tag="1.27")
        hub.exhaust("127.0.0.1")

        async with served.client() as client:
            with pytest.raises(PullRefused) as refused:
                await client.pull("nginx:1.27")

        assert refused.value.status == 429
        assert refused.value.code == "TOOMANYREQUESTS"
        assert refused.value.message == (
            "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
        )
        assert refused.value.answer.url.endswith(f"/v2/library/nginx/manifests/{image.digest}")
        assert refused.value.headers["ratelimit-remaining"] == "0;w=21600"
        assert "retry-after" not in refused.value.headers

    async def test_another_address_has_a_window_of_its_own(self, hub: Hub, served: HubServices) -> None:
        """A client that connects from elsewhere still pulls."""
        hub.publish("library/nginx", single_image("nginx"), tag="1.27")
        hub.exhaust("127.0.0.1")

        async with served.client(address="127.0.0.2") as client:
            await client.pull("nginx:1.27")

        assert hub.limits.anonymous.used("127.0.0.2") == 1

    async def test_an_account_counts_by_its_uuid_and_is_named_when_refused(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """Logged in, the limit is 200, the source the UUID, and the refusal carries name and session."""
        account = hub.add_account("contosobot", "correct horse")
        login = ("contosobot", "correct horse")

        before = await manifest(http, served, method="HEAD", login=login)
        hub.exhaust("contosobot")
        after = await manifest(http, served, login=login)

        assert before.headers["ratelimit-limit"] == "200;w=21600"
        assert before.headers["docker-ratelimit-source"] == account.id
        assert after.status == 429
        message = after.body["errors"][0]["message"]
        assert message.startswith("You have reached your pull rate limit as 'contosobot': dckr_jti_")
        assert message.endswith("You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit")

    async def test_a_paid_account_has_no_limit_and_no_headers(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """Absent headers mean unlimited, also while the address has nothing left."""
        hub.add_account("contosobot", "correct horse", plan=Plan.PRO)
        hub.exhaust("127.0.0.1")

        reply = await manifest(http, served, login=("contosobot", "correct horse"))

        assert reply.status == 200
        assert not [name for name in reply.headers if "ratelimit" in name.lower()]

    async def test_a_head_can_be_refused_too(self, hub: Hub, http: aiohttp.ClientSession, served: HubServices) -> None:
        """Answered 200 with nothing left, and 429 in the times when Docker Hub does that."""
        hub.exhaust("127.0.0.1")
        lenient = await manifest(http, served, method="HEAD")
        hub.limits.refuse_head = True
        strict = await manifest(http, served, method="HEAD")

        assert (lenient.status, lenient.headers["ratelimit-remaining"]) == (200, "0;w=21600")
        assert strict.status == 429

    async def test_the_abuse_limit_is_bare_text_and_knows_no_plan(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """The token service, the registry and the API refuse alike."""
        hub.abuse.limit = Limit(0, 60)

        replies = [
            await call(http, "GET", f"{served.auth}/token"),
            await call(http, "GET", f"{served.registry}/v2/"),
            await call(http, "POST", f"{served.api}/v2/auth/token", json={}),
        ]

        assert [(reply.status, reply.body) for reply in replies] == [(429, "Too Many Requests (HAP429)")] * 3

    async def test_concurrent_pulls_never_get_more_than_the_limit(
        self, hub: Hub, http: aiohttp.ClientSession, served: HubServices
    ) -> None:
        """Of thirty at once exactly seven come through, each with another rest."""
        hub.limits.anonymous.limit = Limit(7, 60)
        token = (await registry_token(http, served)).body["token"]

        url = f"{served.registry}/v2/{PREVIEW}/manifests/latest"
        replies = await asyncio.gather(*(call(http, "GET", url, token=token) for _ in range(30)))

        let_through = [reply.headers["ratelimit-remaining"] for reply in replies if reply.status == 200]
        assert sorted(let_through) == [f"{rest};w=60" for rest in range(7)]
        assert sum(reply.status == 429 for reply in replies) == 23


class TestWindows:
    """Counting per source."""

    @given(
        limit=st.builds(Limit, st.integers(0, 5), st.integers(1, 10)),
        steps=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6)), max_size=40),
    )
    def test_a_use_is_allowed_when_fewer_than_the_limit_lie_within_the_window(
        self, limit: Limit, steps: list[tuple[str, int]]
    ) -> None:
        """Held against a list of all uses that were allowed."""
        clock = ManualClock()
        windows = Windows(limit, clock=clock.now)
        allowed: list[tuple[str, float]] = []

        for source, wait in steps:
            clock.advance(wait)
            now = clock.now().timestamp()
            recent = [at for who, at in allowed if who == source and at > now - limit.seconds]
            assert windows.remaining(source) == max(limit.count - len(recent), 0)
            assert windows.spend(source) == (len(recent) < limit.count)
            if len(recent) < limit.count:
                allowed.append((source, now))

    def test_an_index_pays_for_one_image_only(self) -> None:
        """A source that reads one index and then both its images has pulled twice."""
        image = multi_arch_image("nginx")
        limits = PullLimits(ManualClock().now, anonymous=Limit(2, 60))
        puller = Puller("192.0.2.1")

        for content in (image.manifest, *(child.manifest for child in image.children)):
            limits.admit(puller, content)

        with pytest.raises(PullLimitReached):
            limits.admit(puller, image.manifest)

    @pytest.mark.parametrize(
        ("address", "source"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:801:2000:1::5", "2001:db8:801:2000::"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ],
    )
    def test_ipv6_counts_by_network(self, address: str, source: str) -> None:
        """A /64 is one source, an IPv4 address is one, however it is written."""
        assert source == anonymous_source(address)
