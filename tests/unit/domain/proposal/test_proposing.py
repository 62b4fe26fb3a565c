"""A first policy: from what was found to a file, which is valid and opens nothing, whatever was found."""

from datetime import UTC, datetime

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.cache_rules import CacheRule
from shared.domain.images import InvalidReference, parse_reference
from shared.domain.policy import Mode, Policy
from shared.domain.policy_file import check_policy
from shared.domain.proposal.found import Found, FoundRegistry, SeenImage
from shared.domain.proposal.model import Proposal
from shared.domain.proposal.proposing import propose
from shared.domain.proposal.upstreams import MOST_PATTERNS
from shared.domain.proposal.writing import comment, policy_file, scalar
from shared.domain.registries import CredentialSet, RegistrySnapshot

_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers"
CONTOSO = f"{_GROUP}/Microsoft.ContainerRegistry/registries/contoso"
FABRIKAM = f"{_GROUP}/Microsoft.ContainerRegistry/registries/fabrikam"
CLUSTER = f"{_GROUP}/Microsoft.ContainerService/managedClusters/prod".lower()
VAULT = "https://contoso-kv.vault.azure.net"
NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
NGINX = CacheRule("nginx", "docker.io/library/nginx", "hub/library/nginx", "hub-set")


def credential_set(name: str = "hub-set", host: str = "docker.io", kept_in: str = "dockerhub-token") -> CredentialSet:
    """A set that reads two secrets of the vault."""
    return CredentialSet(name, host, f"{VAULT}/secrets/dockerhub-username", f"{VAULT}/secrets/{kept_in}")


def found(
    *rules: CacheRule,
    sets: tuple[CredentialSet, ...] = (),
    images: tuple[SeenImage, ...] = (),
    repositories: frozenset[str] = frozenset(),
    attached: tuple[str, ...] = (),
) -> Found:
    """One registry, and images."""
    snapshot = RegistrySnapshot(CONTOSO, "contoso.azurecr.io", rules, sets, repositories)
    return Found((FoundRegistry(snapshot, attached),), images)


def seen(image: str, count: int = 1, *, at: str = CLUSTER, failed: bool = False) -> SeenImage:
    """An image at the cluster."""
    return SeenImage(parse_reference(image), at, count, NIGHT, failed)


def read(text: str) -> Policy:
    """The policy in a file without errors."""
    checked = check_policy(text)
    assert checked.errors == (), text
    assert checked.policy is not None
    return checked.policy


def policy_of(what: Found) -> Policy:
    """The policy that is proposed."""
    return read(policy_file(propose(what)))


def line_of(what: Found, part: str) -> str:
    """The one line of the file with a text in it."""
    [line] = [line for line in policy_file(propose(what)).splitlines() if part in line]
    return line


class TestUpstreams:
    """What may be cached."""

    def test_what_rules_serve_and_what_runs(self) -> None:
        """By name; a star only where a rule has one, and what a pattern has already is not said twice."""
        wide = CacheRule("ghcr", "ghcr.io/contoso/*", "gh/contoso/*")
        images = (seen("nginx:1.27", 3), seen("bitnami/redis:7"), seen("ghcr.io/contoso/app:1"), seen("ghcr.io/x/y:1"))

        upstreams = policy_of(found(NGINX, wide, images=images)).upstreams

        assert upstreams["docker.io"].allow == ("library/nginx", "bitnami/redis")
        assert upstreams["ghcr.io"].allow == ("contoso/**", "x/y")
        assert (upstreams["docker.io"].target, upstreams["ghcr.io"].target) == ("hub", "gh")

    def test_remarks_say_where_lines_come_from(self) -> None:
        """The rule, how often it was seen, where, and when last."""
        images = (seen("nginx:1.27", 3), seen("nginx:1.26", 2, failed=True))

        line = line_of(found(NGINX, images=images), "library/nginx")

        assert line.endswith("# cache rule nginx, seen 3 times, failed 2 times, at 1 place, last 2026-11-24")

    def test_failures_come_first_and_the_list_ends(self) -> None:
        """What failed is what a policy is for; the rest is counted."""
        many = tuple(seen(f"org/image-{number:04}", 5) for number in range(MOST_PATTERNS + 9))
        what = found(images=(*many, seen("org/broken", failed=True)))

        allow = policy_of(what).upstreams["docker.io"].allow

        assert (len(allow), allow[0]) == (MOST_PATTERNS, "org/broken")
        assert "and 10 more repositories" in line_of(what, "more repositories")

    def test_an_image_through_a_rule_counts_for_its_upstream(self) -> None:
        """What runs from the registry came from somewhere."""
        what = found(NGINX, images=(seen("contoso.azurecr.io/hub/library/nginx:1.27", 4),))

        assert "seen 4 times" in line_of(what, "library/nginx")

    def test_what_acr_cannot_cache_is_a_remark(self) -> None:
        """Not an upstream; registries of ACR itself are not even that."""
        images = (seen("xpkg.upbound.io/a/b:1"), seen("other.azurecr.io/a:1"))
        what = found(images=images)

        assert list(policy_of(what).upstreams) == ["docker.io"]
        text = policy_file(propose(what))
        assert "# xpkg.upbound.io: 1 image from there, and ACR can't cache it" in text
        assert "other.azurecr.io" not in text

    def test_targets_do_not_nest_and_are_free(self) -> None:
        """Neither in each other, nor over repositories that exist: ACR makes no rule there."""
        nested = CacheRule("gh", "ghcr.io/a/b", "hub/gh/a/b")
        what = found(NGINX, nested, images=(seen("quay.io/a/b"),), repositories=frozenset({"quay.io/mine"}))

        upstreams = policy_of(what).upstreams

        assert [upstreams[host].target for host in ("docker.io", "ghcr.io", "quay.io")] == [
            "hub",
            "ghcr.io",
            "quay.io-2",
        ]

    def test_a_rule_in_another_order_gives_no_prefix(self) -> None:
        """`docker.io/library/nginx` as `nginx` says nothing about where others should go."""
        odd = CacheRule("nginx", "docker.io/library/nginx", "nginx")
        top = CacheRule("mcr", "mcr.microsoft.com/*", "*")

        upstreams = policy_of(found(odd, top)).upstreams

        assert upstreams["docker.io"].target == "docker-hub"
        assert (upstreams["mcr.microsoft.com"].target, upstreams["mcr.microsoft.com"].allow) == (
            "mcr.microsoft.com",
            ("**",),
        )


