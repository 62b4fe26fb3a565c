"""A channel's address: a secret that is read when it is needed and never shown."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from shared.application.secret_ports import SecretReader
from shared.errors import PermanentError

_LONGEST: Final = 4096


class AddressInvalid(PermanentError):
    """The secret with a channel's address holds no https address."""

    code = "channel_address_invalid"
    hint = "Write the webhook's whole https:// address into the secret, as the service shows it, and nothing else."


class SecretText(msgspec.Struct, frozen=True):
    """A secret by where it lies."""

    reader: SecretReader
    vault: str
    name: str

    async def text(self) -> str:
        """What it says; errors as for `SecretReader.read`."""
        return await self.reader.read(self.vault, self.name)

    async def url(self) -> str:
        """What it says, as an address.

        Raises:
            AddressInvalid: it is no https address; the message does not say what it is.
            PermanentError, TemporaryError: as for `SecretReader.read`.
        """
        text = await self.text()
        try:
            parts = urlsplit(text)
            sound = parts.scheme == "https" and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            sound = False
        printable = text.isascii() and text.isprintable() and " " not in text and len(text) <= _LONGEST
        if not (sound and printable) or parts.username or parts.password:
            raise AddressInvalid(f"the secret {self.name} holds no https address")
        return text

    def forget(self) -> None:
        """Read it anew next time."""
        self.reader.forget(self.vault, self.name)
