"""E-mail and the long tail of services, through Apprise, in a process of its own for each notice.

The traps: Apprise says that it failed and not why, so every failure counts as one that may pass; a hundred services
connect in as many ways, so no check of the address beforehand holds; a service that hangs keeps its thread; and it is
eight megabytes of code beside the app's identity. So it runs in a process (`apprise_process`) that guards its own
sockets, has none of the app's settings, and is ended when its time is over.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from shared.adapters.channels.addresses import SecretText
from shared.adapters.channels.apprise_words import Job, Outcome
from shared.adapters.channels.posting import ReceiverNotPublic
from shared.adapters.channels.reach import Reach
from shared.application.channel_ports import Channel
from shared.domain.notice_kinds import Severity
from shared.domain.notice_links import Places
from shared.domain.notices import Notice
from shared.domain.telling import Message, message_of
from shared.errors import PermanentError, TemporaryError
from shared.telemetry.names import Outside
from shared.telemetry.spans import outside

_TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
_DEADLINE_S: Final = 60.0
_PROCESS: Final = "shared.adapters.channels.apprise_process"
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""What the process needs of the environment; neither proxies, which would hide where it connects to, nor secrets."""


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

    def __init__(self, *, address: SecretText, places: Places, reach: Reach, deadline_s: float = _DEADLINE_S) -> None:
        self._address = address
        self._places = places
        self._reach = reach
        self._deadline_s = deadline_s

    async def send(self, notice: Notice) -> None:
        """Hand the notice to Apprise.

        Raises:
            LongTailMissing, LongTailAddressInvalid, ReceiverNotPublic: never.
            LongTailFailed: later.
            PermanentError, TemporaryError: the secret can't be read.
        """
        message = message_of(notice, self._places)
        job = Job(
            url=await self._address.text(),
            title=message.title,
            body=text_of(message),
            kind=_TYPES[message.severity],
            allowed=tuple(str(network) for network in self._reach.allowed),
        )
        with outside(Outside.CHANNEL_APPRISE):
            match await self._outcome(job):
                case Outcome.SENT:
                    return
                case Outcome.MISSING:
                    raise LongTailMissing("the package apprise is not installed")
                case Outcome.NO_ADDRESS:
                    self._address.forget()
                    raise LongTailAddressInvalid("the secret holds no address that Apprise can use here")
                case Outcome.NOT_PUBLIC:
                    self._address.forget()
                    raise ReceiverNotPublic("the address of the channel leads into a network that is not public")
                case Outcome.FAILED:
                    self._address.forget()
                    raise LongTailFailed("Apprise could not deliver")

    async def _outcome(self, job: Job) -> Outcome:
        """What the process says; one that says nothing in time is ended."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _PROCESS,
            env=_environment(os.environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._deadline_s):
                said, _ = await process.communicate(msgspec.json.encode(job))
            return Outcome(said.decode())
        except (TimeoutError, ValueError):
            return Outcome.FAILED
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def text_of(message: Message) -> str:
    """The message as plain text."""
    parts = [message.summary, "\n".join(f"{name}: {text}" for name, text in message.facts)]
    parts += [f"What failed: {message.evidence}"] if message.evidence else []
    parts += [f"Next: {message.next_step}"] if message.next_step else []
    parts += ["\n".join(f"{link.label}: {link.url}" for link in message.links)]
    parts += [f"{snippet.label}:\n{snippet.text}" for snippet in message.snippets]
    return "\n\n".join(part for part in parts if part)


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    kept = {name: ours[name] for name in _INHERITED if name in ours}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