class TestCredentials:
    """Where secrets are."""

    def test_a_set_becomes_a_credential(self) -> None:
        """A person mints its tokens until somebody says otherwise."""
        policy = policy_of(found(NGINX, sets=(credential_set(),)))

        credential = policy.credentials["hub-set"]
        assert policy.upstreams["docker.io"].credential == "hub-set"
        assert (credential.provider, credential.vault) == ("assisted", VAULT)
        assert credential.secrets == ("dockerhub-username", "dockerhub-token")

    def test_the_same_secrets_are_one_credential(self) -> None:
        """Two credentials over one token would overwrite each other."""
        sets = (credential_set(), credential_set("dhi", "dhi.io"))

        policy = policy_of(found(NGINX, CacheRule("d", "dhi.io/a", "dhi/a", "dhi"), sets=sets))

        [name] = policy.credentials
        assert {policy.upstreams[host].credential for host in ("docker.io", "dhi.io")} == {name}

    def test_the_set_that_most_rules_use(self) -> None:
        """Of two for one host."""
        sets = (credential_set("a-set", kept_in="other"), credential_set())

        assert policy_of(found(NGINX, sets=sets)).upstreams["docker.io"].credential == "hub-set"

    def test_what_is_no_pair_of_secrets_is_left_out_and_said(self) -> None:
        """Offline files may say nothing of them."""
        odd = (CredentialSet("odd", "docker.io", "", ""), credential_set("same", kept_in="dockerhub-username"))
        what = found(NGINX, sets=odd)

        assert policy_of(what).credentials == {}
        assert "credential set odd" in policy_file(propose(what))
        assert "no credential set was found" in policy_file(propose(what))

    def test_an_upstream_that_takes_none_gets_none(self) -> None:
        """ACR refuses them."""
        sets = (credential_set("mcr-set", "mcr.microsoft.com"),)

        policy = policy_of(found(CacheRule("m", "mcr.microsoft.com/a", "mcr/a", "mcr-set"), sets=sets))

        assert policy.upstreams["mcr.microsoft.com"].credential is None


class TestRegistries:
    """Whom they serve."""

    def test_one_registry_serves_who_may_pull_and_who_was_seen(self) -> None:
        """Each once."""
        other = CLUSTER.replace("prod", "test")
        what = found(attached=(CLUSTER,), images=(seen("nginx"), seen("redis", at=other), seen("redis", at="no id")))

        [registry] = policy_of(what).registries

        assert registry.serves == (CLUSTER, other)

    def test_of_several_each_serves_who_may_pull(self) -> None:
        """Who was only seen could belong to either."""
        both = Found(
            (
                FoundRegistry(RegistrySnapshot(CONTOSO, "contoso.azurecr.io"), (CLUSTER,)),
                FoundRegistry(RegistrySnapshot(FABRIKAM, "fabrikam.azurecr.io")),
            ),
            (seen("nginx", at=f"{CLUSTER}2"),),
        )

        policy = policy_of(both)

        assert [registry.serves for registry in policy.registries] == [(CLUSTER,), ()]

    def test_it_only_looks(self) -> None:
        """Whatever is there."""
        assert policy_of(found(NGINX)).mode is Mode.OBSERVE


