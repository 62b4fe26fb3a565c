"""The policy's answers: which registry serves what, what is allowed, how far we go."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notices import Notice
from shared.domain.policy import Mode, Policy, RegistryPolicy, UpstreamPolicy
from shared.domain.policy_notifications import (
    EventGridChannel,
    Notifications,
    Route,
    SlackChannel,
)
from tests.planning import FOREIGN, HUB, OURS, policy

GROUP = "/subscriptions/s/resourceGroups/rg"
PROD = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/prod"


def registry(name: str, *serves: str, mode: Mode | None = None) -> RegistryPolicy:
    """A registry of the policy."""
    return RegistryPolicy(
        id=f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{name}", serves=serves, mode=mode
    )


def policy_of(*registries: RegistryPolicy, mode: Mode = Mode.OBSERVE, upstream_mode: Mode | None = None) -> Policy:
    """A policy with some registries."""
    hub = UpstreamPolicy(target="docker-hub", mode=upstream_mode)
    return Policy(version=1, registries=registries, upstreams={"docker.io": hub}, mode=mode)


class TestServes:
    """Which registries a failing resource pulls from."""

    @pytest.mark.parametrize(
        ("resource", "expected"),
        [
            (PROD, ["both", "prod", "all"]),
            (PROD.lower(), ["both", "prod", "all"]),
            (f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/prod2", ["both", "all"]),
            (f"{GROUP}2/providers/Microsoft.App/containerApps/a", ["all"]),
            ("", ["all"]),
        ],
    )
    def test_whole_segments_count_and_case_does_not(self, resource: str, expected: list[str]) -> None:
        """Two registries may serve one cluster, one may serve many; one that names nothing serves everything."""
        serving = policy_of(registry("both", f"{GROUP}/"), registry("prod", PROD), registry("all"))

        assert expected == [one.name for one in serving.registries_for(resource)]

    def test_a_resource_that_no_registry_serves(self) -> None:
        """Nobody gets a rule for it."""
        assert list(policy_of(registry("prod", PROD)).registries_for("/subscriptions/other")) == []

    def test_a_registry_is_found_by_id_and_by_name(self) -> None:
        """In any letter case."""
        contoso = registry("contoso")

        assert all(contoso == policy_of(contoso).registry(wanted) for wanted in (contoso.id.upper(), "Contoso"))
        assert policy_of(contoso).registry("fabrikam") is None


class TestAllows:
    """What rules may be made for."""

    @pytest.mark.parametrize(
        ("host", "repository", "expected"),
        [
            ("docker.io", "library/nginx", True),
            ("docker.io", "bitnami/redis", True),
            ("docker.io", "bitnami/nightly", False),
            ("docker.io", "contoso/app", False),
            ("ghcr.io", "library/nginx", False),
        ],
    )
    def test_deny_beats_allow_and_the_rest_is_denied(self, host: str, repository: str, expected: bool) -> None:
        """Only what a pattern of allow matches and none of deny, of an upstream that is there."""
        under = policy(allow=("library/*", "bitnami/**"), deny=("*/nightly*",))

        assert expected == under.allows(host, repository)

    def test_without_allow_nothing_is(self) -> None:
        """Left out means none."""
        assert not policy(allow=()).allows("docker.io", "library/nginx")


class TestMode:
    """How far we go."""

    @pytest.mark.parametrize(
        ("own", "of_registry", "of_upstream", "expected"),
        [
            (Mode.OBSERVE, None, None, Mode.OBSERVE),
            (Mode.OBSERVE, Mode.ENFORCE, None, Mode.ENFORCE),
            (Mode.ENFORCE, None, Mode.APPROVE, Mode.APPROVE),
            (Mode.OBSERVE, Mode.ENFORCE, Mode.APPROVE, Mode.APPROVE),
            (Mode.ENFORCE, Mode.OBSERVE, Mode.ENFORCE, Mode.OBSERVE),
        ],
    )
    def test_of_two_overrides_the_more_careful_holds(
        self, own: Mode, of_registry: Mode | None, of_upstream: Mode | None, expected: Mode
    ) -> None:
        """One override replaces the policy's mode."""
        contoso = registry("contoso", mode=of_registry)

        assert expected is policy_of(contoso, mode=own, upstream_mode=of_upstream).mode_for(contoso, "docker.io")


