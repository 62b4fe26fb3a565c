"""Channels of each kind, wired to the world's receivers."""

import base64
import ipaddress
import ssl
from typing import Any

from sandbox.sink.models import Kind
from sandbox.world import World
from shared.adapters.channels.addresses import SecretText
from shared.adapters.channels.making import ChannelParts, channels_of
from shared.adapters.channels.posting import (
    Poster,
)
from shared.adapters.channels.reach import Reach
from shared.adapters.clock import SystemClock
from shared.adapters.secret_reader import VaultSecretReader
from shared.application.channel_ports import Channel
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notice_links import Places
from shared.domain.policy_file import load_policy
from tests.integration.sandbox.cloud.support import PrincipalCredential

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
NOTICE = example(NoticeKind.INCIDENT_VERIFIED)
PLACES = Places(app="https://cachewarden.example")
KEYS = ("whsec_" + base64.b64encode(b"the new key of the receiver").decode(), "the-old-key-in-plain-text")
KINDS = {"teams": Kind.TEAMS, "slack": Kind.SLACK, "webhook": Kind.WEBHOOK}


class Wired:
    """Channels of each kind to the world's receivers."""

    def __init__(self, world: World, policy: str, *, allowed: Any = LOOPBACK) -> None:
        self.world = world
        trust = ssl.create_default_context(cafile=str(world.certificates.ca))
        credential = PrincipalCredential(world.tokens, world.app_identity)
        self.secrets = VaultSecretReader(credential, connection_verify=str(world.certificates.ca))
        reach = Reach(allowed)
        self.poster = Poster(reach=reach, trust=trust)
        self.channels: dict[str, Channel] = channels_of(
            load_policy(policy, path="policy.yaml"),
            ChannelParts(
                topics={}, secrets=self.secrets, poster=self.poster, reach=reach, places=PLACES, clock=SystemClock()
            ),
        )

    def address(self, secret: str) -> SecretText:
        """The address in a secret."""
        return SecretText(self.secrets, self.world.urls.vault, secret)

    def points_to(self, channel: str, url: str) -> None:
        """Write a channel's address into the vault."""
        self.world.vault.write(f"{channel}-url", url)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.poster.aclose()
        await self.secrets.aclose()


def policy_of(world: World) -> str:
    """A policy with a channel of each kind that has an address."""
    return f"""
version: 1
registries:
  - id: {NOTICE.registry_id}
upstreams:
  docker.io: {{target: docker-hub, allow: ["library/*"]}}
notifications:
  channels:
    teams: {{kind: teams, url_secret: teams-url, vault: "{world.urls.vault}"}}
    slack: {{kind: slack, url_secret: slack-url, vault: "{world.urls.vault}"}}
    webhook: {{kind: webhook, url_secret: webhook-url, signing_secret: webhook-keys, vault: "{world.urls.vault}"}}
    mail: {{kind: apprise, url_secret: mail-url, vault: "{world.urls.vault}"}}
  routes:
    - {{channels: [teams, slack, webhook, mail]}}
"""