ODD = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "docker.io/*",
            "docker.io/library/*",
            "*",
            "docker.io/library/nginx",
            "x\n  mode: enforce",
            "# \x85evil",
            "a\u2028b: c",
            "docker.io/docker.io/x",
            "quay.io/yes",
            "a/'\"b",
            "null",
            "hub/*",
        ]
    ),
)
HOSTS = st.sampled_from(["docker.io", "ghcr.io", "registry-1.docker.io", "mcr.microsoft.com", "x.pkg.dev", "evil.io"])
SECRETS = st.one_of(ODD, st.sampled_from([f"{VAULT}/secrets/a", f"{VAULT}/secrets/b/1", f"{VAULT}:443/secrets/c"]))
RULES = st.builds(
    CacheRule,
    ODD,
    st.one_of(ODD, st.builds("{}/{}".format, HOSTS, ODD)),
    ODD,
    st.one_of(st.none(), ODD),
)
SETS = st.builds(CredentialSet, ODD, st.one_of(ODD, HOSTS), SECRETS, SECRETS)


def _references(text: str) -> SeenImage | None:
    try:
        return SeenImage(parse_reference(text), text, 3, NIGHT)
    except InvalidReference:
        return None


IMAGES = st.one_of(
    st.builds(_references, st.from_regex(r"[a-z0-9][a-z0-9./_-]{0,30}", fullmatch=True)),
    st.builds(_references, st.builds("{}/{}".format, HOSTS, st.from_regex(r"[a-z0-9]{1,5}(/[a-z0-9-]{1,5}){0,3}"))),
)


class TestLaws:
    """Whatever was found."""

    @settings(max_examples=60)
    @given(
        st.lists(RULES, max_size=6),
        st.lists(SETS, max_size=4),
        st.lists(IMAGES, max_size=8),
        st.sets(st.text(max_size=20), max_size=4),
        st.lists(ODD, max_size=3),
    )
    def test_it_is_a_valid_policy_that_says_what_was_proposed(
        self,
        rules: list[CacheRule],
        sets: list[CredentialSet],
        images: list[SeenImage | None],
        repositories: set[str],
        strange: list[str],
    ) -> None:
        """No name, rule or image makes a line of its own, and nothing wider than a rule is allowed."""
        what = Found(
            (
                FoundRegistry(
                    RegistrySnapshot(CONTOSO, "contoso.azurecr.io", tuple(rules), tuple(sets), frozenset(repositories)),
                    tuple(strange),
                ),
            ),
            tuple(image for image in images if image is not None),
            notes=tuple(strange),
        )

        proposal = propose(what)
        text = policy_file(proposal)
        policy = read(text)

        assert says(proposal, yaml.safe_load(text))
        assert policy.mode is Mode.OBSERVE
        starred = [pattern for upstream in policy.upstreams.values() for pattern in upstream.allow if "*" in pattern]
        assert len(starred) <= len([rule for rule in rules if "*" in rule.source])

    @given(st.text())
    def test_nothing_gets_out_of_a_comment(self, text: str) -> None:
        """One line for YAML, whatever it takes for a line break."""
        assert yaml.safe_load(f"{comment(text)}\nkey: 1\n") == {"key": 1}

    @given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
    def test_a_value_is_read_as_it_was(self, text: str) -> None:
        """Never as a number, a truth or a map."""
        assert yaml.safe_load(f"key: {scalar(text)}\n") == {"key": text}


def says(proposal: Proposal, document: dict[str, object]) -> bool:
    """Whether a file says exactly what is proposed."""
    plain = msgspec.to_builtins(proposal)
    upstreams = {
        one["host"]: {
            "target": one["target"]["value"],
            "granularity": "repository",
            "allow": [pattern["value"] for pattern in one["allow"]],
            **({"credential": one["credential"]["value"]} if one["credential"] else {}),
        }
        for one in plain["upstreams"]
    }
    credentials = {
        one["name"]: {"provider": "assisted", **{k: v for k, v in one.items() if k not in {"name", "remark"}}}
        for one in plain["credentials"]
    }
    registries = [
        {"id": one["id"], **({"serves": [each["value"] for each in one["serves"]]} if one["serves"] else {})}
        for one in plain["registries"]
    ]
    wanted: dict[str, object] = {"version": 1, "mode": "observe", "registries": registries, "upstreams": upstreams}
    return document == wanted | ({"credentials": credentials} if credentials else {})
