"""The policy file: what it may say, and how it is refused."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from shared.domain.policy import Policy
from shared.domain.policy_file import PolicyInvalid, check_policy, effective_policy, load_policy

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = (ROOT / "policy.sample.yaml").read_text(encoding="utf-8")
ARM = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers"
MINIMAL = f"""\
version: 1
registries: [{{id: {ARM}/Microsoft.ContainerRegistry/registries/contoso}}]
upstreams:
  docker.io:
    target: docker-hub
    allow: ["library/*"]
    credential: hub
credentials:
  hub:
    provider: personal
    vault: https://contoso-kv.vault.azure.net
    username_secret: dockerhub-username
    token_secret: dockerhub-token
    owner_secret: dockerhub-owner
"""


def changed(old: str, new: str) -> str:
    """The minimal policy with one part replaced."""
    assert old in MINIMAL
    return MINIMAL.replace(old, new)


def errors(text: str) -> list[tuple[int, str]]:
    """Line and path of each error."""
    return [(error.line, error.path) for error in check_policy(text).errors]


GROUP = ARM.partition("/providers")[0]


def warnings(text: str) -> list[tuple[int, str]]:
    """Line and path of each warning, of a policy without errors."""
    checked = check_policy(text)
    assert not checked.errors
    return [(warning.line, warning.path) for warning in checked.warnings]


class TestSample:
    """The commented sample."""

    def test_has_neither_errors_nor_warnings(self) -> None:
        """Whoever copies it starts clean."""
        checked = check_policy(SAMPLE)

        assert (checked.errors, checked.warnings) == ((), ())

    def test_fits_the_schema(self) -> None:
        """The schema that editors use accepts it."""
        schema = json.loads((ROOT / "docs/reference/policy.schema.json").read_text(encoding="utf-8"))

        jsonschema.validate(yaml.safe_load(SAMPLE), schema)

    def test_shows_every_key_but_the_channels(self) -> None:
        """A key that the sample does not show is a key that nobody finds."""
        shown = set(_keys(yaml.safe_load(SAMPLE)))
        schema: dict[str, Any] = json.loads((ROOT / "docs/reference/policy.schema.json").read_text(encoding="utf-8"))
        known = {
            key
            for name, definition in schema["$defs"].items()
            if not name.endswith("Channel")
            for key in definition.get("properties", {})
        }

        assert {"organization", "owner_username_secret", "plan"} == known - shown - _hosts(schema)


def _keys(value: Any) -> list[str]:
    if isinstance(value, list):
        return [key for entry in value for key in _keys(entry)]
    if isinstance(value, dict):
        return [*value, *(key for entry in value.values() for key in _keys(entry))]
    return []


def _hosts(schema: dict[str, Any]) -> set[str]:
    return set(schema["$defs"]["Policy"]["properties"]["upstreams"]["properties"])


class TestEffective:
    """A policy with its defaults."""

    def test_is_a_policy_that_means_the_same(self) -> None:
        """What is shown can be used as a file."""
        for text in (SAMPLE, MINIMAL):
            policy = load_policy(text, path="policy.yaml")

            assert policy == load_policy(yaml.safe_dump(effective_policy(policy)), path="shown")

    def test_writes_defaults_out(self) -> None:
        """Durations in the form of the file."""
        shown = effective_policy(load_policy(MINIMAL, path="policy.yaml"))

        assert shown["mode"] == "observe"
        assert (shown["credentials"]["hub"]["rotate_every"], shown["credentials"]["hub"]["grace"]) == ("30d", "1d")


class TestErrors:
    """What makes a policy unusable."""

    def test_a_refused_policy_tells_everything(self) -> None:
        """One error names the file and every problem with its line, path, value and expectation."""
        text = changed("docker-hub", "Docker-Hub").replace("provider: personal", "provider: person")

        with pytest.raises(PolicyInvalid) as refused:
            load_policy(text, path="policy.yaml")

        told = str(refused.value).splitlines()
        assert len(told) == 2
        assert told[0].startswith("policy.yaml:5: error: upstreams.docker.io.target: found 'Docker-Hub'; expected")
        assert told[1].startswith("policy.yaml:10: error: credentials.hub.provider: found 'person'; expected one of")
        assert (refused.value.code, refused.value.retryable) == ("policy_invalid", False)

    @pytest.mark.parametrize("name", ["my hub", "a/b", "..", "a?b", "\u00e9", "x" * 64])
    @pytest.mark.parametrize("where", ["credentials", "notifications.channels"])
    def test_a_name_that_can_not_stand_in_an_address(self, where: str, name: str) -> None:
        """Credentials and channels have pages and routes of their own."""
        channel = (
            f"notifications:\n  channels:\n    {name}: {{kind: event_grid, endpoint: 'https://t.example/api/events'}}\n"
        )
        text = MINIMAL.replace("\n  hub:", f"\n  {name}:") if where == "credentials" else MINIMAL + channel
        assert f"{where}.{name}: found" in " ".join(one.told for one in check_policy(text).errors)

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("version: 1", "version: 2", (1, "version")),
            ("version: 1", "version: 1\nmod: enforce", (2, "mod")),
            ("version: 1", "version: 1\nmode: off", (2, "mode")),
            ("registries/contoso", "registries/c", (2, "registries[0].id")),
            ("docker.io:", "https://docker.io:", (4, "upstreams.https://docker.io")),
            ("docker.io:", "index.docker.io:", (4, "upstreams.index.docker.io")),
            ("target: docker-hub", "target: docker-hub/*", (5, "upstreams.docker.io.target")),
            ("target: docker-hub", "target: ''", (5, "upstreams.docker.io.target")),
            ("library/*", "library/Nginx", (6, "upstreams.docker.io.allow[0]")),
            ("library/*", "library/nginx:1.27", (6, "upstreams.docker.io.allow[0]")),
            ("library/*", "nginx", (6, "upstreams.docker.io.allow[0]")),
            ("library/*", "docker.io/library/*", (6, "upstreams.docker.io.allow[0]")),
            ("credential: hub", "credential: hubb", (7, "upstreams.docker.io.credential")),
            ("https://contoso-kv", "http://contoso-kv", (11, "credentials.hub.vault")),
            ("dockerhub-token", "dockerhub_token", (13, "credentials.hub.token_secret")),
            ("dockerhub-token", "dockerhub-username", (13, "credentials.hub.token_secret")),
            ("dockerhub-owner", "dockerhub-token", (14, "credentials.hub.owner_secret")),
            (
                "    owner_secret",
                "    rotate_every: 1d\n    grace: 1d\n    owner_secret",
                (15, "credentials.hub.grace"),
            ),
            ("    owner_secret", "    rotate_every: monthly\n    owner_secret", (14, "credentials.hub.rotate_every")),
        ],
    )
    def test_is_found_at_its_line(self, old: str, new: str, expected: tuple[int, str]) -> None:
        """Each by itself is the only error."""
        assert [expected] == errors(changed(old, new))

    def test_the_version_has_one_value(self) -> None:
        """A range of one number is no range."""
        (problem,) = check_policy(changed("version: 1", "version: 2")).errors

        assert problem.told == "version: found 2; expected 1, the only version there is"

    def test_an_address_with_a_gap_is_told_to_be_written_out(self) -> None:
        """Whoever copies an example keeps its dots."""
        (problem,) = check_policy(changed("https://contoso-kv", "https://…")).errors

        assert "written out" in problem.expected

    @pytest.mark.parametrize("other", ["docker-hub", "docker-hub/ghcr"])
    def test_targets_that_are_equal_or_nested(self, other: str) -> None:
        """Two upstreams below one prefix would mix their images; the second is named."""
        text = changed(
            "    credential: hub\n", f"    credential: hub\n  ghcr.io: {{target: {other}, allow: ['a/**']}}\n"
        )

        assert errors(text) == [(8, "upstreams.ghcr.io.target")]

    def test_targets_that_only_look_alike(self) -> None:
        """`docker-hub2` is not below `docker-hub`."""
        text = changed(
            "    credential: hub\n", "    credential: hub\n  ghcr.io: {target: docker-hub2, allow: ['a/**']}\n"
        )

        assert errors(text) == []

    def test_a_docker_hub_account_is_not_sent_elsewhere(self) -> None:
        """A credential that Docker Hub mints belongs to Docker Hub."""
        text = changed(
            "    credential: hub\n", "    credential: hub\n  ghcr.io: {target: g, allow: ['a/**'], credential: hub}\n"
        )

        assert errors(text) == [(8, "upstreams.ghcr.io.credential")]

    def test_a_registry_that_is_there_twice(self) -> None:
        """ARM ids are the same whatever their letter case."""
        text = changed("contoso}]", f"contoso}}, {{id: {ARM}/Microsoft.ContainerRegistry/registries/CONTOSO}}]")

        assert errors(text) == [(2, "registries[1].id")]

    def test_two_credentials_that_write_one_secret(self) -> None:
        """They would overwrite each other's tokens."""
        other = MINIMAL[MINIMAL.index("  hub:\n") :].replace("  hub:", "  hub2:")

        assert errors(MINIMAL + other) == [(19, "credentials.hub2.token_secret")]

    def test_routes_and_channels(self) -> None:
        """A route to nowhere, an unknown notice, a webhook without a vault to find it in."""
        text = (
            MINIMAL.replace("    credential: hub\n", "")[: MINIMAL.index("    credential")]
            + "notifications:\n"
            + "  channels:\n"
            + "    oncall: {kind: teams, url_secret: teams-oncall}\n"
            + "  routes:\n"
            + "    - {channels: [on-call]}\n"
            + "    - {channels: [oncall], notices: [incident.blockd]}\n"
            + "    - {channels: []}\n"
        )

        assert errors(text) == [
            (9, "notifications.channels.oncall.vault"),
            (11, "notifications.routes[0].channels[0]"),
            (12, "notifications.routes[1].notices[0]"),
            (13, "notifications.routes[2].channels"),
        ]

    def test_filters_for_what_is_not_there(self) -> None:
        """A route that can take nothing tells nobody, which nobody would notice."""
        text = MINIMAL + (
            "notifications:\n"
            "  channels: {a: {kind: slack, url_secret: s}}\n"
            '  digest_at: "25:00"\n'
            "  routes:\n"
            "    - {channels: [a], upstreams: [docker.i]}\n"
            f"    - {{channels: [a], registries: [{ARM}/Microsoft.ContainerRegistry/registries/other]}}\n"
            "    - {channels: [a], when_unanswered: 1h, notices: [incident.failed]}\n"
            "    - {channels: [a], at_least: loud}\n"
        )

        assert errors(text) == [
            (17, "notifications.digest_at"),
            (19, "notifications.routes[0].upstreams[0]"),
            (20, "notifications.routes[1].registries[0]"),
            (21, "notifications.routes[2].notices"),
            (22, "notifications.routes[3].at_least"),
        ]

    def test_no_follow_up_errors(self) -> None:
        """What could not be read is not held against what could."""
        text = changed("provider: personal", "provider: person").replace(
            "token_secret: dockerhub-token", "token_secret: a b"
        )

        assert errors(text) == [(10, "credentials.hub.provider"), (13, "credentials.hub.token_secret")]

    def test_a_webhook_address_in_place_of_a_secrets_name_is_not_repeated(self) -> None:
        """The address is a secret itself."""
        text = (
            MINIMAL
            + "notifications:\n  channels:\n    a: {kind: slack, url_secret: 'https://hooks.slack.com/T/B/xyz'}\n"
        )

        (error,) = check_policy(text).errors
        assert "hooks" not in str(error)


