"""Which module serves which kind of channel; a new kind is its module, its part of the policy, and a line here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from shared.adapters.channels.addresses import SecretText
from shared.adapters.channels.longtail import LongTailChannel
from shared.adapters.channels.posting import Poster
from shared.adapters.channels.reach import Network, Reach
from shared.adapters.channels.slack import SlackChannel
from shared.adapters.channels.teams import TeamsChannel
from shared.adapters.channels.webhook import WebhookChannel
from shared.adapters.event_grid import EventGridChannel
from shared.adapters.secret_reader import VaultSecretReader
from shared.application.channel_ports import Channel
from shared.application.ports import Clock
from shared.application.secret_ports import SecretReader
from shared.domain import policy_notifications as configured
from shared.domain.notice_links import Places
from shared.domain.policy import Policy


class ChannelParts(msgspec.Struct, frozen=True):
    """What channels are made of.

    Attributes:
        topics: the channels to Event Grid topics, by their endpoints.
        reach: what channels that connect on their own may connect to.
    """

    topics: Mapping[str, EventGridChannel]
    secrets: SecretReader
    poster: Poster
    reach: Reach
    places: Places
    clock: Clock


class ChannelSet(msgspec.Struct, frozen=True):
    """The channels of a policy by name, and what closes their connections."""

    channels: dict[str, Channel]
    closers: tuple[Callable[[], Awaitable[None]], ...]


def production_channels(
    policy: Policy, identity: Any, *, places: Places, private: Sequence[Network], clock: Clock
) -> ChannelSet:
    """The channels with real vaults and receivers behind them; `private` are networks that may be posted to."""
    secrets, reach = VaultSecretReader(identity), Reach(private)
    poster = Poster(reach=reach)
    topics = {
        one.endpoint: EventGridChannel(identity, endpoint=one.endpoint)
        for one in policy.notifications.channels.values()
        if isinstance(one, configured.EventGridChannel)
    }
    parts = ChannelParts(topics=topics, secrets=secrets, poster=poster, reach=reach, places=places, clock=clock)
    closers = (secrets.aclose, poster.aclose, *(topic.aclose for topic in topics.values()))
    return ChannelSet(channels_of(policy, parts), closers)


def channels_of(policy: Policy, parts: ChannelParts) -> dict[str, Channel]:
    """The channels of a policy by name; nothing is connected or read before it is used."""
    return {name: _channel(one, policy, parts) for name, one in policy.notifications.channels.items()}


def _channel(one: configured.Channel, policy: Policy, parts: ChannelParts) -> Channel:
    if isinstance(one, configured.EventGridChannel):
        return parts.topics[one.endpoint]
    vault = policy.vault_of(one) or ""
    address = SecretText(parts.secrets, vault, one.url_secret)
    match one:
        case configured.TeamsChannel():
            return TeamsChannel(address=address, poster=parts.poster, places=parts.places)
        case configured.SlackChannel():
            return SlackChannel(address=address, poster=parts.poster, places=parts.places)
        case configured.WebhookChannel():
            keys = SecretText(parts.secrets, vault, one.signing_secret) if one.signing_secret else None
            return WebhookChannel(address=address, signing=keys, poster=parts.poster, clock=parts.clock)
        case configured.AppriseChannel():
            return LongTailChannel(address=address, places=parts.places, reach=parts.reach)
