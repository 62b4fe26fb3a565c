"""Mirrors: what is passed on of a registry's rules, and that every form of it says what the rules say."""

import re
import tomllib
from typing import Any

import jmespath
import jmespath.functions
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.cache_rules import CacheRule, serving_rule, to_source, to_target
from shared.domain.host_mirrors import host_mirrors
from shared.domain.images import InvalidReference, parse_reference
from shared.domain.mirror_files import hosts_toml, kustomize_component, kyverno_policy
from shared.domain.mirrors import Mirrors
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.domain.rewriting import rewrites

LOGIN_SERVER = "contoso.azurecr.io"
GOOD = CredentialSet("hub", "docker.io", "u", "t", healthy=True)
BAD = CredentialSet("bad", "docker.io", "u", "t", healthy=False, health_code="Unauthorized")


def rule(
    source: str, target: str, name: str = "", *, credential_set: str | None = "hub", state: str = "Succeeded"
) -> CacheRule:
    """A rule; its name is made of what it maps."""
    made = re.sub("[^a-z0-9]+", "-", f"{source}-{target}".replace("*", "all")).strip("-")[:45]
    return CacheRule(name or made, source, target, credential_set, state)


def mirrors_of(*rules: CacheRule, repositories: tuple[str, ...] = ()) -> Mirrors:
    """The mirrors of a registry with these rules."""
    return Mirrors(RegistrySnapshot("/r", LOGIN_SERVER, rules, (GOOD, BAD), frozenset(repositories)))


class TestPassedOn:
    """Which rules are passed on."""

    @pytest.mark.parametrize(
        ("one", "why"),
        [
            (rule("docker.io/library/nginx", "hub/nginx", state="Failed"), "its state is Failed"),
            (rule("docker.io/library/nginx", "hub/nginx", credential_set=None), "it has no credential set"),
            (rule("docker.io/library/nginx", "hub/nginx", credential_set="bad"), "its credential set bad does not"),
            (rule("docker.io/library/nginx", "hub/nginx", credential_set="gone"), "its credential set gone does not"),
            (rule("docker.io/foo*", "hub/foo*"), "one * at most"),
            (rule("docker.io/library/nginx", "hub/nginx", 'x"\n[host.evil]'), "is no rule name"),
            (rule("docker.io/library/nginx", 'hub/"\n[host."https://evil"]'), "a path carries neither"),
        ],
    )
    def test_not_what_can_t_work_or_is_no_rule(self, one: CacheRule, why: str) -> None:
        """Each with its reason, and without a place to pull from."""
        mirrors = mirrors_of(one)

        [left] = mirrors.left_out
        assert (left.rule, why in left.why) == (one.name, True)
        assert mirrors.mirrored == ()
        assert mirrors.pull_from("docker.io/library/nginx") is None

    def test_a_static_rule_stands_over_a_wildcard(self) -> None:
        """What the wildcard would fetch there is left alone, since ACR serves something else at its target."""
        mirrors = mirrors_of(
            rule("docker.io/*", "hub/*"), rule("quay.io/evil/nginx", "hub/library/nginx", credential_set=None)
        )

        assert mirrors.pull_from("docker.io/library/nginx") is None
        assert mirrors.pull_from("docker.io/library/redis") == f"{LOGIN_SERVER}/hub/library/redis"
        assert mirrors.pull_from("quay.io/evil/nginx") == f"{LOGIN_SERVER}/hub/library/nginx"

    def test_the_most_specific_rule_counts(self) -> None:
        """A static one before a wildcard, a longer wildcard before a shorter one."""
        mirrors = mirrors_of(
            rule("docker.io/*", "all/*"),
            rule("docker.io/library/*", "official/*"),
            rule("docker.io/library/nginx", "web/nginx"),
        )

        found = [mirrors.pull_from(f"docker.io/{path}") for path in ("a/b", "library/redis", "library/nginx")]
        assert found == [f"{LOGIN_SERVER}/{path}" for path in ("all/a/b", "official/redis", "web/nginx")]