class TestWarnings:
    """What is allowed and probably not meant."""

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ('["library/*"]', "[]", (6, "upstreams.docker.io.allow")),
            ('["library/*"]', '["library/*", "a/b/c"]', (6, "upstreams.docker.io.allow[1]")),
            ('allow: ["library/*"]', 'allow: ["library/*"]\n    deny: ["**"]', (6, "upstreams.docker.io.allow[0]")),
            ("    allow", "    granularity: registry\n    allow", (6, "upstreams.docker.io.granularity")),
            ("    owner_secret: dockerhub-owner\n", "", (9, "credentials.hub.owner_secret")),
            ("provider: personal", "provider: assisted", (14, "credentials.hub.owner_secret")),
            ("provider: personal", "provider: organization", (9, "credentials.hub.owner_username_secret")),
        ],
    )
    def test_is_found_at_its_line(self, old: str, new: str, expected: tuple[int, str]) -> None:
        """Each by itself is the only warning."""
        assert [expected] == warnings(changed(old, new))

    def test_upstreams_and_credentials(self) -> None:
        """What ACR can't cache, needs credentials for, refuses them for; a credential that nobody uses."""
        more = (
            "  docker.elastic.co: {target: e, allow: ['a/**']}\n"
            "  dhi.io: {target: d, allow: ['a/**']}\n"
            "  mcr.microsoft.com: {target: m, allow: ['a/**'], credential: mcr}\n"
        )
        text = changed("    credential: hub\n", more) + (
            "  mcr: {provider: assisted, vault: 'https://a.b', username_secret: u, token_secret: t}\n"
        )

        assert warnings(text) == [
            (4, "upstreams.docker.io.credential"),
            (7, "upstreams.docker.elastic.co"),
            (8, "upstreams.dhi.io.credential"),
            (9, "upstreams.mcr.microsoft.com.credential"),
            (11, "credentials.hub"),
        ]

    @pytest.mark.parametrize(
        ("one", "other", "shared"),
        [
            (f"serves: ['{ARM}/a']", f"serves: ['{ARM}/A/']", f"{ARM}/a".lower()),
            (f"serves: ['{ARM}/a']", f"serves: ['{ARM}/b', '{GROUP}']", f"{ARM}/a".lower()),
            (f"serves: ['{ARM}/a']", "", f"{ARM}/a"),
            ("", "", "everything"),
        ],
        ids=["the same", "one in the other's group", "one in everything", "everything"],
    )
    def test_a_cluster_that_two_registries_serve(self, one: str, other: str, shared: str) -> None:
        """Both would get the rules."""
        text = changed(
            "contoso}]", f"contoso, {one}}}, {{id: {ARM}/Microsoft.ContainerRegistry/registries/other, {other}}}]"
        )

        [warning] = check_policy(text).warnings
        assert (warning.line, warning.path) == (2, "registries[1].serves")
        assert warning.found == f"{shared}, which registries[0] serves too"

    def test_registries_that_share_nothing(self) -> None:
        """Whole segments count: `…/prod` does not serve `…/prod2`."""
        one, other = f"serves: ['{ARM}/prod']", f"serves: ['{ARM}/prod2']"
        text = changed(
            "contoso}]", f"contoso, {one}}}, {{id: {ARM}/Microsoft.ContainerRegistry/registries/other, {other}}}]"
        )

        assert warnings(text) == []

    def test_a_channel_without_a_route(self) -> None:
        """It would never hear anything."""
        text = MINIMAL + "notifications: {channels: {topic: {kind: event_grid, endpoint: 'https://a.b/c'}}}\n"

        assert warnings(text) == [(15, "notifications.channels.topic")]


class TestTypes:
    """The policy as values."""

    def test_is_frozen(self) -> None:
        """Nothing that runs can widen it."""
        policy = load_policy(MINIMAL, path="policy.yaml")

        with pytest.raises(AttributeError):
            policy.mode = policy.mode  # type: ignore[misc] # that it can't be set is what is tested

    def test_knows_no_other_keys(self) -> None:
        """The types refuse unknown keys as well, however they are made."""
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"version": 1, "registries": [], "upstreams": {}, "else": 1}, Policy)
