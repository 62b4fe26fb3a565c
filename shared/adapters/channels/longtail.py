"""E-mail and the long tail of services, through Apprise, which is imported with the first notice and only then.

The traps: Apprise says that it failed and not why, so every failure counts as one that may pass; it follows redirects
unless it is told not to; some of its services run on this very machine (`dbus://`, `syslog://`) and are refused; and it
logs addresses, so its own log stays shut. Where it connects to is its own affair: the check for private addresses that
other channels have does not hold here.
"""

import asyncio
import logging
from typing import Any, Final

from shared.adapters.channels.addresses import SecretText
from shared.application.ports import Channel
from shared.domain.notice_kinds import Severity
from shared.domain.notice_links import Places
from shared.domain.notices import Notice
from shared.domain.telling import Message, message_of
from shared.errors import PermanentError, TemporaryError
from shared.telemetry.names import Outside
from shared.telemetry.spans import outside

_TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
_DEADLINE_S: Final = 60.0
_LOCAL: Final = frozenset({"dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "syslog"})


class LongTailMissing(PermanentError):
    """The app was deployed without Apprise."""

    code = "apprise_missing"
    hint = "Add `apprise` to requirements.txt and deploy again, or take the channel out of the policy."


class LongTailAddressInvalid(PermanentError):
    """The secret with an Apprise address holds something that Apprise does not know, or that stays on this machine."""

    code = "apprise_address_invalid"
    hint = "Write one Apprise URL into the secret; https://appriseit.com lists the services."


class LongTailFailed(TemporaryError):
    """Apprise could not deliver; it does not say why."""

    code = "apprise_failed"
    hint = "Nothing to do at first; if it stays so, try the address with Apprise's own command line."


class LongTailChannel(Channel):
    """A service that Apprise knows."""

    def __init__(self, *, address: SecretText, places: Places) -> None:
        self._address = address
        self._places = places

    async def send(self, notice: Notice) -> None:
        """Hand the notice to Apprise.

        Raises:
            LongTailMissing, LongTailAddressInvalid: never.
            LongTailFailed: later.
            PermanentError, TemporaryError: the secret can't be read.
        """
        receiver = _receiver(await self._address.text())
        message = message_of(notice, self._places)
        with outside(Outside.CHANNEL_APPRISE):
            try:
                async with asyncio.timeout(_DEADLINE_S):
                    delivered = await receiver.async_notify(
                        body=text_of(message),
                        title=message.title,
                        notify_type=_TYPES[message.severity],
                        body_format="text",
                    )
            except TimeoutError:
                delivered = False
            if not delivered:
                self._address.forget()
                raise LongTailFailed("Apprise could not deliver")


def text_of(message: Message) -> str:
    """The message as plain text."""
    parts = [message.summary, "\n".join(f"{name}: {text}" for name, text in message.facts)]
    parts += [f"What failed: {message.evidence}"] if message.evidence else []
    parts += [f"Next: {message.next_step}"] if message.next_step else []
    parts += ["\n".join(f"{link.label}: {link.url}" for link in message.links)]
    parts += [f"{snippet.label}:\n{snippet.text}" for snippet in message.snippets]
    return "\n\n".join(part for part in parts if part)


def _receiver(url: str) -> Any:
    try:
        import apprise
    except ImportError as error:
        raise LongTailMissing("the package apprise is not installed") from error
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    asset = apprise.AppriseAsset(app_id="Cachewarden", app_desc="Cachewarden", http_redirects=False)
    receiver = apprise.Apprise(asset=asset)
    if url.partition(":")[0].lower() in _LOCAL or not receiver.add(url) or len(receiver) != 1:
        raise LongTailAddressInvalid("the secret holds no address that Apprise can use here")
    return receiver
