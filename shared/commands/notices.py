"""`cachewarden notices`: see what a channel would be sent, and send one a marked test message."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from shared.commands._policy_input import load_policy_file
from shared.commands._terminal import Printer
from shared.domain.channel_notices import channel_test
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notice_links import Places
from shared.domain.notices import Notice
from shared.errors import CallerError

HELP = "Show what a channel would be sent, or send it a test message."

_EXAMPLE_APP: Final = "https://cachewarden.example"


class ChannelUnknown(CallerError):
    """The policy has no channel of that name."""

    code = "channel_unknown"
    hint = "Name one of the policy's notifications.channels."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    preview = actions.add_parser("preview", help="print the payload of an example, offline")
    preview.add_argument("notice", metavar="NOTICE", choices=[kind.value for kind in NoticeKind], help="its kind")
    preview.add_argument("--channel", required=True, choices=sorted(_PAYLOADS), help="the kind of channel")
    preview.add_argument("--app", metavar="URL", default=_EXAMPLE_APP, help="where links lead; an example otherwise")
    test = actions.add_parser("test", help="send a marked test message, with the app's settings and identity")
    test.add_argument("--channel", required=True, metavar="NAME", help="a channel of the policy, such as oncall")
    test.add_argument("--policy", metavar="FILE", help="the policy file; that of the settings otherwise")


def run(arguments: argparse.Namespace) -> int:
    """Print a payload, or send a test message.

    Raises:
        ChannelUnknown, PolicyInvalid, SettingsInvalid, InputUnreadable: nothing was sent.
        PermanentError, TemporaryError: the channel's own trouble.
    """
    if arguments.action == "preview":
        payload = _PAYLOADS[arguments.channel](example(NoticeKind(arguments.notice)), Places(app=arguments.app))
        sys.stdout.write(payload + "\n")
        return 0
    asyncio.run(_test(arguments.channel, arguments.policy))
    Printer().line(f"{arguments.channel}: sent; look whether it has arrived")
    return 0


async def _test(channel: str, policy_file: str | None) -> None:
    from shared.adapters.channels.making import production_channels
    from shared.adapters.clock import SystemClock
    from shared.adapters.identity import AppIdentity, has_managed_identity
    from shared.setting_reader import read_settings

    settings = read_settings(os.environ)
    policy = load_policy_file(policy_file or settings.policy)
    if channel not in policy.notifications.channels:
        known = ", ".join(policy.notifications.channels) or "none"
        raise ChannelUnknown(f"the policy has no channel {channel!r}; it has: {known}")
    identity: Any = AppIdentity(managed=has_managed_identity(os.environ), client_id=settings.client_id)
    places = Places(app=settings.public_address, portal=settings.portal, registries=policy.registries)
    made = production_channels(policy, identity, places=places, private=settings.private_receivers, clock=SystemClock())
    try:
        await made.channels[channel].send(channel_test(channel, datetime.now(UTC)))
    finally:
        for close in (*made.closers, identity.close):
            await close()


def _indented(document: bytes) -> str:
    return msgspec.json.format(document, indent=2).decode()


def _teams(notice: Notice, places: Places) -> str:
    from shared.adapters.channels.teams import payload

    return _indented(payload(notice, places))


def _slack(notice: Notice, places: Places) -> str:
    from shared.adapters.channels.slack import payload

    return _indented(payload(notice, places))


def _webhook(notice: Notice, _: Places) -> str:
    from shared.adapters.channels.webhook import cloud_event

    return _indented(msgspec.json.encode(cloud_event(notice)))


def _apprise(notice: Notice, places: Places) -> str:
    from shared.adapters.channels.longtail import text_of
    from shared.domain.telling import message_of

    return text_of(message_of(notice, places))


_PAYLOADS: Final[Mapping[str, Callable[[Notice, Places], str]]] = {
    "teams": _teams,
    "slack": _slack,
    "webhook": _webhook,
    "event_grid": _webhook,
    "apprise": _apprise,
}
