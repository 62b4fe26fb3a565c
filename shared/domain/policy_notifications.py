"""Who is told what: the notification part of the policy."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Protocol

import msgspec
from msgspec import Meta

from shared.domain.notice_kinds import ON_REQUEST, NoticeKind, Severity
from shared.domain.policy_fields import (
    Duration,
    Host,
    HttpsUrl,
    Name,
    RegistryId,
    SecretName,
    Section,
    TimeOfDay,
    VaultUrl,
)


class _Channel(Section, frozen=True, tag_field="kind"):
    """What every channel has in common.

    Attributes:
        for_people: whether people read it, so that a storm is summed up there; machines get every notice.
    """

    for_people: ClassVar[bool] = True


class EventGridChannel(_Channel, frozen=True, tag="event_grid"):
    """A custom topic of Event Grid: CloudEvents, with the app's managed identity."""

    for_people: ClassVar[bool] = False

    endpoint: Annotated[HttpsUrl, Meta(description="The topic's endpoint.")]


class _SecretChannel(_Channel, frozen=True):
    """A channel whose address is a secret."""

    url_secret: Annotated[SecretName, Meta(description="The secret that holds the address.")]
    vault: Annotated[
        VaultUrl | None, Meta(description="The Key Vault of the secret. Left out: the one vault of the credentials.")
    ] = None


class TeamsChannel(_SecretChannel, frozen=True, tag="teams"):
    """A Teams channel, through a Workflows webhook."""


class SlackChannel(_SecretChannel, frozen=True, tag="slack"):
    """A Slack channel, through an incoming webhook."""


class WebhookChannel(_SecretChannel, frozen=True, tag="webhook"):
    """Any HTTPS receiver of CloudEvents."""

    for_people: ClassVar[bool] = False

    signing_secret: Annotated[
        SecretName | None, Meta(description="The secret that holds the keys that sign the requests (HMAC-SHA256).")
    ] = None


class AppriseChannel(_SecretChannel, frozen=True, tag="apprise"):
    """E-mail and the long tail of services, through Apprise; the address is an Apprise URL."""


type Channel = EventGridChannel | TeamsChannel | SlackChannel | WebhookChannel | AppriseChannel


class Addressed(Protocol):
    """What of a notice decides where it goes."""

    @property
    def kind(self) -> NoticeKind:
        """What it is about."""

    @property
    def severity(self) -> Severity:
        """How soon somebody should look."""

    @property
    def registry_id(self) -> str:
        """The registry concerned, empty where there is none."""

    @property
    def upstream(self) -> str:
        """The upstream's host, empty where none is concerned."""


class Route(Section, frozen=True):
    """Which notices go to which channels."""

    channels: Annotated[tuple[str, ...], Meta(min_length=1, description="Names of `channels`.")]
    notices: Annotated[
        tuple[NoticeKind, ...],
        Meta(description="The notices. Left out: all but incident.detected, incident.applied and rotation.started."),
    ] = ()
    registries: Annotated[
        tuple[RegistryId, ...], Meta(description="Only what concerns one of these registries. Left out: everything.")
    ] = ()
    upstreams: Annotated[
        tuple[Host, ...], Meta(description="Only what concerns one of these upstreams. Left out: everything.")
    ] = ()
    at_least: Annotated[
        Severity, Meta(description="Only what is as severe as this, or more: info, warning, critical.")
    ] = Severity.INFO
    quiet_for: Annotated[
        Duration | None,
        Meta(
            description="How long a channel stays silent about the same thing after it was told. Left out: not at all."
        ),
    ] = None
    when_unanswered: Annotated[
        Duration | None,
        Meta(
            description="Escalation: this route takes only incident.awaiting_approval, and only when nobody has "
            "answered for so long."
        ),
    ] = None

    def takes(self, notice: Addressed) -> bool:
        """Whether a notice goes this way."""
        return (
            (notice.kind in self.notices if self.notices else notice.kind not in ON_REQUEST)
            and notice.severity.is_at_least(self.at_least)
            and (not self.upstreams or notice.upstream in self.upstreams)
            and (not self.registries or _plain(notice.registry_id) in {_plain(each) for each in self.registries})
        )


class Storm(Section, frozen=True):
    """When notices become so many that people get a summary instead."""

    more_than: Annotated[
        int, Meta(ge=1, le=100, description="How many notices a channel for people gets one by one.")
    ] = 10
    within: Annotated[Duration, Meta(description="In which time; further ones come as one summary at its end.")] = (
        timedelta(minutes=10)
    )


class Notifications(Section, frozen=True):
    """Who is told what."""

    channels: Annotated[
        dict[Name, EventGridChannel | TeamsChannel | SlackChannel | WebhookChannel | AppriseChannel],
        Meta(description="Channels by name."),
    ] = msgspec.field(default_factory=dict)
    routes: Annotated[tuple[Route, ...], Meta(description="Every route that takes a notice sends it.")] = ()
    storm: Annotated[Storm, Meta(description="When people get a summary instead of single messages.")] = Storm()
    digest_at: Annotated[
        TimeOfDay | None, Meta(description="When the daily digest goes out, UTC. Left out: there is none.")
    ] = None
    give_up_after: Annotated[
        Duration, Meta(description="How long a channel in trouble is tried before a notice counts as lost there.")
    ] = timedelta(days=1)

    def routes_for(self, notice: Addressed) -> Sequence[Route]:
        """The routes that a notice takes at once, in the order of the file."""
        return [route for route in self.routes if route.when_unanswered is None and route.takes(notice)]

    def channels_for(self, notice: Addressed) -> Mapping[str, timedelta | None]:
        """The channels that a notice goes to, each with how long it stays silent after it; the shortest time counts."""
        found: dict[str, timedelta | None] = {}
        for route in self.routes_for(notice):
            for name in route.channels:
                known = found.get(name, route.quiet_for)
                both = known is not None and route.quiet_for is not None
                found[name] = min(known, route.quiet_for) if both and known and route.quiet_for else None
        return found

    @property
    def escalations(self) -> Sequence[tuple[timedelta, Route]]:
        """The routes for what nobody answers, with how long that has to be so."""
        return [(route.when_unanswered, route) for route in self.routes if route.when_unanswered is not None]


def _plain(registry_id: str) -> str:
    return registry_id.lower().rstrip("/")
