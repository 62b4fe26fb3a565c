"""Who is told what: the notification part of the policy."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.domain.notice_kinds import NoticeKind
from shared.domain.policy_fields import Duration, HttpsUrl, SecretName, Section, VaultUrl


class _Channel(Section, frozen=True, tag_field="kind"):
    """What every channel has in common."""


class EventGridChannel(_Channel, frozen=True, tag="event_grid"):
    """A custom topic of Event Grid: CloudEvents, with the app's managed identity."""

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

    signing_secret: Annotated[
        SecretName | None, Meta(description="The secret that holds the key that signs the requests (HMAC-SHA256).")
    ] = None


class AppriseChannel(_SecretChannel, frozen=True, tag="apprise"):
    """E-mail and the long tail of services, through Apprise; the address is an Apprise URL."""


type Channel = EventGridChannel | TeamsChannel | SlackChannel | WebhookChannel | AppriseChannel


class Route(Section, frozen=True):
    """Which notices go to which channels."""

    channels: Annotated[tuple[str, ...], Meta(min_length=1, description="Names of `channels`.")]
    notices: Annotated[tuple[NoticeKind, ...], Meta(description="The notices. Left out: all.")] = ()
    quiet_for: Annotated[
        Duration | None,
        Meta(
            description="How long a channel stays silent about the same thing after it was told. Left out: not at all."
        ),
    ] = None

    def takes(self, notice: NoticeKind) -> bool:
        """Whether a notice goes this way."""
        return not self.notices or notice in self.notices


class Notifications(Section, frozen=True):
    """Who is told what."""

    channels: Annotated[
        dict[str, EventGridChannel | TeamsChannel | SlackChannel | WebhookChannel | AppriseChannel],
        Meta(description="Channels by name."),
    ] = msgspec.field(default_factory=dict)
    routes: Annotated[tuple[Route, ...], Meta(description="Every route that takes a notice sends it.")] = ()

    def routes_for(self, notice: NoticeKind) -> Sequence[Route]:
        """The routes that a notice takes, in the order of the file."""
        return [route for route in self.routes if route.takes(notice)]

    def channels_for(self, notice: NoticeKind) -> Sequence[str]:
        """The names of the channels that a notice goes to, each once."""
        return list(dict.fromkeys(name for route in self.routes_for(notice) for name in route.channels))