class TestContainerd:
    """Mirrors by host."""

    def test_a_prefix_in_front_of_the_whole_path(self) -> None:
        """Static rules and wildcards below one prefix are one mirror, for all that containerd can ask there."""
        mirrors = mirrors_of(
            rule("docker.io/library/nginx", "docker-hub/library/nginx"),
            rule("docker.io/bitnami/*", "docker-hub/bitnami/*"),
            rule("quay.io/*", "quay/*", credential_set=None),
            repositories=("docker-hub/library/nginx", "docker-hub/bitnami/redis"),
        )
        text = hosts_toml(mirrors)

        assert tomllib.loads(text) == {
            "host": {
                f"https://{LOGIN_SERVER}/v2/docker-hub": {"capabilities": ["pull", "resolve"], "override_path": True},
                f"https://{LOGIN_SERVER}/v2/quay": {"capabilities": ["pull", "resolve"], "override_path": True},
            }
        }
        assert "# /etc/containerd/certs.d/docker.io/hosts.toml" in text
        assert list(tomllib.loads(hosts_toml(mirrors, "quay.io"))["host"]) == [f"https://{LOGIN_SERVER}/v2/quay"]

    def test_the_registry_s_root_needs_no_path(self) -> None:
        """A wildcard for everything."""
        text = hosts_toml(mirrors_of(rule("docker.io/*", "*")))

        assert tomllib.loads(text)["host"] == {f"https://{LOGIN_SERVER}": {"capabilities": ["pull", "resolve"]}}

    @pytest.mark.parametrize(
        ("others", "repositories", "why"),
        [
            ((), ("docker-hub/team/app",), "docker-hub/team/app"),
            ((rule("quay.io/a/b", "docker-hub/a/b", credential_set=None),), (), "docker-hub/a/b"),
            ((rule("quay.io/*", "docker-hub/q/*", credential_set=None),), (), "docker-hub/q/example"),
            ((rule("ghcr.io/*", "*", credential_set=None),), (), "docker-hub/example"),
        ],
    )
    def test_not_where_something_else_is_found(
        self, others: tuple[CacheRule, ...], repositories: tuple[str, ...], why: str
    ) -> None:
        """A pushed image, or another upstream's, would be run in place of Docker Hub's of the same path."""
        mirrors = mirrors_of(
            rule("docker.io/library/nginx", "docker-hub/library/nginx"), *others, repositories=repositories
        )
        [hub] = [one for one in host_mirrors(mirrors) if one.host == "docker.io"]

        assert hub.mirrors == ()
        assert why in hub.unusable[0]
        assert "# not usable as a mirror: docker-hub holds what is not docker.io's" in hosts_toml(mirrors, "docker.io")

    def test_not_where_the_path_changes(self) -> None:
        """Containerd can't leave out `library/`."""
        [hub] = host_mirrors(mirrors_of(rule("docker.io/library/*", "official/*")))

        assert hub.mirrors == ()
        assert "changes more than what stands in front" in hub.unusable[0]


HOSTS = ("docker.io", "quay.io", "my-project.pkg.dev")
PATHS = st.sampled_from(
    [
        "library/nginx",
        "library/redis",
        "library/a.b",
        "bitnami/redis",
        "a/b/c",
        "my.ns/app",
        "localhost/app",
        "x_y/z--w",
    ]
)
FOLDERS = st.sampled_from(["", "library/", "bitnami/", "a/", "a/b/", "my.ns/"])
TARGETS = st.sampled_from(["hub", "docker-hub", "x", "hub/library", "quay"])
SPELLED_HOSTS = st.sampled_from(
    (
        "",
        "docker.io/",
        "index.docker.io/",
        "Docker.IO/",
        "registry-1.docker.io:443/",
        "quay.io/",
        "QUAY.io/",
        "quay.io:443/",
        "my-project.pkg.dev/",
        "evil.example/",
        "localhost:5000/",
    )
)


@st.composite
def rules(draw: st.DrawFn) -> CacheRule:
    """Rules that may overlap, stand over each other, and lack what they need."""
    host, target = draw(st.sampled_from(HOSTS)), draw(TARGETS)
    credential_set = draw(st.sampled_from(["hub", "hub", "hub", None, "bad"]))
    state = draw(st.sampled_from(["Succeeded"] * 9 + ["Failed"]))
    if draw(st.booleans()):
        path = draw(PATHS)
        keeps = draw(st.booleans())
        return rule(
            f"{host}/{path}", f"{target}/{path if keeps else draw(PATHS)}", credential_set=credential_set, state=state
        )
    folder = draw(FOLDERS)
    front = draw(st.sampled_from([f"{target}/{folder}", f"{target}/", ""]))
    return rule(f"{host}/{folder}*", f"{front}*", credential_set=credential_set, state=state)