class TestCredentials:
    """Whose credential set it is."""

    def test_a_set_with_exactly_our_secrets_is_ours(self) -> None:
        """Whatever the letter case of the vault's name."""
        assert HUB.is_behind(OURS)
        assert not HUB.is_behind(FOREIGN)

    def test_the_credential_of_an_upstream(self) -> None:
        """None where it has none, and none for an upstream that the policy does not name."""
        assert policy().credential_of("docker.io") == HUB
        assert policy(credential=None).credential_of("docker.io") is None
        assert policy().credential_of("ghcr.io") is None


def notice(kind: NoticeKind, severity: Severity = Severity.INFO, registry_id: str = "", upstream: str = "") -> Notice:
    """A notice that routes look at."""
    return Notice(
        id="0" * 32,
        kind=kind,
        subject="incidents/1",
        severity=severity,
        summary="s",
        at=datetime(2026, 11, 24, tzinfo=UTC),
        registry_id=registry_id,
        upstream=upstream,
    )


class TestNotifications:
    """Which channels hear of what."""

    def test_a_notice_goes_to_each_channel_once(self) -> None:
        """Two routes to one channel are one message."""
        notifications = Notifications(
            channels={"a": EventGridChannel(endpoint="https://a.b"), "b": SlackChannel(url_secret="s")},
            routes=(
                Route(channels=("a",)),
                Route(channels=("b", "a"), notices=(NoticeKind.INCIDENT_BLOCKED,)),
            ),
        )

        assert list(notifications.channels_for(notice(NoticeKind.INCIDENT_BLOCKED))) == ["a", "b"]
        assert list(notifications.channels_for(notice(NoticeKind.INCIDENT_VERIFIED))) == ["a"]

    def test_a_route_takes_what_all_of_its_filters_take(self) -> None:
        """Registry (in any case), upstream and severity narrow a route; left out they don't."""
        ours = registry("contoso").id
        notifications = Notifications(
            channels={"a": SlackChannel(url_secret="s")},
            routes=(Route(channels=("a",), registries=(ours,), upstreams=("docker.io",), at_least=Severity.WARNING),),
        )
        blocked = NoticeKind.INCIDENT_BLOCKED

        def reached(severity: Severity, registry_id: str, upstream: str) -> list[str]:
            return list(notifications.channels_for(notice(blocked, severity, registry_id, upstream)))

        assert reached(Severity.WARNING, ours.upper(), "docker.io") == ["a"]
        assert reached(Severity.CRITICAL, ours, "docker.io") == ["a"]
        assert reached(Severity.INFO, ours, "docker.io") == []
        assert reached(Severity.WARNING, registry("other").id, "docker.io") == []
        assert reached(Severity.WARNING, ours, "quay.io") == []

    def test_the_shortest_quiet_time_counts(self) -> None:
        """Of two routes to one channel the more talkative one decides; a route for escalation is none at once."""
        hour, day = timedelta(hours=1), timedelta(days=1)
        blocked = notice(NoticeKind.INCIDENT_BLOCKED)

        def quiet(*times: timedelta | None) -> timedelta | None:
            routes = tuple(Route(channels=("a",), quiet_for=time) for time in times)
            return Notifications(routes=routes).channels_for(blocked)["a"]

        assert quiet(day, hour) == hour
        assert quiet(hour, None) is None
        assert quiet(None, hour) is None
        assert Notifications(routes=(Route(channels=("a",), when_unanswered=hour),)).channels_for(blocked) == {}

    def test_a_webhooks_address_is_in_the_vault_of_the_credentials(self) -> None:
        """Or in the one that the channel names; a topic has none."""
        assert HUB.vault == policy().vault_of(SlackChannel(url_secret="s"))
        assert policy().vault_of(SlackChannel(url_secret="s", vault="https://other")) == "https://other"
        assert policy().vault_of(EventGridChannel(endpoint="https://a.b")) is None