@st.composite
def references(draw: st.DrawFn) -> str:
    """References as people write them, of Docker Hub under each of its names, and of others."""
    host = draw(SPELLED_HOSTS)
    path = draw(PATHS | st.sampled_from(["nginx", "a.b", "redis", "docker.io"]))
    suffix = draw(st.sampled_from(["", ":1.27", ":latest", f"@sha256:{'6f' * 32}", f":1.0-x@sha256:{'ab' * 32}"]))
    return f"{host}{path}{suffix}"


class TestRewriting:
    """What sends references through the cache."""

    @given(st.lists(rules(), max_size=6, unique_by=lambda one: one.name), references())
    def test_it_says_what_the_rules_say(self, some: list[CacheRule], reference: str) -> None:
        """A rewritten reference is where a serving rule has the image; what no rule covers stays as it is."""
        mirrors = mirrors_of(*some)
        results = {found for each in rewrites(mirrors) if (found := each.applied(reference)) is not None}
        try:
            image = parse_reference(reference)
        except InvalidReference:
            return
        expected = mirrors.pull_from(image.source)

        assert results == (set() if expected is None else {f"{expected}{image.suffix}"})
        if expected is not None:
            target = expected.removeprefix(f"{LOGIN_SERVER}/")
            serving = serving_rule(some, target)
            assert serving is not None
            assert (to_source(serving, target), to_target(serving, image.source)) == (image.source, target)

    @given(st.lists(rules(), max_size=6, unique_by=lambda one: one.name), references())
    def test_containerd_says_what_the_rules_say(self, some: list[CacheRule], reference: str) -> None:
        """What a mirror has at an image's path is that image, or nothing."""
        mirrors = mirrors_of(*some)
        try:
            image = parse_reference(reference)
        except InvalidReference:
            return
        for upstream in host_mirrors(mirrors):
            for mirror in upstream.mirrors if upstream.host == image.registry else ():
                served = mirrors.served(f"{mirror.prefix}/{image.repository}".lstrip("/"))
                assert served in {None, image.source}


class TestKyverno:
    """The policy."""

    MIRRORS = mirrors_of(
        rule("docker.io/*", "hub/*"), rule("quay.io/evil/nginx", "hub/library/nginx", credential_set=None)
    )

    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            ("redis:7", f"{LOGIN_SERVER}/hub/library/redis:7"),
            ("docker.io/bitnami/redis", f"{LOGIN_SERVER}/hub/bitnami/redis"),
            (f"bitnami/redis@sha256:{'6f' * 32}", f"{LOGIN_SERVER}/hub/bitnami/redis@sha256:{'6f' * 32}"),
            ("nginx", "nginx"),
            ("docker.io/library/nginx:1.27", "docker.io/library/nginx:1.27"),
            ("localhost/app", "localhost/app"),
            ("localhost:5000/app", "localhost:5000/app"),
            ("ghcr.io/a/b", "ghcr.io/a/b"),
            (f"{LOGIN_SERVER}/hub/library/redis:7", f"{LOGIN_SERVER}/hub/library/redis:7"),
        ],
    )
    def test_images_of_pods(self, image: str, expected: str) -> None:
        """Rewritten where a rule covers them, once, and else left alone."""
        document = yaml.safe_load(kyverno_policy(self.MIRRORS, "Contoso"))

        assert document["metadata"]["name"] == "cachewarden-contoso"
        assert [one["name"] for one in document["spec"]["rules"]] == ["rewrite-containers", "rewrite-initcontainers"]
        assert rewritten(document, image) == expected
        assert rewritten(document, image, "initContainers") == expected

    @given(st.lists(rules(), max_size=5, unique_by=lambda one: one.name), references())
    def test_it_says_what_the_rules_say(self, some: list[CacheRule], reference: str) -> None:
        """The document as it is applied, not only what it is made of."""
        mirrors = mirrors_of(*some)
        try:
            image = parse_reference(reference)
        except InvalidReference:
            return
        expected = mirrors.pull_from(image.source)
        document = yaml.safe_load(kyverno_policy(mirrors, "contoso"))
        if document["spec"]["rules"]:
            assert rewritten(document, reference) == (f"{expected}{image.suffix}" if expected else reference)
        else:
            assert expected is None

    def test_pods_without_init_containers(self) -> None:
        """There is nothing to rewrite, and nothing fails."""
        document = yaml.safe_load(kyverno_policy(self.MIRRORS, "contoso"))
        lists = {step["list"] for one in document["spec"]["rules"] for step in one["mutate"]["foreach"]}

        assert [jmespath.search(one, {"request": {"object": {"spec": {}}}}) for one in lists] == [[], []]

    def test_nothing_that_kyverno_or_jmespath_would_read(self) -> None:
        """No backslash, and no braces but those of its variables and of Go's groups."""
        text = kyverno_policy(self.MIRRORS, "contoso")

        assert "\\" not in text
        assert "{" not in re.sub(r"\{\{ | \}\}|\$\{\d\}", "", text)


class KyvernoFunctions(jmespath.functions.Functions):
    """Two of the functions that Kyverno adds to JMESPath, with Python's `re` in the place of Go's `regexp`."""

    @jmespath.functions.signature({"types": ["string"]}, {"types": ["string"]})
    def _func_regex_match(self, pattern: str, text: str) -> bool:
        return re.search(pattern, text) is not None

    @jmespath.functions.signature({"types": ["string"]}, {"types": ["string"]}, {"types": ["string"]})
    def _func_regex_replace_all(self, pattern: str, text: str, replacement: str) -> str:
        return re.sub(pattern, re.sub(r"\$\{(\d)\}", r"\\g<\1>", replacement), text)


def evaluated(variable: str, element: dict[str, str]) -> Any:
    """The value of one of Kyverno's `{{ … }}`."""
    assert variable.startswith("{{ ")
    assert variable.endswith(" }}")
    options = jmespath.Options(custom_functions=KyvernoFunctions())
    return jmespath.search(variable[3:-3], {"element": element}, options=options)


def rewritten(document: Any, image: str, kind: str = "containers") -> str:
    """What the policy makes of an image, evaluated from the document alone, as far as Kyverno does it."""
    spec = {kind: [{"name": "app", "image": image}]}
    [rule_of_kind] = [one for one in document["spec"]["rules"] if one["name"] == f"rewrite-{kind.lower()}"]
    for step in rule_of_kind["mutate"]["foreach"]:
        for element in jmespath.search(step["list"], {"request": {"object": {"spec": spec}}}):
            preconditions = step["preconditions"]["all"]
            assert {one["operator"] for one in preconditions} == {"Equals"}
            if all(evaluated(one["key"], element) is one["value"] for one in preconditions):
                [patch] = step["patchStrategicMerge"]["spec"][kind]
                assert evaluated(patch["name"], element) == "app"
                return str(evaluated(patch["image"], element))
    return image


class TestKustomize:
    """The component."""

    def test_known_images_that_are_covered(self) -> None:
        """Each spelling is renamed, tags stay, and what no rule covers is not named."""
        images = [parse_reference(text) for text in ("nginx:1.27", "quay.io/a/b:1", "nginx:1.26")]
        document = yaml.safe_load(kustomize_component(mirrors_of(rule("docker.io/library/*", "hub/library/*")), images))

        assert document["kind"] == "Component"
        assert document["images"] == [
            {"name": name, "newName": f"{LOGIN_SERVER}/hub/library/nginx"}
            for name in ("docker.io/library/nginx", "docker.io/nginx", "library/nginx", "nginx")
        ]


class TestHostile:
    """Names that want out of their quotes."""

    @given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
    def test_the_files_stay_what_they_are(self, name: str, source: str, target: str, server: str) -> None:
        """TOML and YAML read back as what was meant, with no key more, whatever the registry says."""
        some = (
            rule(f"docker.io/{source}", f"hub/{target}", name),
            rule("docker.io/library/nginx", "hub/library/nginx", name or "x"),
            rule("quay.io/*", "quay/*", "good-rule", credential_set=None),
        )
        snapshot = RegistrySnapshot("/r", f"{server}.azurecr.io", some, (GOOD,), frozenset({f"hub/{target}", target}))
        mirrors = Mirrors(snapshot)

        hosts = tomllib.loads(hosts_toml(mirrors)).get("host", {})
        assert {key.rpartition("/v2/")[0] for key in hosts} <= {f"https://{server}.azurecr.io"}
        assert set(tomllib.loads(hosts_toml(mirrors))) <= {"host"}
        policy = yaml.safe_load(kyverno_policy(mirrors, "contoso"))
        assert set(policy) == {"apiVersion", "kind", "metadata", "spec"}
        assert msgspec.yaml.decode(kustomize_component(mirrors, [parse_reference("nginx")]))["kind"] == "Component"
